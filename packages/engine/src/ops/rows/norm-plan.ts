/** @file The shape rule of both norms. */
import { ShapeError } from '../../gpu/errors.ts';
import { requireFinite } from '../../tensor/options.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { requireFloat } from '../parts/broadcast.ts';

export type NormPlan = { readonly rows: number; readonly cols: number; readonly eps: number };

export function planNorm(
  name: string,
  x: Tensor,
  vectors: readonly (readonly [string, Tensor])[],
  eps: number,
): NormPlan {
  requireFinite(name, 'eps', eps, { least: 0 });
  requireFloat(name, x, ...vectors.map(([, v]) => v));
  const cols = x.shape.at(-1);
  if (cols === undefined)
    throw new ShapeError(`${name}: the input is a scalar of shape ${showShape(x.shape)}; it needs at least one axis.`);
  for (const [what, v] of vectors) {
    if (v.shape.length !== 1 || v.shape[0] !== cols)
      throw new ShapeError(
        `${name}: ${what} is ${showShape(v.shape)} and x is ${showShape(x.shape)}; ${what} must be ${showShape([cols])}.`,
      );
  }
  return { rows: cols === 0 ? 0 : x.size / cols, cols, eps };
}
