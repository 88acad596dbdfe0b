import { defineCases } from '../../truth/cases.ts';
import type { InputSpec } from '../../truth/cases.ts';
import { Array64 } from '../../truth/oracle.ts';
import { asStored } from '../../truth/storage-oracle.ts';
import type { DType } from '../../tensor/dtype.ts';
import { cast } from './cast.ts';
import type { CastOptions } from './cast.ts';

/**
 * Whole numbers, none of which lies in the middle between two levels, as halves drawn at random often do: each eight
 * hold -100 and 101, so x · 15 / 201, x · 7 / 101 and x · 127 / 101 are never halves of odd numbers.
 */
const clear = (rows: number, cols: number): InputSpec => ({
  shape: [rows, cols],
  values: Array.from({ length: rows * cols }, (_, i) => [-100, 101][i % 8] ?? ((i * 37) % 200) - 99),
});

/** `from`: what x is rounded to beforehand. */
export const castCases = defineCases<{ from?: DType; to: DType } & CastOptions>({
  op: 'cast',
  run: ([x], { from = 'f32', to, ...options }) => cast(cast(cast(x!, from), to, options), 'f32'),
  reference([x], { from, to, ...options }) {
    const data = x!.data;
    if (to === 'i32') return new Array64(x!.shape, data.map(Math.trunc));
    if (to === 'u32') return new Array64(x!.shape, data.map(Math.trunc));
    if (to === 'bool')
      return new Array64(
        x!.shape,
        data.map((v) => Number(v !== 0)),
      );
    return asStored(from ? asStored(x!, { to: from }) : x!, { to, ...options });
  },
  differentiable: false,
  cases: [
    { label: 'i32', inputs: [{ shape: [5, 7], range: [-9, 9] }], attrs: { to: 'i32' } },
    { label: 'u32', inputs: [{ shape: [33], range: [0, 9] }], attrs: { to: 'u32' } },
    {
      label: 'bool',
      inputs: [{ shape: [8], values: [0, 1, -2, -0, 0.5, NaN, Infinity, 1e-45] }],
      attrs: { to: 'bool' },
    },
    { label: 'f16', inputs: [[9, 31]], attrs: { to: 'f16' } },
    { label: 'bf16', inputs: [[9, 31]], attrs: { to: 'bf16' } },
    { label: 'f16 of one element', inputs: [[1]], attrs: { to: 'f16' } },
    { label: 'int8', inputs: [[5, 128]], attrs: { to: 'int8' } },
    { label: 'int8, groups of 8', inputs: [[3, 24]], attrs: { to: 'int8', groupSize: 8 } },
    { label: 'int4', inputs: [[5, 128]], attrs: { to: 'int4' } },
    {
      label: 'int4 with zeros',
      inputs: [{ shape: [4, 64], range: [-1, 3] }],
      attrs: { to: 'int4', groupSize: 32, zeros: true },
    },
    { label: 'nf4', inputs: [[5, 128]], attrs: { to: 'nf4' } },
    { label: 'nf4 with nested scales', inputs: [[72, 256]], attrs: { to: 'nf4', nested: true } },
    { label: 'nf4 whose scales do not nest', inputs: [[5, 64]], attrs: { to: 'nf4', nested: true } },
    { label: 'f16 to int8', inputs: [clear(5, 128)], attrs: { from: 'f16', to: 'int8' } },
    { label: 'bf16 to int8', inputs: [clear(3, 24)], attrs: { from: 'bf16', to: 'int8' } },
    { label: 'bf16 to int4', inputs: [clear(5, 128)], attrs: { from: 'bf16', to: 'int4' } },
    {
      label: 'f16 to int4 with zeros',
      inputs: [clear(4, 64)],
      attrs: { from: 'f16', to: 'int4', groupSize: 32, zeros: true },
    },
    { label: 'f16 to nf4', inputs: [[5, 128]], attrs: { from: 'f16', to: 'nf4' } },
    { label: 'bf16 to nf4', inputs: [[3, 24]], attrs: { from: 'bf16', to: 'nf4', groupSize: 8 } },
    { label: 'nf4 of zeros', inputs: [{ shape: [8], values: [0, 0, 0, 0, 0, 0, 0, 1] }], attrs: { to: 'nf4' } },
  ],
});
