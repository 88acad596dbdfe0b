/** @file What the lab shows: the text of a kernel, what its worker found, and which edited kernels the model runs. */
import { batch, computed, effect, signal } from '@preact/signals';
import { closed, listenToSwaps, opened, tellSwaps } from '../session.ts';
import type { Exhibit } from './gallery.ts';
import { gallery, textOf } from './gallery.ts';
import type { Failure, Fault, FromLab, FromSwaps, Report, Swap, ToLab } from './messages.ts';
import { kernelNames, ownText, texts } from './texts.ts';
import type { Figures } from './timing.ts';

/** What is known about the text that was tried last. */
export interface Verdict {
  readonly text: string;
  readonly state: 'running' | 'right' | 'fault' | 'stopped' | 'failed';
  /** What is being done, while it is running. */
  readonly stage: string;
  readonly fault: Fault | null;
  /** Ops, cases and worst error over tolerance so far. */
  readonly agrees: { readonly ops: readonly string[]; readonly checked: number; readonly worst: number } | null;
  readonly figures: readonly Figures[];
  readonly swap: Swap | null;
  readonly failure: { readonly reason: Failure; readonly message: string } | null;
}

const FRESH = { stage: 'Opening a device', fault: null, agrees: null, figures: [], swap: null, failure: null } as const;

export const kernel = signal(gallery[0]!.entries[1]!.kernel);
const edits = signal<ReadonlyMap<string, string>>(new Map());
export const text = computed(() => edits.value.get(kernel.value) ?? ownText(kernel.value));
export const isOwn = computed(() => text.value === ownText(kernel.value));
/** The hint about the exhibit that is shown. */
export const exhibit = signal<Exhibit | null>(null);
export const verdict = signal<Verdict | null>(null);
export const device = signal<{ readonly name: string; readonly isSoftware: boolean } | null>(null);
/** The result of using a kernel in the model, or of restoring Curio's own. */
export const notice = signal('');
export const inUse = signal<FromSwaps['kernels']>([]);

/** The pause in typing after which the text is tried, in ms. */
const REST = 700;
/** A stop that has no effect within this time, in ms, ends the worker. */
const STOP = 1500;

let worker: Worker | null = null;
let job = 0;
let typing: ReturnType<typeof setTimeout> | undefined;
/** The visitor wants the text in the model as soon as it is right. */
let wishes = false;

const change = (what: Partial<Verdict>): void => {
  if (verdict.value) verdict.value = { ...verdict.value, ...what };
};

function endWorker(): void {
  worker?.terminate();
  [worker, device.value] = [null, null];
}

function send(message: ToLab): void {
  if (!worker) {
    worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }: MessageEvent<FromLab>) => hear(data);
    worker.onerror = ({ message: why }) => {
      endWorker();
      fail('error', why || 'its worker could not be started');
    };
    worker.postMessage({ kind: 'texts', texts } satisfies ToLab);
  }
  worker.postMessage(message);
}

function fail(reason: Failure, message: string): void {
  change({ state: 'failed', failure: { reason, message } });
  refuse('it could not be judged');
}

function refuse(why: string): void {
  if (wishes) notice.value = `Not used: ${why}.`;
  wishes = false;
}

function keep(report: Report): void {
  if (report.kind === 'stage') change({ stage: report.stage });
  else if (report.kind === 'agrees') {
    const ops = [...new Set([...(verdict.value?.agrees?.ops ?? []), report.op])];
    change({ agrees: { ops, checked: report.checked, worst: report.worst } });
  } else if (report.kind === 'timed') change({ figures: report.figures });
  else if (report.kind === 'fault') {
    change({ state: 'fault', fault: report.fault });
    refuse(report.fault.kind === 'wrong' ? `it is wrong in ${report.fault.message}` : faultSaid(report.fault));
  } else {
    change({ state: 'right', swap: report.swap });
    if (wishes) putIntoModel(report.swap);
  }
}

