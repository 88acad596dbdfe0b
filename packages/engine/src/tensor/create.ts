/** @file Tensors of regular values, made on the host. */
import { ShapeError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { requireFinite } from './options.ts';
import type { DType } from './dtype.ts';
import { requireShape } from './shape.ts';
import { type Tensor, tensor } from './tensor.ts';

/**
 * start, start + step, … before `end`; `arange(gpu, n)` is 0 … n - 1.
 * @returns [⌈(end - start) / step⌉], f32 by default
 * Throws ShapeError when the step is 0 or leads away from the end.
 */
export function arange(gpu: Gpu, start: number, end?: number, step = 1, dtype: DType = 'f32'): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const count = Math.ceil((to - from) / step);
  if (!Number.isFinite(count) || count < 0)
    throw new ShapeError(
      `arange: steps of ${step} do not lead from ${from} to ${to}; the step must lead towards the end and not be 0.`,
    );
  return tensor(
    gpu,
    Array.from({ length: count }, (_, i) => from + i * step),
    [count],
    { dtype },
  );
}

/**
 * `count` values from `start` to `end` inclusive, evenly spaced. Throws ShapeError unless count is an integer of at
 * least 0, ConfigError unless both ends are finite.
 */
export function linspace(gpu: Gpu, start: number, end: number, count: number): Tensor {
  requireShape('linspace', [count]);
  requireFinite('linspace', 'start', start);
  requireFinite('linspace', 'end', end);
  return tensor(
    gpu,
    Array.from({ length: count }, (_, i) => start + (count > 1 ? (i * (end - start)) / (count - 1) : 0)),
    [count],
  );
}

/** The identity: 1 on the main diagonal, else 0. @returns [rows, columns] */
export function eye(gpu: Gpu, rows: number, columns: number = rows, dtype: DType = 'f32'): Tensor {
  requireShape('eye', [rows, columns]);
  const values = new Float32Array(rows * columns);
  for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = 1;
  return tensor(gpu, values, [rows, columns], { dtype });
}
