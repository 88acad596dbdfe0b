/** @file What the page knows: the model in its worker, and the talks with it. */
import type { Picture } from '@curio/model';
import type { Scene } from '@curio/scenes';
import { computed, signal } from '@preact/signals';
import type { Closed, FromWorker, Opened, Part, ToWorker } from './protocol.ts';

export interface Talk {
  readonly id: number;
  /** Null where the model asks. */
  readonly asked: string | null;
  readonly picture: Picture;
  /** Truth of the picture, where it is a sample. */
  readonly truth: Scene | null;
  /** By part and number. */
  readonly texts: Readonly<Partial<Record<`${Part} ${number}`, string>>>;
  readonly tokens: number;
  readonly seconds: number;
  readonly state: 'writing' | 'done' | 'stopped' | 'failed';
  readonly message: string;
}

export const loading = signal<{ readonly label: string; readonly share: number | null }>({
  label: 'Starting',
  share: null,
});
export const opened = signal<Opened | null>(null);
export const closed = signal<{ readonly reason: Closed; readonly message: string } | null>(null);
/** Newest first. */
export const talks = signal<readonly Talk[]>([]);
export const busy = computed(() => talks.value[0]?.state === 'writing');
export const ready = computed(() => opened.value !== null && closed.value === null && !busy.value);

/** How many questions the model asks at a time. */
export const QUESTIONS = 3;

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const send = (message: ToWorker): void => worker.postMessage(message);

worker.onerror = ({ message }) =>
  close('error', message || 'page: the worker with the model could not be started; reload the page.');
worker.onmessage = ({ data }: MessageEvent<FromWorker>): void => {
  if (data.kind === 'loading') loading.value = data;
  else if (data.kind === 'ready') opened.value = data;
  else if (data.kind === 'closed') close(data.reason, data.message);
  else if (data.kind === 'text')
    change(data.id, ({ texts }) => ({
      texts: { ...texts, [`${data.part} ${data.index}`]: data.text },
      tokens: data.tokens,
      seconds: data.seconds,
    }));
  else if (data.kind === 'done') change(data.id, ({ state }) => ({ state: state === 'writing' ? 'done' : state }));
  else change(data.id, () => ({ state: 'failed', message: data.message }));
};

function close(reason: Closed, message: string): void {
  closed.value = { reason, message };
  if (busy.value) change(talks.value[0]!.id, () => ({ state: 'failed', message }));
}

function change(id: number, how: (talk: Talk) => Partial<Talk>): void {
  talks.value = talks.value.map((talk) => (talk.id === id ? { ...talk, ...how(talk) } : talk));
}

function begin(asked: string | null, picture: Picture, truth: Scene | null): number {
  const id = talks.value.length;
  talks.value = [
    { id, asked, picture, truth, texts: {}, tokens: 0, seconds: 0, state: 'writing', message: '' },
    ...talks.value,
  ];
  return id;
}

/** Asks about a picture; the answer streams into `talks`. */
export function ask(question: string, picture: Picture, truth: Scene | null): void {
  send({ kind: 'ask', id: begin(question, picture, truth), picture, question });
}

/** Lets the model describe a picture, ask about it and answer itself. */
export function letItAsk(picture: Picture, truth: Scene | null): void {
  send({
    kind: 'self',
    id: begin(null, picture, truth),
    picture,
    questions: QUESTIONS,
    seed: Math.floor(Math.random() * 2 ** 31),
  });
}

export function stop(): void {
  send({ kind: 'stop' });
  if (busy.value) change(talks.value[0]!.id, () => ({ state: 'stopped' }));
}

export const openModel = (): void => send({ kind: 'open', model: new URL('model/', document.baseURI).href });
