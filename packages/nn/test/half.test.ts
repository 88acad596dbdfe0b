import { expect, test } from 'vitest';
import {
  bfloatBits,
  bfloatToFloat,
  convertHalves,
  floatToBfloat,
  floatToHalf,
  halfBits,
  halfToFloat,
} from '../src/files/half.ts';

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** The value of a half, written from the definition of the format. */
function half(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 31;
  const mantissa = h & 1023;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

test('every f16 has its defined value and survives a round trip', () => {
  const values = halfToFloat(all);
  const back = floatToHalf(values);
  let wrong = 0;
  for (let h = 0; h < 65536; h++) {
    const expected = half(h);
    if (!Object.is(values[h], expected)) wrong++;
    if (Number.isNaN(expected) ? !Number.isNaN(half(back[h])) : back[h] !== h) wrong++;
  }
  expect(wrong).toBe(0);
});

test('every bfloat16 survives a round trip', () => {
  const values = bfloatToFloat(all);
  const back = floatToBfloat(values);
  let wrong = 0;
  for (let b = 0; b < 65536; b++) if (Number.isNaN(values[b]) ? (back[b] & 0x7fff) <= 0x7f80 : back[b] !== b) wrong++;
  expect(wrong).toBe(0);
});

test.each(['f16', 'bf16'] as const)('every %s becomes the nearest of the other kind', (from) => {
  const values = from === 'f16' ? halfToFloat(all) : bfloatToFloat(all);
  const want = from === 'f16' ? floatToBfloat(values) : floatToHalf(values);
  const isNan = (h: number): boolean => (h & 0x7fff) > (from === 'f16' ? 0x7f80 : 0x7c00);
  const words = new Uint32Array(all.buffer);
  const out = new Uint32Array(words.length);
  expect(convertHalves(words, from, out)).toBe(from === 'f16'); // some bf16 are beyond f16
  const converted = new Uint16Array(out.buffer);
  let wrong = 0;
  for (let h = 0; h < 65536; h++)
    if (Number.isNaN(values[h]) ? !isNan(converted[h]!) : converted[h] !== want[h]) wrong++;
  expect(wrong).toBe(0);
  // 65280 and infinity of bf16 have their place in f16.
  expect(convertHalves(Uint32Array.of(0x7f80477f), 'bf16', out)).toBe(true);
  expect(convertHalves(Uint32Array.of(0x47800000), 'bf16', out)).toBe(false); // 65536
});

test('of two adjacent numbers the nearer is taken, and the even one at a tie', () => {
  let wrong = 0;
  for (let h = 0; h < 0x7bff; h++) {
    const low = half(h);
    const high = half(h + 1);
    const middle = (low + high) / 2; // exact in f32
    const even = h % 2 === 0 ? h : h + 1;
    if (halfBits(middle) !== even || halfBits(-middle) !== (even | 0x8000)) wrong++;
    if (
      halfBits(Math.fround(low + (high - low) * 0.49)) !== h ||
      halfBits(Math.fround(low + (high - low) * 0.51)) !== h + 1
    )
      wrong++;
  }
  expect(wrong).toBe(0);
});

test('ends of the ranges', () => {
  expect(halfBits(65519.99)).toBe(0x7bff);
  expect(halfBits(65520)).toBe(0x7c00);
  expect(halfBits(-Infinity)).toBe(0xfc00);
  expect(halfBits(2 ** -25)).toBe(0);
  expect(Object.is(half(halfBits(-0)), -0)).toBe(true);
  expect(bfloatBits(3.4028235e38)).toBe(0x7f80); // above the largest bfloat16 by more than half a step
  expect(bfloatBits(1 + 2 ** -8)).toBe(0x3f80); // a tie goes to the even side
  expect(bfloatBits(1 + 3 * 2 ** -8)).toBe(0x3f82);
});
