/** What is made of an op's inputs during one call: once, kept until its end, and never of what the call may write. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defineOp, slice, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { OperandCopies } from '../src/gpu/memory/operand-copies.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const copyOf = () => ({ storage: gpu.allocate(256) });

test('made once per tensor and key, alive beyond the scope that made it, and freed at the end', () => {
  gpu.scope(() => {
    const [x, y] = [tensor(gpu, [1, 2, 3, 4]), tensor(gpu, [5, 6])];
    const made = new OperandCopies(gpu, [x, null, y]);
    const first = gpu.scope(() => {
      made.of(x, 16, 'rows', copyOf);
      return null;
    });
    expect(first).toBeNull();
    const found = made.of(x, 16, 'rows', copyOf)!;
    expect(found.storage.isFreed).toBe(false);
    expect(made.of(x, 16, 'rows', copyOf)).toBe(found);
    expect(made.of(x, 16, 'columns', copyOf)).not.toBe(found);
    expect(made.of(y, 8, 'rows', copyOf)).not.toBe(found);
    made.end();
    expect(found.storage.isFreed).toBe(true);
    expect(made.of(x, 16, 'rows', copyOf)).toBeNull();
  });
});

test('nothing is shared for other bytes, beside an input or elsewhere; for adjacent inputs it is', () => {
  gpu.scope(() => {
    const all = tensor(gpu, new Float32Array(192));
    const [first, second, third] = [0, 64, 128].map((start) => slice(all, { axis: 0, start, end: start + 64 }));
    const made = new OperandCopies(gpu, [second!, first!]);
    expect(made.of(first!, 4 * 128, 'both', copyOf)).not.toBeNull();
    expect(made.of(second!, 4 * 128, 'one of another', copyOf)).toBeNull();
    expect(made.of(third!, 4 * 64, 'another', copyOf)).toBeNull();
    expect(made.of(tensor(gpu, [1]), 4, 'another', copyOf)).toBeNull();
    made.end();
  });
});

test('forward and backward of an op each have their own, even if one throws', () => {
  const storages: ({ storage: { readonly isFreed: boolean } } | null)[] = [];
  const op = defineOp({
    name: 'twice',
    plan: (_: readonly [Tensor], options: { fails: boolean }) => options,
    forward(run, [x], { fails }) {
      storages.push(
        run.once(x, 8, 'copy', copyOf),
        run.once(x, 8, 'copy', copyOf),
        run.once(run.out([2]), 8, 'out', copyOf),
      );
      if (fails) throw new Error('as asked');
      return { y: run.out([2]) };
    },
  });
  gpu.scope(() => {
    const x = tensor(gpu, [1, 2]);
    op([x], { fails: false });
    expect(() => op([x], { fails: true })).toThrow('as asked');
  });
  const [first, again, out, failed] = storages;
  expect(again).toBe(first);
  expect(out).toBeNull();
  expect(failed).not.toBe(first);
  expect([first, failed].map((each) => each!.storage.isFreed)).toEqual([true, true]);
});
