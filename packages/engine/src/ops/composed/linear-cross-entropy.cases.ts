import { defineCases } from '../../truth/cases.ts';
import type { InputSpec } from '../../truth/cases.ts';
import { Array64, meanCrossEntropy, multiplyRows } from '../../truth/oracle.ts';
import { asStored } from '../../truth/storage-oracle.ts';
import type { StorageSpec } from '../../truth/storage-oracle.ts';
import { cast } from '../cast/cast.ts';
import { linearCrossEntropy } from './linear-cross-entropy.ts';

interface Attrs {
  readonly chunk?: number;
  /** Storage of the frozen weight; none for f32. */
  readonly storage?: StorageSpec;
}

const frozen = (...shape: number[]): InputSpec => ({ shape, needsGrad: false });
const labels = (rows: number, classes: number): InputSpec => ({
  shape: [rows],
  dtype: 'i32',
  values: Array.from({ length: rows }, (_, i) => (i % 5 === 1 ? -100 : (i * 29 + 3) % classes)),
});

/** The rows of several tables, concatenated. */
const joined = (first: Array64, second: Array64 | null | undefined): Array64 =>
  second ? new Array64([first.shape[0]! + second.shape[0]!, first.shape[1]!], [...first.data, ...second.data]) : first;

/** Inputs: x, targets, weight, a second table, weights of the rows. */
export const linearCrossEntropyCases = defineCases<Attrs | undefined>({
  op: 'linearCrossEntropy',
  run([x, targets, table, second, weights], { chunk, storage } = {}) {
    const weight = storage ? cast(table!, storage.to, { groupSize: storage.groupSize }) : table!;
    return linearCrossEntropy(x!, second ? [weight, second] : weight, targets!, {
      ...(weights && { weights }),
      ...(chunk && { chunk }),
    });
  },
  reference([x, targets, table, second, weights], { storage } = {}) {
    const weight = joined(storage ? asStored(table!, storage) : table!, second);
    return meanCrossEntropy(multiplyRows(x!, weight, null), targets!, weights);
  },
  cases: [
    { label: 'one chunk', inputs: [[7, 12], labels(7, 20), [20, 12], null, null] },
    { label: 'three chunks', inputs: [[7, 12], labels(7, 20), [20, 12], null, null], attrs: { chunk: 3 } },
    { label: 'one row per chunk', inputs: [[3, 5], labels(3, 7), [7, 5], null, null], attrs: { chunk: 1 } },
    {
      label: 'two tables, weighted',
      inputs: [[6, 8], labels(6, 19), [16, 8], [3, 8], { shape: [6], range: [0, 2], needsGrad: false }],
      attrs: { chunk: 4 },
    },
    {
      label: 'batched',
      inputs: [[2, 3, 8], { shape: [2, 3], dtype: 'i32', range: [0, 12] }, [12, 8], null, null],
      attrs: { chunk: 4 },
    },
    {
      label: 'nf4',
      inputs: [[6, 64], labels(6, 24), frozen(24, 64), null, null],
      attrs: { chunk: 4, storage: { to: 'nf4' } },
    },
    { label: 'frozen input', inputs: [frozen(5, 8), labels(5, 9), [9, 8], null, null], attrs: { chunk: 2 } },
    {
      label: 'every target ignored',
      inputs: [[3, 8], { shape: [3], dtype: 'i32', values: [-100, -100, -100] }, [8, 8], null, null],
      attrs: { chunk: 2 },
    },
    {
      label: 'a chunk with every target ignored',
      inputs: [[4, 8], { shape: [4], dtype: 'i32', values: [-100, -100, 7, 0] }, [8, 8], null, null],
      attrs: { chunk: 2 },
    },
    {
      label: 'target out of range',
      inputs: [
        frozen(4, 8),
        { shape: [4], dtype: 'i32', values: [1, 8, 7, 0], onDevice: true },
        frozen(8, 8),
        null,
        null,
      ],
      attrs: { chunk: 2 },
    },
  ],
  bench: [
    {
      label: 'LLaMA head, 512 labels',
      inputs: [[512, 4096], { shape: [512], dtype: 'i32', range: [0, 32000] }, frozen(32000, 4096), null, null],
      flops: 2 * 512 * 4096 * 32000,
    },
  ],
});