function hear(data: FromLab): void {
  if (data.kind === 'device') device.value = data;
  else if (data.id !== job) return;
  else if (data.kind === 'report') keep(data.report);
  else if (data.kind === 'stopped') change({ state: 'stopped' });
  else if (data.kind === 'failed') {
    // A device that hangs does not stop by itself.
    if (data.reason === 'hung') endWorker();
    fail(data.reason, data.message);
  }
}

/** `rows/softmax_naive.wgsl, line 12: …` */
export const faultSaid = ({ at, message }: Fault): string =>
  at ? `${at.file}, line ${at.line}: ${message}` : message.replace(/\.$/, '');

/** Tries the current text; a trial in progress is stopped. */
export function tryText(): void {
  clearTimeout(typing);
  verdict.value = { text: text.value, state: 'running', ...FRESH };
  send({ kind: 'judge', id: ++job, kernel: kernel.value, text: text.value });
}

/** Ends what runs in the lab. */
export function stopTrial(): void {
  clearTimeout(typing);
  if (verdict.value?.state !== 'running') return;
  wishes = false;
  const stopped = job;
  worker?.postMessage({ kind: 'stop' } satisfies ToLab);
  setTimeout(() => {
    if (job !== stopped || verdict.value?.state !== 'running') return;
    endWorker();
    change({ state: 'stopped' });
  }, STOP);
}

/** Takes the text as it was typed, and tries it when typing pauses. */
export function edit(now: string): void {
  if (now === text.value) return;
  batch(() => {
    edits.value = new Map(edits.value).set(kernel.value, now);
    notice.value = '';
  });
  wishes = false;
  clearTimeout(typing);
  typing = setTimeout(tryText, REST);
}

/** Shows a kernel, with the visitor's edits or with a given text. */
export function show(name: string, from: Exhibit | null = null): void {
  if (!kernelNames.includes(name)) {
    notice.value = `There is no kernel ${name} to show.`;
    return;
  }
  stopTrial();
  batch(() => {
    [kernel.value, exhibit.value, verdict.value, notice.value] = [name, from, null, ''];
    if (from) edits.value = new Map(edits.value).set(name, textOf(from));
  });
  if (from) tryText();
}

/** Discards the edits. */
export function restoreText(): void {
  const rest = new Map(edits.value);
  rest.delete(kernel.value);
  edits.value = rest;
  tryText();
}

function putIntoModel(swap: Swap): void {
  wishes = false;
  notice.value = `Putting ${swap.kernel.name} into the model …`;
  tellSwaps({ kind: 'swap', swap });
}

/** Has the model run the text, once it is known to be right. */
export function use(): void {
  if (!opened.value || closed.value) {
    notice.value = 'Not used: the model has not loaded yet.';
    return;
  }
  const known = verdict.value?.text === text.value ? verdict.value : null;
  if (known?.swap) return putIntoModel(known.swap);
  wishes = true;
  notice.value = 'It is used as soon as every case is right.';
  if (known?.state === 'fault') keep({ kind: 'fault', fault: known.fault! });
  else if (known?.state !== 'running') tryText();
}

/** Has the model run Curio's own kernels again. */
export function putBack(): void {
  notice.value = 'Restoring Curio’s own kernels …';
  tellSwaps({ kind: 'swap', swap: null });
}

listenToSwaps(({ kernels, message }) => {
  const [before, now] = [inUse.value.map(({ name }) => name).join(), kernels.map(({ name }) => name).join()];
  inUse.value = kernels;
  if (message !== undefined) notice.value = `Not used: ${message}`;
  else if (kernels.length === 0) notice.value = before ? 'Curio’s own kernels run again.' : notice.value;
  else if (before !== now || notice.value.endsWith('…'))
    notice.value = `The model runs your ${kernels.at(-1)!.name} now.`;
});

// A reopened model does not have the visitor's kernels.
effect(() => {
  if (opened.value || inUse.peek().length === 0) return;
  inUse.value = [];
  notice.value = 'The model was reopened, with Curio’s own kernels.';
});
