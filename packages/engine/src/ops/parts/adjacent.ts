/** @file Tensors that are adjacent in one buffer, and so can be one operand of a batched product. */
import type { Gpu } from '../../gpu/gpu.ts';
import type { Run } from '../../tensor/op.ts';
import { denseStrides, sameShape, sizeOf } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';

/** Bindings start at multiples of this many elements. */
const GRID = 64;

/**
 * Elements from the start of each of `all` to the next, if they are dense, of one shape and evenly spaced in one
 * storage, and each starts on the binding grid; else null. 0 for a single one.
 */
export function spacingOf(all: readonly Tensor[]): number | null {
  const [first, second] = all as [Tensor, Tensor | undefined];
  const step = second ? second.offset - first.offset : 0;
  if (second && (step < first.size || step % GRID !== 0)) return null;
  const isEven = all.every(
    (x, i) =>
      x.storage === first.storage &&
      x.dtype === 'f32' &&
      x.isDense &&
      x.bindingOffset === 0 &&
      x.offset === first.offset + i * step &&
      sameShape(x.shape, first.shape),
  );
  return isEven ? step : null;
}

/** One view [P, ...] of `all` of them, which are `step` elements apart; no gradient is recorded. */
export function stackAdjacent(all: readonly Tensor[], step: number): Tensor {
  const { gpu, shape, dtype, storage, offset } = all[0]!;
  return new Tensor(gpu, [all.length, ...shape], dtype, storage, { strides: [step, ...denseStrides(shape)], offset });
}

/** The parts [...] of x [P, ...], dense, from its first axis; no gradient is recorded. */
export const partsOf = ({ gpu, shape, dtype, storage, strides, offset }: Tensor): Tensor[] =>
  Array.from(
    { length: shape[0]! },
    (_, i) =>
      new Tensor(gpu, shape.slice(1), dtype, storage, { strides: strides.slice(1), offset: offset + i * strides[0]! }),
  );

/** Whether `count` parts of `size` elements can be adjacent: each on the binding grid, and all in one binding. */
export const canBeAdjacent = (gpu: Gpu, count: number, size: number): boolean =>
  size > 0 && size % GRID === 0 && 4 * count * size <= gpu.memory.bindingLimit;

/** `count` new tensors of one shape, adjacent if possible. */
export const adjacentOutputs = (run: Run, count: number, shape: Shape): Tensor[] =>
  canBeAdjacent(run.gpu, count, sizeOf(shape))
    ? partsOf(run.out([count, ...shape]))
    : Array.from({ length: count }, () => run.out(shape));

/**
 * The indices of lists of one length, cut into the longest runs in which each list of `even` is evenly spaced, and each
 * of `tight` without gaps.
 */
export function evenRuns(
  even: readonly (readonly Tensor[])[],
  tight: readonly (readonly Tensor[])[] = [],
): (readonly [start: number, end: number])[] {
  const runs: [number, number][] = [];
  for (let i = 0; i < even[0]!.length; i++) {
    const run = runs.at(-1);
    const spacing = (list: readonly Tensor[]): number | null => spacingOf(list.slice(run![0], i + 1));
    const goesOn =
      run !== undefined &&
      even.every((list) => spacing(list) !== null) &&
      tight.every((list) => spacing(list) === list[i]!.size);
    if (goesOn) run[1] = i + 1;
    else runs.push([i, i + 1]);
  }
  return runs;
}
