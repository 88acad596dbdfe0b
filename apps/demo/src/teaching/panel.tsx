/** @jsxImportSource preact */
/** @file Teach it: draw and say what it is, train, see what changed. A chunk of its own, loaded on demand. */
import { Outcome } from './outcome.tsx';
import { Showing } from './lesson-tray.tsx';
import { Training } from './progress.tsx';
import { beginLearning } from './state.ts';
import '../style/teach.css';

beginLearning();

export function Panel() {
  return (
    <section class="teach" aria-labelledby="teach-title">
      <h2 id="teach-title">Teach it your hand</h2>
      <p class="lead">
        It trains in this tab, on your device: low-rank adapters of both its towers, by the code of{' '}
        <code>curio train</code>.
      </p>
      <Showing />
      <Training />
      <Outcome />
    </section>
  );
}
