/** @jsxImportSource preact */
/** @file The page: draw or take a scene, ask, or let the model ask. Everything of the model runs in a worker. */
import { render } from 'preact';
import { Conversation } from './conversation.tsx';
import { Easel, openSamples } from './easel.tsx';
import { openModel } from './session.ts';
import { Footing, Standing } from './standing.tsx';
import './style.css';

function Page() {
  return (
    <>
      <header>
        <h1>Curio</h1>
        <p>
          Draw some digits. A small vision-language model, running on your device, answers questions about them, and
          asks its own.
        </p>
      </header>
      <main>
        <Easel />
        <div class="side">
          <Standing />
          <Conversation />
        </div>
      </main>
      <Footing />
    </>
  );
}

render(<Page />, document.getElementById('page')!);
openModel();
void openSamples();
