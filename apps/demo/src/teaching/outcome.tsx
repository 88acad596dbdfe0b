/** @jsxImportSource preact */
/** @file Third step: before and after, the choice of model, and the adapter as a file. */
import { tellLearner } from '../session.ts';
import { tidy } from '../talk/wording.ts';
import { marksOf } from '../learning/exam.ts';
import type { Drawing } from '../learning/lessons.ts';
import type { Examined } from '../learning/messages.ts';
import { inUse } from './mode.ts';
import { DrawingPicture } from './pictures.tsx';
import { isRunning, learning, loadAdapter } from './state.ts';

function Answer({ one, when }: { one: Examined; when: 'before' | 'after' }) {
  const answer = one[when];
  if (answer === null) return <td>–</td>;
  const isRight = answer === one.expected;
  return (
    <td class={isRight ? 'right' : 'wrong'}>
      {tidy(answer).replace(/\.$/, '')} <span aria-hidden="true">{isRight ? '✓' : '✗'}</span>
      <span class="unseen">{isRight ? ', right' : ', wrong'}</span>
    </td>
  );
}

/** `0 of 3 → 3 of 3` for the drawings, or the samples. */
function Marks({ exam, isDrawing, label }: { exam: readonly Examined[]; isDrawing: boolean; label: string }) {
  const [before, after] = (['before', 'after'] as const).map((when) => marksOf(exam, when, isDrawing));
  if (!before) return null;
  return (
    <p class="marks" data-marks={isDrawing ? 'drawings' : 'samples'}>
      <span>{label}</span>
      <b>
        {before.right} of {before.of}
        {after && (
          <>
            {' '}
            <span aria-hidden="true">→</span>
            <span class="unseen">before, and now</span> {after.right} of {after.of}
          </>
        )}
      </b>
    </p>
  );
}

function Exam({ exam }: { exam: readonly Examined[] }) {
  const drawn = exam.filter(({ isDrawing }) => isDrawing);
  return (
    <>
      <Marks exam={exam} isDrawing label="Your drawings that it never learned from" />
      <Marks exam={exam} isDrawing={false} label="Questions about the samples, so that nothing is forgotten" />
      {drawn.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Drawing</th>
              <th scope="col">You say</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {drawn.map((one, i) => (
              <tr key={i}>
                <td>
                  <DrawingPicture of={one.scene.objects[0] as Drawing} />
                  <span class="unseen">number {i + 1}</span>
                </td>
                <td>{tidy(one.expected).replace(/\.$/, '')}</td>
                <Answer one={one} when="before" />
                <Answer one={one} when="after" />
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

export function Outcome() {
  const now = learning.value;
  const isDone = now?.state === 'done';
  const learned = inUse.value === 'learned';
  return (
    <section class="step" id="outcome">
      <h3>3. See what changed</h3>
      {now && now.exam.length > 0 && <Exam exam={now.exam} />}
      {isDone && (
        <p id="in-use" role="status" data-use={inUse.value}>
          {learned ? 'The page answers with what it has learned.' : 'The page answers as it came.'}
        </p>
      )}
      <div class="row">
        {isDone && (
          <>
            <button
              type="button"
              id="use"
              class="primary"
              onClick={() => tellLearner({ kind: 'use', which: learned ? 'original' : 'learned' })}
            >
              {learned ? 'Back to the original' : 'Use what it learned'}
            </button>
            <button type="button" id="export" onClick={() => tellLearner({ kind: 'export' })}>
              Save the adapter
            </button>
          </>
        )}
        {!isRunning(now) && (
          <label class="button">
            Open an adapter…
            <input
              type="file"
              id="adapter"
              class="unseen"
              accept=".zip,application/zip"
              onChange={({ currentTarget }) => {
                const file = currentTarget.files?.[0];
                if (file) loadAdapter(file);
                currentTarget.value = '';
              }}
            />
          </label>
        )}
        {now && !isRunning(now) && (
          <button type="button" id="forget" onClick={() => tellLearner({ kind: 'forget' })}>
            Forget it
          </button>
        )}
      </div>
      <p class="hint">
        {isDone ? (
          <>
            The adapter is a PEFT folder in a zip: unpacked, <code>curio ask --adapter</code> reads it. It stays in this
            browser until you forget it.
          </>
        ) : (
          'An adapter that was saved here, or that curio train wrote, can be opened from its zip.'
        )}
      </p>
    </section>
  );
}
