/** @file The parts of the first run, in order of importance, and how the time is divided among them. */

export interface PartPlan {
  readonly letter: string;
  readonly name: string;
  /** Seconds that it may take, plus what earlier parts did not use. */
  readonly limit: number;
}

/** A part is not started with less than this. */
export const LEAST_SECONDS = 6;

export const PARTS: readonly PartPlan[] = [
  { letter: 'a', name: 'adapter', limit: 15 },
  { letter: 'b', name: 'correctness', limit: 60 },
  { letter: 'c', name: 'roofs', limit: 15 },
  { letter: 'd', name: 'products', limit: 85 },
  { letter: 'e', name: 'attention', limit: 60 },
  { letter: 'f', name: 'rows', limit: 25 },
  { letter: 'g', name: 'steps', limit: 45 },
  { letter: 'h', name: 'training', limit: 45 },
  { letter: 'i', name: 'tuning', limit: 20 },
  { letter: 'j', name: 'pytorch', limit: 45 },
  { letter: 'k', name: 'toggles', limit: 20 },
];

/** The part whose time is reserved: without it nothing can be compared. */
const RESERVED = 'pytorch';

/**
 * Seconds for `part` out of the remaining budget: its own limit and whatever later parts will not need, but never the
 * reserved time; below LEAST_SECONDS there is no time for it.
 */
export function secondsFor(part: PartPlan, later: readonly PartPlan[], left: number): number {
  const needed = later.reduce((sum, { limit }) => sum + limit, 0);
  const reserved = later.find(({ name }) => name === RESERVED)?.limit ?? 0;
  return Math.max(left - needed, Math.min(part.limit, left - reserved));
}
