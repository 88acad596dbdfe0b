/** @file Which parts the first run has, in order of importance, and how the seconds are shared out. */

export interface PartPlan {
  readonly letter: string;
  readonly name: string;
  /** Seconds that it may take; what parts before it did not use is added. */
  readonly limit: number;
}

/** Below this a part is not begun. */
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

/** Whose seconds nothing else may take: without it nothing can be compared. */
const RESERVED = 'pytorch';

/**
 * Seconds for `part`, of what is left of the budget: its own limit and all that the parts after it will not need, but
 * never what is reserved; below LEAST_SECONDS there is no time for it.
 */
export function secondsFor(part: PartPlan, later: readonly PartPlan[], left: number): number {
  const needed = later.reduce((sum, { limit }) => sum + limit, 0);
  const reserved = later.find(({ name }) => name === RESERVED)?.limit ?? 0;
  return Math.max(left - needed, Math.min(part.limit, left - reserved));
}
