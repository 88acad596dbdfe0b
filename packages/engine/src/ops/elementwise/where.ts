import { elementwiseChoose as kernel } from '@curio/kernels/elementwise_choose';
import { DTypeError } from '../../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { isPacked } from '../../tensor/dtype.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import { requireFit, requireNumber } from '../../tensor/host-values.ts';
import { filled, Tensor, zeros } from '../../tensor/tensor.ts';
import { cast } from '../cast/cast.ts';
import { sumTo } from '../parts/sum-to.ts';
import { commonShape, planBroadcast, requireDType } from '../parts/broadcast.ts';

const WG = 64;

function choose(run: Run, cond: Tensor, a: Tensor, b: Tensor, shape: Shape): Tensor {
  const y = run.out(shape, a.dtype);
  const path = planBroadcast('where', [cond, a, b], shape, 3);
  const [c, first, second] = path.tensors as [Tensor, Tensor, Tensor];
  const params: Record<string, number> = {
    items: path.items,
    parts: path.parts,
    n1: path.sizes[1]!,
    n2: path.sizes[2]!,
    cond_offset: c.bindingOffset,
    a_offset: first.bindingOffset,
    b_offset: second.bindingOffset,
  };
  ['cond', 'a', 'b'].forEach((name, i) =>
    path.strides[i]!.forEach((stride, k) => (params[`${name}_stride${k}`] = stride)),
  );
  run.dispatch(kernel, 'forward', {
    buffers: { cond: c, a: first, b: second, y },
    params,
    grid: lineGrid(ceilDiv(path.items, WG)),
  });
  return y;
}

const op = defineOp({
  name: 'where',
  layouts: ['any'],
  plan([cond, a, b]: readonly [Tensor, Tensor, Tensor], _: undefined) {
    requireDType('where', 'the condition', cond, 'bool', 'u32', 'i32');
    if (a.dtype !== b.dtype)
      throw new DTypeError(`where: a is ${a.dtype} and b is ${b.dtype}; they must be equal, use cast.`);
    return { a: a.shape, b: b.shape, y: commonShape('where', [cond.shape, a.shape, b.shape]) };
  },
  forward: (run, [cond, a, b], shapes) => ({ y: choose(run, cond, a, b, shapes.y), saved: { cond } }),
  backward(run, dy, { cond }, shapes) {
    const zero = zeros(run.gpu, []);
    return [
      null,
      run.needs[1] ? sumTo(choose(run, cond!, dy, zero, shapes.y), shapes.a) : null,
      run.needs[2] ? sumTo(choose(run, cond!, zero, dy, shapes.y), shapes.b) : null,
    ];
  },
});

/**
 * y = a where the condition is not 0, else b, broadcast.
 * @param cond bool[...]
 * @param a, b tensors of one dtype, or numbers; beside a fraction, ±∞ or NaN integers become f32, as in PyTorch
 * Saves cond. Kernel: kernels/elementwise/choose.wgsl. Throws ShapeError when the shapes do not broadcast, DTypeError
 * when a and b differ, or an integer does not fit the other's type.
 */
export function where(cond: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  const [x, n] = a instanceof Tensor ? [a, b] : [b, a];
  if (x instanceof Tensor && n instanceof Tensor) return op([cond, a as Tensor, b as Tensor]);
  for (const [name, value] of [
    ['a', a],
    ['b', b],
  ] as const)
    if (!(value instanceof Tensor)) requireNumber('where', name, value);
  const tensorOf = (value: Tensor | number): Tensor =>
    value instanceof Tensor
      ? promoted(value, Number(n))
      : filled('where', cond.gpu, [], Number(value), typeOf(x, Number(value)));
  return op([cond, tensorOf(a), tensorOf(b)]);
}

/**
 * The type that a number and a tensor meet in: the tensor's where it holds the number, f32 for fractions, infinities
 * and NaN beside integers.
 */
function typeOf(x: Tensor | number, n: number): DType {
  if (!(x instanceof Tensor) || isPacked(x.dtype) || x.dtype === 'f32') return 'f32';
  if (x.dtype === 'bool') return n === 0 || n === 1 ? 'bool' : 'f32';
  if (!Number.isInteger(n)) return 'f32';
  requireFit('where', 'the number', n, x.dtype as 'i32' | 'u32');
  return x.dtype;
}

const promoted = (x: Tensor, n: number): Tensor => (typeOf(x, n) === 'f32' && !isPacked(x.dtype) ? cast(x, 'f32') : x);
