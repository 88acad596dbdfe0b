/** @file The reverse of broadcasting. */
import { aligned } from '../../tensor/copy.ts';
import type { Shape } from '../../tensor/shape.ts';
import { denseStrides, sameShape } from '../../tensor/shape.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { around, reduceMiddle, runsOf } from './reduce.ts';

/**
 * `x` summed over the axes that broadcasting from `shape` has added or grown: the gradient of a broadcast input.
 * Returns `x` itself when nothing was grown.
 */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const extra = x.shape.length - shape.length;
  const axes = x.shape.flatMap((n, i) => (i < extra || (shape[i - extra] === 1 && n !== 1) ? [i] : []));
  let y = aligned('sumTo', x);
  let dims = [...x.shape];
  for (const run of runsOf(axes)) {
    const [outer, n, inner] = around(dims, run);
    dims = dims.map((size, i) => (i >= run[0] && i < run[1] ? 1 : size));
    y = reduceMiddle('SUM', y, { outer, n, inner, shape: dims });
  }
  return new Tensor(x.gpu, shape, x.dtype, y.storage, { strides: denseStrides(shape), offset: y.offset });
}
