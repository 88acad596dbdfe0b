/** @file Arithmetic of shapes: sizes, strides, axes, broadcasting. Pure. */
import { ShapeError } from '../gpu/errors.ts';

export type Shape = readonly number[];

export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** Throws ShapeError unless it is a list of integers of at least 0. */
export function requireShape(where: string, shape: Shape): void {
  if (!Array.isArray(shape))
    throw new ShapeError(
      `${where}: the shape is ${typeof shape === 'object' ? 'not a list' : (JSON.stringify(shape) ?? String(shape))}; it must be a list of sizes, such as [2, 3].`,
    );
  for (const n of shape as Shape)
    if (!Number.isInteger(n) || n < 0)
      throw new ShapeError(`${where}: shape ${showShape(shape)} has ${n}; sizes must be whole numbers of at least 0.`);
}

/** Row-major strides in elements. */
export function denseStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

export function isDense(shape: Shape, strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i]!;
  }
  return true;
}

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);

/** `axis` counted from the front; negative ones count from the back. Throws ShapeError out of range. */
export function resolveAxis(where: string, axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank)
    throw new ShapeError(
      `${where}: axis ${axis} is out of range for rank ${rank}; it must lie in ${-rank}..${rank - 1}.`,
    );
  return resolved;
}

/** The common shape of `a` and `b` by NumPy's rules. Throws ShapeError when there is none. */
export function broadcastShapes(where: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError(
        `${where}: cannot broadcast ${showShape(a)} with ${showShape(b)}; sizes must be equal or 1, counted from the last axis.`,
      );
    out[i] = x === 1 ? y : x;
  }
  return out;
}

/** Strides that read a tensor of `shape` and `strides` as if it had the broadcast shape `to`: 0 where it repeats. */
export function broadcastStrides(shape: Shape, strides: readonly number[], to: Shape): number[] {
  return to.map((n, i) => {
    const j = i - to.length + shape.length;
    return j < 0 || (shape[j] === 1 && n !== 1) ? 0 : strides[j]!;
  });
}

/** Merges adjacent axes that every operand walks as one, and drops axes of size 1. Returns at least one axis. */
export function collapse(
  shape: Shape,
  operands: readonly (readonly number[])[],
): { shape: number[]; strides: number[][] } {
  const out: number[] = [];
  const strides: number[][] = operands.map(() => []);
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 1) continue;
    const last = out.length - 1;
    const joins = last >= 0 && operands.every((s, k) => strides[k]![last] === s[i]! * shape[i]!);
    if (joins) {
      out[last]! *= shape[i]!;
      operands.forEach((s, k) => (strides[k]![last] = s[i]!));
    } else {
      out.push(shape[i]!);
      operands.forEach((s, k) => strides[k]!.push(s[i]!));
    }
  }
  if (out.length === 0) {
    out.push(1);
    strides.forEach((s) => s.push(0));
  }
  return { shape: out, strides };
}
