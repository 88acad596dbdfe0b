/** @jsxImportSource preact */
/** @file Second step: train, watch, pause, stop. */
import { signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { hopeless, tellLearner } from '../session.ts';
import { judge, tidy } from '../talk/wording.ts';
import { Mark } from '../talk/written.tsx';
import { LossChart } from './loss-chart.tsx';
import type { Learning, SelfAsked } from '../learning/messages.ts';
import { ScenePicture } from './pictures.tsx';
import { isRunning, learning, MOST_SEED, notice, seed, seedOf, source, steps, train, whyNot } from './state.ts';

const LENGTHS = (
  [
    [20, 'short'],
    [60, 'normal'],
    [200, 'long'],
  ] as const
).map(
  ([count, label]) =>
    [
      count,
      <>
        {count} <span class="soft">{label}</span>
      </>,
    ] as const,
);
const SOURCES = [
  ['drawings', 'my drawings'],
  ['samples', 'samples only'],
] as const;

/** The button that was pressed and has not taken effect yet. */
const asked = signal<'pause' | 'stop' | null>(null);

function press(kind: 'pause' | 'stop' | 'resume'): void {
  asked.value = kind === 'resume' ? null : kind;
  tellLearner({ kind });
}

interface RadiosProps<T> {
  readonly legend: string;
  readonly name: string;
  readonly options: readonly (readonly [T, ComponentChildren])[];
  readonly of: Signal<T>;
}

function Radios<T extends string | number>({ legend, name, options, of }: RadiosProps<T>) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      {options.map(([value, label]) => (
        <label key={value}>
          <input
            type="radio"
            name={name}
            value={value}
            checked={of.value === value}
            onChange={() => (of.value = value)}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

function Choices() {
  return (
    <div class="choices">
      <Radios legend="Learn from" name="source" options={SOURCES} of={source} />
      <Radios legend="Steps" name="steps" options={LENGTHS} of={steps} />
      <p class="seed">
        <label for="seed">Seed</label>
        <input
          id="seed"
          type="number"
          min={0}
          max={MOST_SEED}
          value={seed.value}
          aria-describedby="seed-help"
          onChange={({ currentTarget }) => {
            seed.value = seedOf(currentTarget.value) ?? seed.value;
            currentTarget.value = `${seed.value}`;
          }}
        />
        <span class="soft" id="seed-help">
          the same drawings and seed give the same bits
        </span>
      </p>
    </div>
  );
}

const STATES: Readonly<Record<Learning['state'], string>> = {
  preparing: 'takes the exam before it learns',
  training: 'is learning',
  paused: 'rests',
  examining: 'takes the exam again',
  done: 'has learned',
};

/** Steps between announcements to screen readers. */
const SPOKEN_EVERY = 10;

function spoken({ state, step, steps: of }: Learning): string {
  const said = state === 'paused' ? step : SPOKEN_EVERY * Math.floor(step / SPOKEN_EVERY);
  if (state === 'training' && step === 0) return 'It begins: the device compiles its kernels for training first.';
  return `It ${STATES[state]}${state === 'training' || state === 'paused' ? `: step ${said} of ${of}` : ''}.`;
}

function Figures({ step, steps: of, losses, tokensPerSecond, bytes }: Learning) {
  const figures = [
    ['step', `${step} of ${of}`],
    ['loss', losses.at(-1)?.toFixed(3) ?? '–'],
    ['tokens/s', tokensPerSecond === null ? '–' : Math.round(tokensPerSecond).toLocaleString('en')],
    ['memory', bytes === null ? '–' : `${Math.round(bytes / 1e6)} MB`],
  ] as const;
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd data-figure={name}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Asked({ step, scene, question, answer }: SelfAsked) {
  return (
    <li>
      <ScenePicture of={scene} />
      <p>
        <span class="soft">Step {step}, it asks itself:</span> {tidy(question)} <b>{tidy(answer)}</b>
        <Mark verdict={judge(question, answer, scene)} />
      </p>
    </li>
  );
}

export function Training() {
  const now = learning.value;
  const running = isRunning(now);
  const resting = now?.state === 'paused';
  if (!running) asked.value = null;
  const refusal = whyNot();
  return (
    <section class="step" data-state={now?.state ?? 'none'} id="training">
      <h3>2. Train</h3>
      {!running && !resting && <Choices />}
      <div class="row">
        {!running && !resting && (
          <button
            type="button"
            id="train"
            class="primary"
            disabled={hopeless.value}
            aria-disabled={refusal !== null}
            aria-describedby="train-why"
            onClick={train}
          >
            {now?.state === 'done' ? 'Train again' : 'Train'}
          </button>
        )}
        {running && (
          <button
            type="button"
            id="pause"
            aria-disabled={now?.state !== 'training' || asked.value !== null}
            onClick={() => now?.state === 'training' && press('pause')}
          >
            {asked.value === 'pause' ? 'Pausing…' : 'Pause'}
          </button>
        )}
        {resting && (
          <button type="button" id="resume" class="primary" onClick={() => press('resume')}>
            Go on
          </button>
        )}
        {(running || resting) && (
          <button type="button" id="halt" aria-disabled={asked.value === 'stop'} onClick={() => press('stop')}>
            {asked.value === 'stop' ? 'Stopping…' : 'Stop'}
          </button>
        )}
      </div>
      <p id="train-why" class={notice.value ? 'hint refused' : 'hint'} role="status">
        {notice.value || (now ? spoken(now) : (refusal ?? 'It starts from the model as it answers now.'))}
      </p>
      {now && now.steps > 0 && now.state !== 'preparing' && (
        <>
          <LossChart losses={now.losses} steps={now.steps} />
          <Figures {...now} />
        </>
      )}
      {now && now.asked.length > 0 && (
        <ol class="asked" reversed aria-label="Questions of its own">
          {[...now.asked].reverse().map((one) => (
            <Asked key={one.step} {...one} />
          ))}
        </ol>
      )}
    </section>
  );
}
