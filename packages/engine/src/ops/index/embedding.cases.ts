import { defineCases } from '../../truth/cases.ts';
import { build } from '../../truth/oracle.ts';
import { asStored } from '../../truth/storage-oracle.ts';
import type { StorageSpec } from '../../truth/storage-oracle.ts';
import { cast } from '../cast/cast.ts';
import { embedding } from './embedding.ts';
import { selectVariants } from './index-select.ts';

const ids = (shape: readonly number[], n: number) => ({ shape, dtype: 'i32' as const, range: [0, n] as const });
const frozen = (...shape: number[]) => ({ shape, needsGrad: false });

/** Options for `cast`. */
const optionsOf = ({ to: _, ...options }: StorageSpec) => options;

/** Attributes: storage of a frozen table; none for f32. */
export const embeddingCases = defineCases<StorageSpec | undefined>({
  op: 'embedding',
  run([i, table, second], storage) {
    const stored = storage ? cast(table!, storage.to, optionsOf(storage)) : table!;
    return embedding(i!, second ? [stored, second] : stored);
  },
  reference([i, table, second], storage) {
    const rows = storage ? asStored(table!, storage) : table!;
    const [count, size] = rows.shape as [number, number];
    const more = second?.shape[0] ?? 0;
    return build([...i!.shape, size], (...at) => {
      const [row, c] = [i!.at(...at.slice(0, -1)), at.at(-1)!];
      if (row < 0 || row >= count + more) return 0;
      return row < count ? rows.at(row, c) : second!.at(row - count, c);
    });
  },
  families: { select: selectVariants },
  cases: [
    { inputs: [ids([1], 1), [1, 1]] },
    { inputs: [ids([2, 5], 9), [9, 7]] },
    {
      label: 'ids out of range',
      inputs: [{ shape: [4], dtype: 'i32', values: [-1, 2, 3, 0], onDevice: true }, [3, 8]],
    },
    { label: 'two tables', inputs: [ids([3, 4], 8), [5, 12], [3, 12]] },
    { label: 'two tables, one packed', inputs: [ids([9], 7), frozen(4, 64), [3, 64]], attrs: { to: 'int8' } },
    {
      label: 'ids out of range, two tables',
      inputs: [{ shape: [5], dtype: 'i32', values: [-1, 2, 3, 4, 5], onDevice: true }, [3, 8], [2, 8]],
    },
    { label: 'no ids', inputs: [ids([0], 3), [3, 4]] },
    { label: 'f16', inputs: [ids([5], 4), frozen(4, 31)], attrs: { to: 'f16' } },
    { label: 'bf16', inputs: [ids([2, 3], 5), frozen(5, 33)], attrs: { to: 'bf16' } },
    { label: 'int8', inputs: [ids([9], 4), frozen(4, 128)], attrs: { to: 'int8' } },
    { label: 'int4', inputs: [ids([9], 4), frozen(4, 64)], attrs: { to: 'int4', groupSize: 32 } },
    {
      label: 'int4 with zeros',
      inputs: [ids([9], 4), frozen(4, 24)],
      attrs: { to: 'int4', groupSize: 8, zeros: true },
    },
    { label: 'nf4 with nested scales', inputs: [ids([9], 80), frozen(80, 256)], attrs: { to: 'nf4', nested: true } },
    { label: 'nf4', inputs: [ids([9], 4), frozen(4, 40)], attrs: { to: 'nf4' } },
  ],
});
