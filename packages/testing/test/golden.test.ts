import { expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';

const names = [
  'clip',
  'prototype-small',
  'prototype-large',
  'llama',
  'llama-gqa',
  'whole',
  'trace',
  'two-stages',
  'bicubic',
  'torch-files',
];

test.each(names)(
  'golden file %s opens, and each tensor has as many finite elements as its shape says',
  async (name) => {
    const file = await openGolden(name);
    expect(file.tensors.size).toBeGreaterThan(10);
    expect(Object.keys(file.config)).not.toHaveLength(0);
    for (const [tensor, { shape, data }] of file.tensors) {
      expect(data.length, tensor).toBe(shape.reduce((a, b) => a * b, 1));
      expect(data.every(Number.isFinite), tensor).toBe(true);
    }
  },
);

test('the small prototype file contains the golden vector of the specification', async () => {
  const file = await openGolden('prototype-small');
  expect(file.scalar('out.loss')).toBeCloseTo(3.079768, 5);
  expect(Array.from(file.ints('out.assignment'))).toEqual([0, 0, 1, 1, 1, 2, 2, 2, 3]);
  expect(file.tensor('in.x').shape).toEqual([9, 4]);
  expect(file.floats('in.x')[4]).toBeCloseTo(Math.sin(0.7), 6);
});

test('a hard decision in a golden file has room for float rounding', async () => {
  for (const name of ['prototype-small', 'prototype-large', 'whole', 'trace', 'two-stages']) {
    expect((await openGolden(name)).config.margin, name).toBeGreaterThan(1e-4);
  }
  expect((await openGolden('whole')).config.generateMargin).toBeGreaterThan(1e-3);
});

test('a wrong name is answered with the existing ones', async () => {
  await expect(openGolden('clop')).rejects.toThrow("golden: no file 'clop'; there are adamw-8bit.safetensors,");
  const file = await openGolden('prototype-small');
  expect(() => file.floats('out.assignment')).toThrow(
    "golden: 'out.assignment' in prototype-small.safetensors is a Int32Array, not a Float32Array.",
  );
  expect(() => file.scalar('in.x')).toThrow(
    "golden: 'in.x' in prototype-small.safetensors has 36 elements; a scalar has 1.",
  );
});
