import { defineCases } from '../../truth/cases.ts';
import { multiplyRows } from '../../truth/oracle.ts';
import { asStored } from '../../truth/storage-oracle.ts';
import type { StorageSpec } from '../../truth/storage-oracle.ts';
import { cast } from '../cast/cast.ts';
import { linear } from './linear.ts';
import { matmulVariants } from './variants.ts';

/** Options for `cast`. */
const optionsOf = ({ to: _, ...options }: StorageSpec) => options;
const frozen = (...shape: number[]) => ({ shape, needsGrad: false });

/** Attributes: storage of a frozen weight; none for f32. */
export const linearCases = defineCases<StorageSpec | undefined>({
  op: 'linear',
  run: ([x, weight, bias], storage) =>
    linear(x!, storage ? cast(weight!, storage.to, optionsOf(storage)) : weight!, bias),
  reference: ([x, weight, bias], storage) => multiplyRows(x!, storage ? asStored(weight!, storage) : weight!, bias),
  families: { 'matmul nt': matmulVariants.nt, 'matmul nn': matmulVariants.nn, 'matmul tn': matmulVariants.tn },
  cases: [
    { inputs: [[1, 1], [1, 1], [1]] },
    { inputs: [[2, 17, 8], [33, 8], [33]] },
    { inputs: [[37, 5], [3, 5], null] },
    { inputs: [[65, 12], [36, 12], [36]] },
    { label: 'no rows', inputs: [[0, 4], [8, 4], [8]] },
    { label: 'frozen weight', inputs: [[9, 16], frozen(12, 16), null] },
    { label: 'frozen input', inputs: [{ shape: [40, 8], needsGrad: false }, [16, 8], [16]] },
    { label: 'strided input', inputs: [{ shape: [5, 8], strided: true }, [4, 8], [4]] },
    { label: 'f16', inputs: [[2, 3, 36], frozen(20, 36), [20]], attrs: { to: 'f16' } },
    { label: 'f16 of odd sizes', inputs: [[5, 33], frozen(7, 33), null], attrs: { to: 'f16' } },
    { label: 'bf16', inputs: [[7, 12], frozen(68, 12), null], attrs: { to: 'bf16' } },
    {
      label: 'int8, two groups per row',
      inputs: [[7, 80], frozen(12, 80), [12]],
      attrs: { to: 'int8', groupSize: 40 },
    },
    { label: 'int8 with an odd number of rows', inputs: [[3, 8], frozen(5, 8), null], attrs: { to: 'int8' } },
    { label: 'int4', inputs: [[8, 64], frozen(36, 64), [36]], attrs: { to: 'int4', groupSize: 32 } },
    {
      label: 'int4 with zeros',
      inputs: [[6, 48], frozen(20, 48), null],
      attrs: { to: 'int4', groupSize: 16, zeros: true },
    },
    {
      label: 'int8, larger than a tile',
      inputs: [[69, 96], frozen(72, 96), null],
      attrs: { to: 'int8', groupSize: 24 },
    },
    { label: 'one row', inputs: [[1, 36], [9, 36], [9]] },
    { label: 'one row of f16', inputs: [[1, 40], frozen(6, 40), null], attrs: { to: 'f16' } },
    { label: 'one row of bf16', inputs: [[1, 24], frozen(5, 24), [5]], attrs: { to: 'bf16' } },
    { label: 'one row of int8', inputs: [[1, 72], frozen(5, 72), [5]], attrs: { to: 'int8', groupSize: 8 } },
    { label: 'one row of int4', inputs: [[1, 160], frozen(4, 160), null], attrs: { to: 'int4', groupSize: 16 } },
    {
      label: 'one row of int8, groups of 48',
      inputs: [[1, 96], frozen(21, 96), null],
      attrs: { to: 'int8', groupSize: 48 },
    },
    {
      label: 'two rows of int4, groups of 64',
      inputs: [[2, 128], frozen(6, 128), [6]],
      attrs: { to: 'int4', groupSize: 64 },
    },
    {
      label: 'three rows of int4 with zeros',
      inputs: [[3, 96], frozen(5, 96), null],
      attrs: { to: 'int4', groupSize: 32, zeros: true },
    },
    {
      label: 'one row of nf4, more groups than lanes',
      inputs: [[1, 1, 288], frozen(7, 288), [7]],
      attrs: { to: 'nf4', groupSize: 16 },
    },
    {
      label: 'nf4 with nested scales',
      inputs: [[9, 256], frozen(20, 256), null],
      attrs: { to: 'nf4', nested: true },
    },
    {
      label: 'one row of nf4 with nested scales',
      inputs: [[1, 64], frozen(8, 64), null],
      attrs: { to: 'nf4', groupSize: 16, nested: true },
    },
    { label: 'nf4, larger than a tile', inputs: [[37, 128], frozen(68, 128), null], attrs: { to: 'nf4' } },
  ],
  bench: [
    ...([undefined, 'f16', 'int4', 'nf4'] as const).map((to) => ({
      label: `decode, LLaMA-7B q_proj${to ? ` in ${to}` : ''}`,
      inputs: [[1, 4096], frozen(4096, 4096), null],
      attrs: to && { to },
      flops: 2 * 4096 ** 2,
    })),
    {
      label: 'LLaMA q_proj, stage 2 of the small model',
      inputs: [[8, 158, 128], [128, 128], null],
      flops: 2 * 8 * 158 * 128 * 128,
    },
    {
      label: 'CLIP fc1, 128 small images',
      inputs: [[128, 37, 128], [512, 128], [512]],
      flops: 2 * 128 * 37 * 128 * 512,
    },
  ],
});
