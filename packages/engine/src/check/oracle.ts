/** @file Float64 arrays for reference forwards. JavaScript's numbers are doubles, so the oracle is free. */
import { denseStrides, sizeOf } from '../tensor/shape.ts';
import type { Shape } from '../tensor/shape.ts';

export class Array64 {
  readonly data: Float64Array;

  constructor(readonly shape: Shape, data?: ArrayLike<number>) {
    this.data = data ? Float64Array.from(data) : new Float64Array(sizeOf(shape));
  }

  /** Element at the given indices. */
  at(...indices: number[]): number {
    return this.data[this.index(indices)]!;
  }

  set(value: number, ...indices: number[]): void {
    this.data[this.index(indices)] = value;
  }

  private index(indices: readonly number[]): number {
    const strides = denseStrides(this.shape);
    return indices.reduce((sum, i, k) => sum + i * strides[k]!, 0);
  }
}

/** An array of `shape` whose element at each index list is `f(...indices)`. */
export function build(shape: Shape, f: (...indices: number[]) => number): Array64 {
  const out = new Array64(shape);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0; i < out.data.length; i++) {
    out.data[i] = f(...index);
    for (let k = shape.length - 1; k >= 0; k--) {
      if (++index[k]! < shape[k]!) break;
      index[k] = 0;
    }
  }
  return out;
}

/** `x` seen as rows of its last axis, mapped one by one. */
export function mapRows(x: Array64, f: (row: Float64Array, r: number) => ArrayLike<number>): Array64 {
  const cols = x.shape.at(-1) ?? 1;
  const out = new Array64(x.shape);
  for (let r = 0; cols > 0 && r < x.data.length / cols; r++) out.data.set(f(x.data.subarray(r * cols, (r + 1) * cols), r), r * cols);
  return out;
}
