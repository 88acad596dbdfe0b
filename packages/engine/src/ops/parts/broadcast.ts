/** @file How elementwise kernels iterate over tensors that are broadcast together. */
import { DTypeError } from '../../gpu/errors.ts';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import { aligned } from '../../tensor/copy.ts';
import type { DType } from '../../tensor/dtype.ts';
import { broadcastShapes, broadcastStrides, collapse } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';

/** Adjacent elements of the last axis that one lane of a strided kernel computes; SPAN in kernels/elementwise. */
const SPAN = 8;

/** Tensors under one shape: adjacent axes merged, then padded in front to a fixed rank. */
export interface BroadcastPlan {
  readonly tensors: readonly Tensor[];
  /** Number of axes after merging. */
  readonly rank: number;
  readonly sizes: readonly number[];
  readonly strides: readonly (readonly number[])[];
  /** Parts of the last axis, and all of them. */
  readonly parts: number;
  readonly items: number;
}

/** The common shape of all of them. Throws ShapeError when there is none. */
export const commonShape = (where: string, shapes: readonly Shape[]): Shape =>
  shapes.reduce((a, b) => broadcastShapes(where, a, b));

/** Plans op `name` over `tensors`, with at most `rank` axes; tensors whose strides need more are copied. */
export function planBroadcast(name: string, tensors: readonly Tensor[], shape: Shape, rank: number): BroadcastPlan {
  const wide = tensors.map((x) => broadcastStrides(x.shape, x.strides, shape));
  // Without elements any plan will do, and no copy could merge the axes of such tensors.
  const { shape: sizes, strides } = shape.includes(0)
    ? collapse(
        [0],
        wide.map(() => [1]),
      )
    : collapse(shape, wide);
  if (sizes.length > rank) {
    return planBroadcast(
      name,
      tensors.map((x, i) =>
        aligned(name, new Tensor(x.gpu, shape, x.dtype, x.storage, { strides: wide[i]!, offset: x.offset })),
      ),
      shape,
      rank,
    );
  }
  const pad = new Array<number>(rank - sizes.length).fill(0);
  const parts = ceilDiv(sizes.at(-1)!, SPAN);
  const lines = sizes.slice(0, -1).reduce((a, b) => a * b, 1);
  return {
    tensors,
    rank: sizes.length,
    sizes: [...pad.map(() => 1), ...sizes],
    strides: strides.map((s) => [...pad, ...s]),
    parts,
    items: lines * parts,
  };
}

/** Throws DTypeError unless every tensor is f32. */
export function requireFloat(where: string, ...tensors: readonly Tensor[]): void {
  for (const { dtype } of tensors)
    if (dtype !== 'f32') throw new DTypeError(`${where}: an input is ${dtype}; arithmetic is f32, use cast.`);
}

/** Throws DTypeError unless `x` has one of `dtypes`. */
export function requireDType(where: string, name: string, x: Tensor, ...dtypes: readonly DType[]): void {
  if (!dtypes.includes(x.dtype))
    throw new DTypeError(`${where}: ${name} is ${x.dtype}; it must be ${dtypes.join(' or ')}.`);
}
