/** @jsxImportSource preact */
/**
 * @file How it works: from a picture to the model's own question in four pictures, each with the kernel that just ran.
 */
import { computed } from '@preact/signals';
import { Pixels } from '../board/board.tsx';
import { isEmpty, picture } from '../board/drawing.ts';
import { attentionPaint, eachPatch, Painted, prototypePaint } from '../inside/overlay.tsx';
import type { Paint } from '../inside/overlay.tsx';
import type { SeenWord } from '../inside/messages.ts';
import { attentionOf, attentionSaid, prototypesSaid } from '../inside/reading.ts';
import { openLab } from '../lab/entrance.tsx';
import { closed, opened, showHow } from '../session.ts';
import { tidy } from '../talk/wording.ts';
import { shown } from './stages.ts';
import type { Stage, StageTime } from './run-stages.ts';

const TITLES = { patches: 'Patches', prototypes: 'Prototypes', words: 'Words', question: 'Its own question' } as const;

const patchesPaint =
  (count: number): Paint =>
  (canvas) => {
    canvas.strokeStyle = '#fff';
    canvas.lineWidth = 3;
    eachPatch(count, (_, x, y, side) => canvas.strokeRect(x + 2, y + 2, side - 4, side - 4));
  };

/** The word for which it looked at the picture most. */
const mostSeen = (words: readonly SeenWord[]): SeenWord => {
  const sum = (word: SeenWord): number => attentionOf(word, null).reduce((total, share) => total + share, 0);
  return words.reduce((best, word) => (sum(word) > sum(best) ? word : best));
};

/** How a stage is drawn and described. */
function told(stage: Stage): { readonly how: Paint | null; readonly text: string; readonly quote?: string } {
  if (stage.name === 'patches')
    return {
      how: patchesPaint(stage.patches),
      text: `The picture is cut into ${stage.patches} patches, and the image tower turns each into ${stage.width} numbers.`,
    };
  if (stage.name === 'prototypes')
    return stage.prototypes
      ? { how: prototypePaint(stage.prototypes, null), text: prototypesSaid(stage.prototypes, null) }
      : { how: null, text: 'This model has no prototypes: each patch is used as it is.' };
  if (stage.words.length === 0) return { how: null, text: 'It said nothing.' };
  const word = mostSeen(stage.words);
  return {
    how: attentionPaint(attentionOf(word, null)),
    text: attentionSaid(word, null),
    quote: tidy(stage.words.map(({ text }) => text).join(' ')),
  };
}

const ms = (value: number): string => `${value < 10 ? value.toPrecision(2) : Math.round(value)}\u00a0ms`;

function Time({ time }: { time: StageTime | null }) {
  if (!time) return <p class="hint">This device reports no times.</p>;
  const { dispatches, kernel } = time;
  return (
    <p class="hint">
      <button
        type="button"
        class="kernel"
        aria-label={`${kernel.name}: see it in the kernel lab`}
        onClick={() => openLab(kernel.name)}
      >
        <code>{kernel.name}</code>
      </button>{' '}
      just ran {kernel.dispatches === 1 ? 'once' : `${kernel.dispatches} times`} in {ms(kernel.ms)}, the longest of{' '}
      {dispatches} dispatches in {ms(time.ms)}.
    </p>
  );
}

function Figure({ stage }: { stage: Stage }) {
  const { how, text, quote } = told(stage);
  return (
    <li data-stage={stage.name}>
      <div class="looked">
        <Pixels of={shown.value!.picture} />
        <Painted how={how} />
      </div>
      <h3>{TITLES[stage.name]}</h3>
      {quote && <p>“{quote}”</p>}
      <p>{text}</p>
      <Time time={stage.time} />
    </li>
  );
}

const why = computed(() =>
  isEmpty.value
    ? 'Draw a digit first.'
    : !opened.value || closed.value
      ? 'The model has not loaded yet.'
      : (shown.value?.message ?? ''),
);

export function How() {
  const { stages = [], isRunning = false } = shown.value ?? {};
  return (
    <section class="how" aria-labelledby="how-title">
      <h2 id="how-title">How it works</h2>
      <p class="hint">
        From the picture on the board to a question of its own: four stages, run one by one on this device and timed.
      </p>
      <p>
        <button
          type="button"
          id="how"
          aria-disabled={isRunning || isEmpty.value || !opened.value || closed.value !== null}
          onClick={({ currentTarget }) => currentTarget.ariaDisabled === 'true' || showHow(picture.value)}
        >
          {stages.length > 0 ? 'Show it again' : 'Show it'}
        </button>{' '}
        <span class="hint" role="status">
          {isRunning ? `Stage ${stages.length + 1} of 4 …` : why.value}
        </span>
      </p>
      {stages.length > 0 && (
        <ol>
          {stages.map((stage) => (
            <Figure key={stage.name} stage={stage} />
          ))}
        </ol>
      )}
    </section>
  );
}
