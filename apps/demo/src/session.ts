/** @file The page's state: the model in its worker, the talks with it, and those waiting for it. */
import type { Picture } from '@curio/model';
import type { Scene } from '@curio/scenes';
import { computed, signal } from '@preact/signals';
import { beginHow, endHow, keepStage, shown as how } from './how/stages.ts';
import type { Part } from './inside/messages.ts';
import { forgetSeen, keepSeen, seesInside } from './inside/seen.ts';
import type { FromSwaps, ToSwaps } from './lab/messages.ts';
import type { FromLearner, ToLearner } from './learning/messages.ts';
import type { Closed, FromWorker, Opened, ToWorker } from './protocol.ts';

/** Who asks whom: the visitor the model, the model itself, or the model the visitor. */
export type TalkKind = 'asked' | 'self' | 'quiz';

export interface Talk {
  readonly id: number;
  readonly kind: TalkKind;
  /** What the visitor asked. */
  readonly asked: string | null;
  readonly picture: Picture;
  /** What the picture shows, if it is a sample. */
  readonly truth: Scene | null;
  readonly seed: number;
  /** By part and number. */
  readonly texts: Readonly<Partial<Record<`${Part} ${number}`, string>>>;
  /** Probability under the model of each complete text. */
  readonly sureness: Readonly<Partial<Record<`${Part} ${number}`, number>>>;
  readonly tokens: number;
  readonly seconds: number;
  readonly state: 'waiting' | 'writing' | 'done' | 'stopped' | 'failed';
  readonly message: string;
  /** What the visitor answered. */
  readonly picked: string | null;
  /** The page began it, so it gives way to what the visitor wants. */
  readonly isOpening: boolean;
}

const STARTING = { label: 'Starting', share: null };
export const loading = signal<{ readonly label: string; readonly share: number | null }>(STARTING);
export const opened = signal<Opened | null>(null);
export const closed = signal<{ readonly reason: Closed; readonly message: string } | null>(null);
/** Newest first. */
export const talks = signal<readonly Talk[]>([]);
const writing = computed(() => talks.value.find(({ state }) => state === 'writing'));
/** Something is being written or waiting. */
export const busy = computed(() => talks.value.some(({ state }) => state === 'writing' || state === 'waiting'));
/** The oldest one waiting. */
const waiting = computed(() => talks.value.filter(({ state }) => state === 'waiting').at(-1));
/** This browser has no device for the model: nothing can ever be answered. */
export const hopeless = computed(() => closed.value?.reason === 'no-webgpu' || closed.value?.reason === 'no-adapter');

/** How many questions the model asks at a time. */
export const QUESTIONS = 3;
/** A device that is lost again within this time, in ms, is not reopened automatically a second time. */
const PATIENCE = 20_000;

let worker: Worker | null = null;
let reopenedAt = Number.NEGATIVE_INFINITY;
const send = (message: ToWorker): void => worker?.postMessage(message);

/** Receives what the worker reports about learning; loaded on demand. */
let hearsLearner: (said: FromLearner) => void = () => {};
export const listenToLearner = (hears: typeof hearsLearner): void => void (hearsLearner = hears);
/** Sends to the learner in the worker, which listens once the model has loaded. */
export const tellLearner = (message: ToLearner): void => send({ kind: 'learn', message });

/** Receives which of the visitor's kernels the model runs; loaded on demand. */
let hearsSwaps: (message: FromSwaps) => void = () => {};
export const listenToSwaps = (hears: typeof hearsSwaps): void => void (hearsSwaps = hears);
/** Puts one of the visitor's kernels into the model, or restores all of Curio's own. */
export const tellSwaps = (message: ToSwaps): void => send(message);

function change(id: number, how: (talk: Talk) => Partial<Talk>): void {
  talks.value = talks.value.map((talk) => (talk.id === id ? { ...talk, ...how(talk) } : talk));
}

function hear(data: FromWorker): void {
  if (data.kind === 'loading') loading.value = data;
  else if (data.kind === 'ready') {
    opened.value = data;
    next();
  } else if (data.kind === 'closed') close(data.reason, data.message);
  else if (data.kind === 'learning') hearsLearner(data.said);
  else if (data.kind === 'swapped') hearsSwaps(data);
  else if (data.kind === 'text')
    change(data.id, ({ texts, state }) =>
      state === 'writing'
        ? {
            texts: { ...texts, [`${data.part} ${data.index}`]: data.text },
            tokens: data.tokens,
            seconds: data.seconds,
          }
        : {},
    );
  else if (data.kind === 'sure')
    change(data.id, ({ sureness, state }) =>
      state === 'writing' ? { sureness: { ...sureness, [`${data.part} ${data.index}`]: data.probability } } : {},
    );
  else if (data.kind === 'stage') keepStage(data.id, data.stage);
  else if (data.id < 0) endHow(data.id, data.kind === 'failed' ? data.message : '');
  else if (data.kind === 'word' || data.kind === 'patches') keepSeen(data);
  else {
    const end: Partial<Talk> = data.kind === 'done' ? { state: 'done' } : { state: 'failed', message: data.message };
    change(data.id, ({ state }) => (state === 'writing' ? end : {}));
    next();
  }
}

