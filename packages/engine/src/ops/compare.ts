/** @file Comparisons with NumPy's broadcasting: 1 where they hold. Kernel: kernels/elementwise/compare.wgsl. No gradient. */
import { elementwiseCompare as kernel } from '@curio/kernels/elementwise_compare';
import { DTypeError } from '../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../gpu/grid.ts';
import { defineOp } from '../tensor/op.ts';
import { full } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { commonShape, walk } from './walk.ts';

const WG = 64;

function define(name: string, kind: string): (a: Tensor, b: Tensor | number) => Tensor {
  const op = defineOp({
    name,
    layouts: ['any'],
    plan([a, b]: readonly [Tensor, Tensor], _: undefined) {
      if (a.dtype !== b.dtype) throw new DTypeError(`${name}: a is ${a.dtype} and b is ${b.dtype}; they must be equal, use cast.`);
      return commonShape(name, [a.shape, b.shape]);
    },
    forward(run, [a, b], shape) {
      const y = run.out(shape, 'bool');
      const path = walk(name, [a, b], shape, 4);
      const [first, second] = path.tensors as [Tensor, Tensor];
      const params: Record<string, number> = { items: path.items, a_offset: first.bindingOffset, b_offset: second.bindingOffset, parts: path.parts, n1: path.sizes[1]!, n2: path.sizes[2]!, n3: path.sizes[3]! };
      for (let k = 0; k < 4; k++) [params[`a_stride${k}`], params[`b_stride${k}`]] = [path.strides[0]![k]!, path.strides[1]![k]!];
      const tuning = { OP: kind, T: a.dtype === 'bool' ? 'u32' : a.dtype };
      run.dispatch(kernel, 'strided', { buffers: { a: first, b: second, y }, params, tuning, grid: lineGrid(ceilDiv(path.items, WG)) });
      return { y };
    },
  });
  return (a, b) => op([a, typeof b === 'number' ? full(a.gpu, [], b, a.dtype) : b], undefined);
}

/** bool: a = b. */
export const eq = define('eq', 'EQ');
/** bool: a ≠ b. */
export const ne = define('ne', 'NE');
/** bool: a < b. */
export const lt = define('lt', 'LT');
/** bool: a ≤ b. */
export const le = define('le', 'LE');
/** bool: a > b. */
export const gt = define('gt', 'GT');
/** bool: a ≥ b. */
export const ge = define('ge', 'GE');
