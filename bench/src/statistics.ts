/** @file The arithmetic of measuring, without a clock: statistics of a few samples, units, and when to stop. */

/** A cell gets this many rounds or this much time, whichever ends first. */
export const MAX_ROUNDS = 5;
export const MAX_CELL_MS = 3000;
/**
 * Total rounds of a cell after each sitting. Every group has had one sitting before the next begins, minutes later,
 * since a busy machine may stay busy for long.
 */
export const SITTINGS = [2, 4, MAX_ROUNDS] as const;
/** A cell is skipped if a run is predicted to take longer. */
export const MAX_RUN_MS = 3000;
/** Minimum length of a sample: short kernels run several times in it. */
const SAMPLE_MS = 12;
/** A round of the table takes samples for about this long, since a disturbance outlasts a single sample. */
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

/** GFLOP/s and GB/s; null if the work has no operations or no bytes. */
export function rates({ flops, bytes }: Work, ms: number): { gflops: number | null; gbps: number | null } {
  const perSecond = (amount: number | undefined): number | null => (amount === undefined ? null : amount / ms / 1e6);
  return { gflops: perSecond(flops), gbps: perSecond(bytes) };
}

/** `value` as a percentage of `roof`, over 100 if it is above the roof; null if either is missing. */
export const percentOf = (value: number | null, roof: number | null | undefined): number | null =>
  value === null || !roof ? null : (100 * value) / roof;

/** The amount that determines how long a run takes: operations if there are any, else bytes. */
export const sizeOfWork = ({ flops, bytes }: Work): number => flops ?? bytes ?? 0;

/** Predicts the time of `work` from that of a smaller one; null if none is known. */
export function predictMs(work: Work, known: { readonly work: Work; readonly ms: number } | undefined): number | null {
  if (!known || sizeOfWork(known.work) === 0 || (known.work.flops === undefined) !== (work.flops === undefined))
    return null;
  return (known.ms * sizeOfWork(work)) / sizeOfWork(known.work);
}

/** How many runs make one sample, if one takes `ms`. */
export const repeatsFor = (ms: number): number =>
  Math.max(1, Math.min(MAX_REPEATS, Math.ceil(SAMPLE_MS / Math.max(ms, 1e-3))));

/** How many samples make one round of `roundMs`, if one run takes `ms`. */
export const samplesFor = (ms: number, roundMs: number): number =>
  Math.max(1, Math.floor(roundMs / Math.max(ms * repeatsFor(ms), SAMPLE_MS)));

/** Whether a cell has had its rounds or its time. */
export const isEnough = (rounds: number, spentMs: number, most = MAX_ROUNDS): boolean =>
  rounds >= most || (rounds > 0 && spentMs >= MAX_CELL_MS);
