/** @file Times one piece of work with many choices of kernels, each checked against float64 first. */
import { type CurioError, KernelError } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import type { Session } from '../cell.ts';
import type { Work } from '../statistics.ts';
import { compiles, under } from './choices.ts';
import type { Choice, Rehearsal } from './choices.ts';
import { timesOf } from './device-times.ts';
import type { PartOptions } from './parts/part-options.ts';
import { attempt, finding, isFinding, emit } from './report.ts';
import type { Fact, Finding, Report } from './report.ts';

export interface Subject {
  readonly op: string;
  readonly shape: string;
  readonly work: Work;
  /** Opened, with the inputs on the device. */
  readonly session: Session;
  readonly rehearse: Rehearsal;
}

/** What to report of work that ended the process or lost the device. */
const ENDED = 'failed: the process ended over it, or was ended';

/**
 * Times a subject with each choice. A choice that is wrong or does not compile is a finding without a time; the loss of
 * the device is thrown. Choices already reported by an earlier process are not tried again.
 */
export async function sweep(
  gpu: Gpu,
  subject: Subject,
  choices: readonly Choice[],
  { deadline, known }: PartOptions,
  share = 1,
): Promise<Finding[]> {
  const { op, shape } = subject;
  const found: Finding[] = known
    .filter(isFinding)
    .filter((each) => each.library === 'curio' && each.op === op && each.shape === shape);
  for (const choice of choices) {
    if (found.some(({ variant }) => variant === choice.name) || deadline.passed(`${op} ${shape} ${choice.name}`, share))
      continue;
    attempt(finding(op, shape, choice.name, subject.work, ENDED, choice));
    const one = await timed(gpu, subject, choice);
    emit(one);
    found.push(one);
  }
  return found;
}

/** A variant this many times slower than the fastest, both with their tables' tunings, is not tuned. */
const HOPELESS = 1.4;

/**
 * First the op's own choice and every variant with its table's tuning; then, within the share, the tunings of the
 * fastest variant and of those near it: single changes first, then combinations, most promising first.
 */
export async function sweepTunings(
  gpu: Gpu,
  subject: Subject,
  choices: readonly Choice[],
  options: PartOptions,
  share = 1,
): Promise<Finding[]> {
  const times = new Map<string, number>();
  const take = async (some: readonly Choice[], within: number): Promise<Finding[]> => {
    const found = await sweep(gpu, subject, some, options, within);
    for (const { choice, bestMs } of found) if (choice && bestMs !== null) times.set(keyOf(choice), bestMs);
    return found;
  };
  const usual = await take(
    choices.filter(({ changes }) => changes.length === 0),
    1,
  );
  const usualMs = (choice: Choice): number => times.get(keyOf({ ...choice, changes: [] })) ?? Infinity;
  const best = Math.min(...choices.map(usualMs));
  const near = choices
    .filter((choice) => choice.changes.length > 0 && !(usualMs(choice) > HOPELESS * best && best < Infinity))
    .sort((a, b) => usualMs(a) - usualMs(b));
  const single = await take(
    near.filter(({ changes }) => changes.length === 1),
    share,
  );
  // Unknown, or broken, changes come last.
  const promised = (choice: Choice): number =>
    choice.changes.reduce(
      (ms, change) => ms * ((times.get(keyOf({ ...choice, changes: [change] })) ?? Infinity) / usualMs(choice)),
      usualMs(choice),
    );
  const others = near
    .filter(({ changes }) => changes.length > 1)
    .map((choice) => ({ choice, ms: promised(choice) }))
    .filter(({ ms }) => !Number.isNaN(ms))
    .sort((a, b) => (a.ms < b.ms ? -1 : a.ms > b.ms ? 1 : 0));
  return [
    ...usual,
    ...single,
    ...(await take(
      others.map(({ choice }) => choice),
      share,
    )),
  ];
}

const keyOf = ({ forced, halves, changes }: Choice): string => JSON.stringify([forced, halves, changes]);

async function timed(gpu: Gpu, { op, shape, work, session, rehearse }: Subject, choice: Choice): Promise<Finding> {
  const because = (failed: string): Finding => finding(op, shape, choice.name, work, failed, choice);
  const broken = await compiles(gpu, choice, rehearse);
  if (broken) return because(broken);
  return under(gpu, choice, async () => {
    try {
      const wrong = await session.check();
      return wrong
        ? because(`wrong: ${wrong}`)
        : finding(op, shape, choice.name, work, await timesOf(gpu, session.record!), choice);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      await gpu.synchronize().catch((fatal: CurioError) => {
        emit(because(`failed: ${fatal.message.split('\n')[0]}`));
        throw fatal;
      });
      return because(`failed: ${error.message.split('\n')[0]}`);
    }
  });
}

/** The fastest, without those that failed. */
export const fastest = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ bestMs }) => bestMs !== null).sort((a, b) => a.bestMs! - b.bestMs!);

/** A job of a part: opened, run and discarded, on a new device if an earlier job lost the last one. */
export type Job = readonly [name: string, run: (gpu: Gpu) => Promise<void>];

/**
 * Runs jobs in sequence, each in a scope of its own. A failure is reported and does not affect the other jobs. Jobs
 * that an earlier process has reported as done or failed are not run again.
 */
export async function runJobs(
  open: () => Promise<Gpu>,
  jobs: readonly Job[],
  { deadline, known }: PartOptions,
): Promise<void> {
  let gpu = await open();
  for (const [name, run] of jobs) {
    if (known.some((report) => isEnd(report, name)) || deadline.passed(name)) continue;
    attempt({ fact: failureOf(name), value: ENDED });
    try {
      gpu.arena.open();
      await run(gpu);
      gpu.arena.close();
      gpu.trim();
      emit({ fact: `done: ${name}`, value: true });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      emit({ fact: failureOf(name), value: error.message.split('\n')[0] });
      gpu.close();
      gpu = await open();
    }
  }
  deadline.emit();
  gpu.close();
}

const failureOf = (job: string): string => `failed: ${job}`;

const isEnd = (report: Report, job: string): boolean =>
  !isFinding(report) && [`done: ${job}`, failureOf(job)].includes((report as Fact).fact);
