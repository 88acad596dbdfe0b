/** @jsxImportSource preact */
/** @file First step: say what was drawn, and see what was collected. */
import { digitWord } from '@curio/scenes';
import { signal } from '@preact/signals';
import { drawForMe, drawings, FEWEST, GOAL, removeDrawing, removeDrawings, said, takeDrawing } from './drawings.ts';
import { isForExam } from '../learning/lessons.ts';
import { DrawingPicture } from './pictures.tsx';

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const forMe = signal(5);

/** The removed drawing's buttons disappear; focus stays in the tray. */
function remove(index: number, { currentTarget }: { currentTarget: HTMLElement }): void {
  currentTarget.closest<HTMLElement>('.tray')!.focus();
  removeDrawing(index);
}

function Tray() {
  const count = drawings.value.length;
  return (
    <section class="tray" tabIndex={-1} aria-label="Your drawings">
      <p class="hint">
        {count === 0
          ? `None yet: it needs ${FEWEST}, and ten are better. Every third is kept apart for the exam.`
          : `${count} ${count === 1 ? 'drawing' : 'drawings'}${count < GOAL ? ` of ${GOAL}` : ''}; those with a dashed frame are kept apart for the exam.`}
        {count > 0 && (
          <button type="button" class="small" id="remove-drawings" onClick={removeDrawings}>
            Remove all
          </button>
        )}
      </p>
      {count > 0 && (
        <ul>
          {drawings.value.map((drawing, i) => (
            <li key={i} data-exam={isForExam(i)}>
              <button type="button" title="Remove" onClick={(event) => remove(i, event)}>
                <DrawingPicture of={drawing} />
                <span class="label">{drawing.digit}</span>
                <span class="unseen">
                  {digitWord(drawing.digit)}
                  {isForExam(i) && ', kept apart'}: remove drawing {i + 1}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

export function Showing() {
  const { text, isRefusal } = said.value;
  return (
    <section class="step">
      <h3>1. Draw one on the board, and say what it is</h3>
      <div class="keypad" role="group" aria-label="This is a">
        {DIGITS.map((digit) => (
          <button key={digit} type="button" data-digit={digit} onClick={() => takeDrawing(digit)}>
            {digit}
          </button>
        ))}
      </div>
      <p id="taken" class={isRefusal ? 'hint refused' : 'hint'} role="status">
        {text || 'Your own five, for example, if it misreads it.'}
      </p>
      <Tray />
      <details>
        <summary>No hand free?</summary>
        <p class="row">
          <label for="for-me">Let the page draw ten of</label>
          <select
            id="for-me"
            value={forMe.value}
            onChange={({ currentTarget }) => (forMe.value = Number(currentTarget.value))}
          >
            {DIGITS.map((digit) => (
              <option key={digit} value={digit}>
                {digit}
              </option>
            ))}
          </select>
          <button type="button" id="draw-for-me" onClick={() => drawForMe(forMe.value)}>
            Draw
          </button>
        </p>
      </details>
    </section>
  );
}
