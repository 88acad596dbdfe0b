/** @jsxImportSource preact */
/** @file The page: draw or open a picture, ask, or let the model ask. Everything about the model runs in a worker. */
import { effect } from '@preact/signals';
import { render } from 'preact';
import { Board } from './board/board.tsx';
import { isEmpty, openSamples, picture, truth } from './board/drawing.ts';
import { Pens } from './board/pens.tsx';
import { Pictures } from './board/pictures.tsx';
import { How } from './how/how.tsx';
import { Inside } from './inside/panel.tsx';
import { keepPage } from './keeping.ts';
import { LabEntrance } from './lab/entrance.tsx';
import { ask, letItAsk, opened, openModel, stopFirst, talks } from './session.ts';
import { Footing, Standing } from './standing.tsx';
import { mode } from './teaching/mode.ts';
import { bringBackLearned, LearnedNote, Modes, Teach } from './teaching/modes.tsx';
import { Asking, question } from './talk/asking.tsx';
import { Conversation } from './talk/conversation.tsx';
import { readQuestion } from './talk/question.ts';
import './style/page.css';
import './style/layout.css';
import './style/board.css';
import './style/talk.css';
import './style/inside.css';
import './style/how.css';

function Page() {
  return (
    <>
      <header>
        <div class="top">
          <p class="name">Curio</p>
          <Modes />
        </div>
        <h1>Draw digits. A small model answers, and asks.</h1>
        <p class="lead">
          It has two million parameters and runs on this device, in this tab, through hand-written GPU kernels.
        </p>
      </header>
      <main>
        <section class="easel" aria-label="Picture">
          <Board />
          <Pens />
        </section>
        <div class="pictures">
          <Pictures />
        </div>
        <div class="side">
          {mode.value === 'teach' ? <Teach /> : <Asking />}
          <Standing />
          {mode.value === 'ask' && <Inside />}
          {mode.value === 'ask' && <LearnedNote />}
          {mode.value === 'ask' && <Conversation />}
        </div>
      </main>
      {mode.value === 'ask' && <How />}
      <LabEntrance />
      <Footing />
    </>
  );
}

/** Whether the development server serves the page; nothing is cached then. */
declare const IS_SERVED: boolean;

/** The model speaks first: it answers the question in a link, or asks about the first picture. */
function speakFirst(): void {
  if (isEmpty.value || talks.value.length > 0) return;
  const typed = readQuestion(question.value);
  if ('question' in typed) ask(typed.question, picture.value, truth.value);
  else if (!matchMedia('(prefers-reduced-motion: reduce)').matches) letItAsk(picture.value, truth.value, true);
}

openModel(); // first, since the page waits longest for it
keepPage();
render(<Page />, document.getElementById('page')!);
document.addEventListener('keydown', ({ key }) => key === 'Escape' && stopFirst());
bringBackLearned();
void openSamples().then(speakFirst);

// Cached for visits without a network, once the model has loaded: earlier, everything would load twice at once.
if (!IS_SERVED && 'serviceWorker' in navigator)
  effect(() => {
    // Where the browser forbids it, as in some private windows, the page needs a network.
    if (opened.value) navigator.serviceWorker.register('./sw.js').catch(() => {});
  });
