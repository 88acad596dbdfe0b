import { expect, test } from 'vitest';
import { philox4x32, RandomStream, unitFloat } from '../src/tensor/philox.ts';

const hex = (words: Uint32Array): string[] => [...words].map((word) => word.toString(16).padStart(8, '0'));

// Known answers from the authors' Random123 distribution (kat_vectors, philox4x32-10).
test('philox4x32-10 gives the published words', () => {
  expect(hex(philox4x32([0, 0], [0, 0, 0, 0]))).toEqual(['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']);
  expect(hex(philox4x32([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]))).toEqual([
    '408f276d',
    '41c83b0e',
    'a20bc7c6',
    '6d5451fd',
  ]);
  expect(hex(philox4x32([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]))).toEqual([
    'd16cfe09',
    '94fdcceb',
    '5001e420',
    '24126ea1',
  ]);
});

test('a stream repeats, resumes at a position and differs by seed, step and stream', () => {
  const draw = (stream: RandomStream, n: number) => Array.from({ length: n }, () => stream.bits());
  const first = draw(new RandomStream(7, 3, 1), 10);
  expect(draw(new RandomStream(7, 3, 1), 10)).toEqual(first);
  const resumed = new RandomStream(7, 3, 1);
  resumed.position = 6;
  expect(draw(resumed, 4)).toEqual(first.slice(6));
  for (const other of [new RandomStream(8, 3, 1), new RandomStream(7, 4, 1), new RandomStream(7, 3, 2)]) {
    expect(draw(other, 10)).not.toEqual(first);
  }
});

test.each([0, 1, 4, 6])('uniforms are those of as many calls, from position %i on', (position) => {
  for (const count of [0, 1, 3, 4, 9, 16]) {
    const [one, many] = [new RandomStream(7, 3, 1), new RandomStream(7, 3, 1)];
    one.position = many.position = position;
    one.uniform();
    many.uniform();
    const want = Float32Array.from({ length: count }, () => one.uniform(-0.3, 1.1));
    const out = new Float32Array(count);
    many.uniforms(out, -0.3, 1.1);
    expect(out).toEqual(want);
    expect(many.bits()).toBe(one.bits());
  }
});

test('uniform numbers stay in [0, 1) and are spread evenly', () => {
  expect(unitFloat(0xffffffff)).toBeLessThan(1);
  expect(Math.fround(unitFloat(0xffffffff))).toBeLessThan(1);
  const random = new RandomStream(1);
  const counts = new Array(10).fill(0);
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < 20000; i++) {
    counts[random.integer(10)]++;
    const z = random.normal();
    sum += z;
    squares += z * z;
  }
  for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(250);
  expect(Math.abs(sum / 20000)).toBeLessThan(0.03);
  expect(Math.abs(squares / 20000 - 1)).toBeLessThan(0.05);
});

test('shuffle is a permutation; weighted follows its weights', () => {
  const random = new RandomStream(5);
  expect(random.shuffle([1, 2, 3, 4, 5]).sort()).toEqual([1, 2, 3, 4, 5]);
  const hits = [0, 0, 0];
  for (let i = 0; i < 6000; i++) hits[random.weighted([1, 0, 2])]++;
  expect(hits[1]).toBe(0);
  expect(Math.abs(hits[0] - 2000)).toBeLessThan(200);
});
