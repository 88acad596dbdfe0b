/** @file The arithmetic of measuring: statistics of a few samples, units, and when to stop. No clock here. */

/** A cell gets this many rounds or this much time, whichever ends first. */
export const MAX_ROUNDS = 5;
export const MAX_CELL_MS = 3000;
/**
 * Rounds that a cell of the table has had after each sitting; every group has had one before the next begins, minutes
 * later: a busy machine may be busy for long.
 */
export const SITTINGS = [2, 4, MAX_ROUNDS] as const;
/** A cell predicted to take longer a run is skipped. */
export const MAX_RUN_MS = 3000;
/** One sample lasts about this long at least: short kernels run several times in it. */
const SAMPLE_MS = 12;
/** A round of the table takes samples for about this long: what disturbs a machine lasts longer than one of them. */
export const ROUND_MS = 100;
const MAX_REPEATS = 200;

/** Floating-point operations and bytes at minimum traffic of one run. */
export interface Work {
  readonly flops?: number;
  readonly bytes?: number;
}

export interface Summary {
  readonly bestMs: number;
  readonly medianMs: number;
}

/** Best and median; the median of an even number is the mean of the middle two. */
export function summarise(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new RangeError('summarise: no samples; a cell needs at least one round.');
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return {
    bestMs: sorted[0]!,
    medianMs: sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2,
  };
}

/** 10⁹ operations and 10⁹ bytes a second; null where the work has none. */
export function rates({ flops, bytes }: Work, ms: number): { gflops: number | null; gbps: number | null } {
  const perSecond = (amount: number | undefined): number | null => (amount === undefined ? null : amount / ms / 1e6);
  return { gflops: perSecond(flops), gbps: perSecond(bytes) };
}

/** `value` as a share of `roof`, 0 to 100 (or above, where the roof was passed); null where either is missing. */
export const percentOf = (value: number | null, roof: number | null | undefined): number | null =>
  value === null || !roof ? null : (100 * value) / roof;

/** The amount that decides how long a run takes: operations where there are some, else bytes. */
export const sizeOfWork = ({ flops, bytes }: Work): number => flops ?? bytes ?? 0;

/** Time of `work` by what a smaller one took; null where nothing is known. */
export function predictMs(work: Work, known: { readonly work: Work; readonly ms: number } | undefined): number | null {
  if (!known || sizeOfWork(known.work) === 0 || (known.work.flops === undefined) !== (work.flops === undefined))
    return null;
  return (known.ms * sizeOfWork(work)) / sizeOfWork(known.work);
}

/** How many runs make one sample, when one takes `ms`. */
export const repeatsFor = (ms: number): number =>
  Math.max(1, Math.min(MAX_REPEATS, Math.ceil(SAMPLE_MS / Math.max(ms, 1e-3))));

/** How many samples make one round of `roundMs`, when one run takes `ms`. */
export const samplesFor = (ms: number, roundMs: number): number =>
  Math.max(1, Math.floor(roundMs / Math.max(ms * repeatsFor(ms), SAMPLE_MS)));

/** Whether a cell has had its share: so many rounds at most. */
export const isEnough = (rounds: number, spentMs: number, most = MAX_ROUNDS): boolean =>
  rounds >= most || (rounds > 0 && spentMs >= MAX_CELL_MS);
