/** Lifetimes that meet never share a slot, and random ones come near the least that any layout needs. */
import { expect, test } from 'vitest';
import { peakBytes, planMemory } from '../src/gpu/memory/plan-memory.ts';
import { RandomStream } from '../src/tensor/philox.ts';

test('each lifetime has a slot of at least its size while it lasts', () => {
  const random = new RandomStream(8);
  for (let round = 0; round < 20; round++) {
    const lifetimes = Array.from({ length: 200 }, () => {
      const first = random.integer(300);
      return {
        bytes: 256 * (1 + random.integer(12)),
        texels: 20 * Math.max(0, random.integer(4) - 2),
        first,
        last: first + random.integer(30),
      } as const;
    });
    const given = round % 2 ? [256, 4096, 1024].map((bytes) => ({ bytes, texels: 0 })) : [];
    const { slotOf, slots } = planMemory(lifetimes, given);
    expect(slots.slice(0, given.length)).toEqual(given);
    expect(
      lifetimes.filter((life, i) => slots[slotOf[i]!]!.bytes < life.bytes || slots[slotOf[i]!]!.texels !== life.texels),
    ).toEqual([]);
    const clashes = lifetimes.flatMap((a, i) =>
      lifetimes.filter((b, j) => j > i && slotOf[i] === slotOf[j] && a.first <= b.last && b.first <= a.last),
    );
    expect(clashes).toEqual([]);
    for (const texels of [0, 20]) {
      const of = <T extends { texels: number }>(list: readonly T[]): T[] =>
        list.filter((each) => each.texels === texels);
      expect(of(slots).reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(1.35 * peakBytes(of(lifetimes)) + 8192);
    }
  }
});

test('the peak counts what is alive at once, the last command included', () => {
  expect(
    peakBytes([
      { bytes: 10, first: 0, last: 2 },
      { bytes: 5, first: 2, last: 3 },
      { bytes: 7, first: 3, last: 4 },
    ]),
  ).toBe(15);
  expect(peakBytes([])).toBe(0);
});
