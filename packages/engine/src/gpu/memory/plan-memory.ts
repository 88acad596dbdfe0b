/**
 * @file Which temporaries of a recorded step share a buffer; their lifetimes are known.
 */

import type { Slot } from './block.ts';

/** A temporary: its bytes and the first and last command that touch it. */
export interface Lifetime extends Slot {
  readonly first: number;
  readonly last: number;
}

export interface MemoryPlan {
  /** For each lifetime the number of its slot. */
  readonly slotOf: readonly number[];
  /** Those given, then new ones. */
  readonly slots: readonly Slot[];
}

/**
 * Gives each lifetime a slot that no other one uses at the same time, the largest first, each in the smallest slot that
 * fits. Slots are whole buffers and not parts of one, since WebGPU refuses a buffer that one dispatch both reads and
 * writes, wherever in it.
 * @param given slots that exist already, from plans that never run at the same time
 * Source: "greedy by size" for shared objects, Pisarchyk and Lee 2020, https://arxiv.org/abs/2001.03288
 */
export function planMemory(lifetimes: readonly Lifetime[], given: readonly Slot[] = []): MemoryPlan {
  const slots = [...given];
  const users: Lifetime[][] = slots.map(() => []);
  const slotOf = new Array<number>(lifetimes.length).fill(-1);
  const order = lifetimes
    .map((_, i) => i)
    .sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || lifetimes[a]!.first - lifetimes[b]!.first);
  for (const i of order) {
    const life = lifetimes[i]!;
    let best = -1;
    for (let h = 0; h < slots.length; h++) {
      if (
        slots[h]!.texels !== life.texels ||
        slots[h]!.bytes < life.bytes ||
        (best >= 0 && slots[h]!.bytes >= slots[best]!.bytes)
      )
        continue;
      if (users[h]!.every((other) => other.last < life.first || life.last < other.first)) best = h;
    }
    if (best < 0) {
      best = slots.push({ bytes: life.bytes, texels: life.texels }) - 1;
      users.push([]);
    }
    users[best]!.push(life);
    slotOf[i] = best;
  }
  return { slotOf, slots };
}

/** The most bytes that are alive at once. */
export function peakBytes(lifetimes: readonly Omit<Lifetime, 'texels'>[]): number {
  const changes = lifetimes
    .flatMap(
      ({ bytes, first, last }) =>
        [
          [first, bytes],
          [last + 1, -bytes],
        ] as [number, number][],
    )
    .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let [now, most] = [0, 0];
  for (const [, bytes] of changes) most = Math.max(most, (now += bytes));
  return most;
}