/** Starts the worker and the model in it; waiting questions are asked as soon as it has loaded. */
export function openModel(): void {
  worker?.terminate();
  [loading.value, opened.value, closed.value] = [STARTING, null, null];
  worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  worker.onerror = ({ message }) =>
    close('error', message || 'page: the worker with the model could not be started; try again.');
  worker.onmessage = ({ data }: MessageEvent<FromWorker>) => hear(data);
  send({ kind: 'open', model: new URL('model/', document.baseURI).href });
}

/** Nothing is lost: what was being written waits for the model to return, and is written again. */
function close(reason: Closed, message: string): void {
  closed.value = { reason, message };
  endHow(null, 'The model went away in the meantime; ask to see it again.');
  if (hopeless.value) {
    const end = { state: 'failed', message: 'The model does not run in this browser.' } as const;
    talks.value = talks.value
      .filter(({ isOpening, state }) => !isOpening || state === 'done')
      .map((talk) => (talk.state === 'waiting' ? { ...talk, ...end } : talk));
    return;
  }
  if (writing.value) change(writing.value.id, () => AGAIN);
  if (reason !== 'lost' || performance.now() - reopenedAt < PATIENCE) return;
  reopenedAt = performance.now();
  openModel();
}

/** The state of a talk that is to be written again. */
const AGAIN: Partial<Talk> = { state: 'waiting', texts: {}, sureness: {}, tokens: 0, seconds: 0 };

/** Hands the oldest waiting question to the worker if it is free. */
function next(): void {
  const talk = waiting.value;
  if (!opened.value || closed.value || writing.value || !talk) return;
  change(talk.id, () => ({ state: 'writing' }));
  const { id, kind, picture, asked, seed } = talk;
  const trace = seesInside.value;
  forgetSeen(id);
  if (kind === 'asked') send({ kind: 'ask', id, picture, question: asked!, trace });
  else send({ kind: 'self', id, picture, questions: QUESTIONS, seed, trace });
}

function begin(kind: TalkKind, asked: string | null, picture: Picture, truth: Scene | null, isOpening = false): void {
  talks.value.filter((talk) => talk.isOpening).forEach(stop);
  const id = Math.max(-1, ...talks.value.map((talk) => talk.id)) + 1;
  const seed = Math.floor(Math.random() * 2 ** 31);
  const fresh = {
    texts: {},
    sureness: {},
    tokens: 0,
    seconds: 0,
    state: 'waiting',
    message: '',
    picked: null,
  } as const;
  talks.value = [{ id, kind, asked, picture, truth, seed, isOpening, ...fresh }, ...talks.value];
  next();
}

/** Asks about a picture; the answer streams into `talks`. */
export const ask = (question: string, picture: Picture, truth: Scene | null): void =>
  begin('asked', question, picture, truth);

/** Lets the model describe a picture, ask about it and answer itself. */
export const letItAsk = (picture: Picture, truth: Scene | null, isOpening = false): void =>
  begin('self', null, picture, truth, isOpening);

/** Lets the model ask the visitor. */
export const letItQuiz = (picture: Picture, truth: Scene | null): void => begin('quiz', null, picture, truth);

/** The visitor's answer to the model's question. */
export const pick = (id: number, answer: string): void => change(id, () => ({ picked: answer }));

/** Has the newest answer written again, this time traced; its words are the same. */
export function lookAgain(): void {
  const talk = talks.value.find(({ kind, state }) => kind !== 'quiz' && state === 'done');
  if (!talk || busy.value) return;
  change(talk.id, () => AGAIN);
  next();
}

/** Shows how it works on a picture, after what is being written. */
export function showHow(shown: Picture): void {
  if (!opened.value || closed.value) return;
  send({ kind: 'how', id: beginHow(shown), picture: shown });
}

/** Ends one talk, waiting or being written; its text so far stays. */
export function stop({ id, state }: Talk): void {
  if (state === 'writing') send({ kind: 'stop', id });
  if (state === 'writing' || state === 'waiting') change(id, () => ({ state: 'stopped' }));
  next();
}

/** Something is being done that can be stopped. */
export const stoppable = computed(() => busy.value || how.value?.isRunning === true);

/** Ends what is being written, or else the talk that has waited longest, or else what shows how it works. */
export function stopFirst(): void {
  const talk = writing.value ?? waiting.value;
  if (talk) stop(talk);
  else if (how.value?.isRunning) {
    send({ kind: 'stop', id: how.value.id });
    endHow(how.value.id, 'Stopped.');
  }
}
