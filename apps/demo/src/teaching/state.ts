/** @file The page's state of learning, and its requests to the learner in the worker. */
import type { SceneSamples } from '@curio/scenes';
import { effect, signal } from '@preact/signals';
import { samples } from '../board/drawing.ts';
import { closed, listenToLearner, opened, tellLearner } from '../session.ts';
import { drawings, FEWEST, restoreDrawings } from './drawings.ts';
import { isForExam } from '../learning/lessons.ts';
import type { FromLearner, Learning, Plan } from '../learning/messages.ts';
import { inUse, noteLearned, notedLearned } from './mode.ts';
import { STEPS } from '../learning/recipe.ts';

/** Undefined until the learner has checked what is stored. */
export const learning = signal<Learning | null | undefined>(undefined);
export const notice = signal('');
export const source = signal<'drawings' | 'samples'>('drawings');
export const steps = signal(STEPS);

/** The same drawings and seed give the same training, to the bit. */
export const seed = signal(1);
export const MOST_SEED = 2 ** 31 - 1;
/** Null if what was typed is not a valid seed. */
export function seedOf(text: string): number | null {
  const typed = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isInteger(typed) && typed >= 0 && typed <= MOST_SEED ? typed : null;
}

export const isRunning = (of: Learning | null | undefined): boolean =>
  of?.state === 'preparing' || of?.state === 'training' || of?.state === 'examining';

/** Why no training can begin now, or null. */
export function whyNot(): string | null {
  if (typeof samples.value === 'string') return 'The sample pictures have not loaded yet.';
  if (source.value === 'drawings' && drawings.value.length < FEWEST)
    return `It needs ${FEWEST} drawings or more, and has ${drawings.value.length}.`;
  return null;
}

function plan(): Plan {
  const all = source.value === 'drawings' ? drawings.value : [];
  return {
    source: source.value,
    drawings: all.filter((_, i) => !isForExam(i)),
    apart: all.filter((_, i) => isForExam(i)),
    samples: samples.value as SceneSamples,
    seed: seed.value,
    steps: steps.value,
  };
}

export const train = (): void => {
  notice.value = whyNot() ?? '';
  if (notice.value === '') tellLearner({ kind: 'train', plan: plan() });
};

export function loadAdapter(file: File): void {
  if (typeof samples.value === 'string') notice.value = whyNot()!;
  else tellLearner({ kind: 'load', file, name: file.name, plan: plan() });
}

function download(zip: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(zip);
  link.download = 'curio-adapter.zip';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function hear(heard: FromLearner): void {
  if (heard.kind === 'notice') notice.value = heard.text;
  else if (heard.kind === 'exported') download(heard.zip);
  else if (heard.kind === 'using') {
    inUse.value = heard.which;
    if (learning.value) noteLearned(heard.which);
  } else {
    learning.value = heard.learning;
    noteLearned(heard.learning ? inUse.value : null);
  }
}

let isBegun = false;

/** Checks what earlier visits left, now and whenever the model returns after its device was lost. */
export function beginLearning(): void {
  if (isBegun) return;
  isBegun = true;
  inUse.value = notedLearned() ?? 'original';
  listenToLearner(hear);
  void restoreDrawings();
  // A training that was interrupted by the loss of the device continues automatically.
  let ranBefore = false;
  effect(() => {
    if (closed.value && isRunning(learning.peek())) ranBefore = true;
  });
  effect(() => {
    if (!opened.value) return;
    tellLearner({ kind: 'look', use: inUse.peek(), goOn: ranBefore });
    ranBefore = false;
  });
}
