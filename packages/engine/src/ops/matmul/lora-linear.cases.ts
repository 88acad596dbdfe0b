import { defineCases } from '../../truth/cases.ts';
import { Array64, multiplyRows } from '../../truth/oracle.ts';
import { asStored } from '../../truth/storage-oracle.ts';
import type { StorageSpec } from '../../truth/storage-oracle.ts';
import { cast } from '../cast/cast.ts';
import type { LoraOptions } from './lora-linear.ts';
import { loraLinear } from './lora-linear.ts';
import { matmulVariants } from './variants.ts';

export const loraLinearCases = defineCases<Omit<LoraOptions, 'a' | 'b'> & { storage?: StorageSpec }>({
  op: 'loraLinear',
  run: ([x, weight, bias, a, b], { storage, ...options }) =>
    loraLinear(
      x!,
      storage ? cast(weight!, storage.to, { groupSize: storage.groupSize, zeros: storage.zeros }) : weight!,
      bias!,
      { a: a!, b: b!, ...options },
    ),
  reference: ([x, weight, bias, a, b], { scale, storage }) => {
    const branch = multiplyRows(multiplyRows(x!, a!), b!);
    return new Array64(
      branch.shape,
      multiplyRows(x!, storage ? asStored(weight!, storage) : weight!, bias).data.map(
        (v, i) => v + scale * branch.data[i]!,
      ),
    );
  },
  families: { 'matmul nt': matmulVariants.nt, 'matmul nn': matmulVariants.nn, 'matmul tn': matmulVariants.tn },
  cases: [
    { inputs: [[3, 5], [4, 5], [4], [2, 5], [4, 2]], attrs: { scale: 2 } },
    { inputs: [[2, 5, 12], [20, 12], null, [8, 12], [20, 8]], attrs: { scale: 0.5 } },
    {
      label: 'frozen weight',
      inputs: [[33, 16], { shape: [12, 16], needsGrad: false }, { shape: [12], needsGrad: false }, [4, 16], [12, 4]],
      attrs: { scale: 2 },
    },
    {
      label: 'rank of the small model',
      inputs: [[68, 36], { shape: [72, 36], needsGrad: false }, null, [16, 36], [72, 16]],
      attrs: { scale: 2 },
    },
    {
      label: 'only the branch needs gradients',
      inputs: [{ shape: [7, 8], needsGrad: false }, { shape: [8, 8], needsGrad: false }, null, [4, 8], [8, 4]],
      attrs: { scale: 1 },
    },
    {
      label: 'one row',
      inputs: [[1, 32], { shape: [6, 32], needsGrad: false }, null, [4, 32], [6, 4]],
      attrs: { scale: 2 },
    },
    {
      label: 'two rows, nf4 base',
      inputs: [[2, 32], { shape: [6, 32], needsGrad: false }, [6], [8, 32], [6, 8]],
      attrs: { scale: 2, storage: { to: 'nf4' } },
    },
    {
      label: 'bf16 base',
      inputs: [[5, 12], { shape: [8, 12], needsGrad: false }, { shape: [8], needsGrad: false }, [4, 12], [8, 4]],
      attrs: { scale: 2, storage: { to: 'bf16' } },
    },
    {
      label: 'int4 base with zeros',
      inputs: [[6, 32], { shape: [20, 32], needsGrad: false }, null, [3, 32], [20, 3]],
      attrs: { scale: 2, storage: { to: 'int4', zeros: true } },
    },
    {
      label: 'nf4 base',
      inputs: [[2, 3, 64], { shape: [36, 64], needsGrad: false }, null, [8, 64], [36, 8]],
      attrs: { scale: 0.5, storage: { to: 'nf4', groupSize: 32 } },
    },
  ],
  bench: [
    {
      label: '1024 cubed, r 64',
      inputs: [[1024, 1024], [1024, 1024], null, [64, 1024], [1024, 64]],
      attrs: { scale: 2 },
      flops: 2.25 * 1024 ** 3,
    },
  ],
});
