/**
 * @file Comparisons and logic with NumPy's broadcasting: bool[...] that is 1 where they hold. a and b are of one type
 * (f32, i32, u32 or bool), or b is a number, which is compared exactly with integers, and as an f32 with f32. NaN
 * equals nothing, not even itself.
 * Kernel: kernels/elementwise/compare.wgsl. No gradient. Each throws ShapeError when the shapes do not broadcast,
 * DTypeError when the types differ.
 */
import { elementwiseCompare as kernel } from '@curio/kernels/elementwise_compare';
import { DTypeError } from '../../gpu/errors.ts';
import { requireOptions } from '../../tensor/options.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import { BOUNDS, requireNumber } from '../../tensor/host-values.ts';
import { filled, requireTensors, Tensor } from '../../tensor/tensor.ts';
import { cast } from '../cast/cast.ts';
import { sum } from '../reduce/reductions.ts';
import type { ReduceOptions } from '../reduce/reductions.ts';
import { commonShape, planBroadcast, requireDType } from '../parts/broadcast.ts';

const WG = 64;

type Kind = 'EQ' | 'NE' | 'LT' | 'LE' | 'GT' | 'GE' | 'AND' | 'OR' | 'XOR';

/**
 * A comparison of integers with any number, as one with an integer of their type: lt(i32, 2.5) is le(i32, 2).
 * Where the number lies beyond the type or is NaN it holds for all (≥ the least) or for none (< the least).
 */
function amongWhole(kind: Kind, n: number, [low, high]: readonly [number, number]): readonly [Kind, number] {
  const always = (holds: boolean): readonly [Kind, number] => [holds ? 'GE' : 'LT', low];
  if (Number.isNaN(n)) return always(kind === 'NE');
  if (n > high) return always(kind === 'LT' || kind === 'LE' || kind === 'NE');
  if (n < low) return always(kind === 'GT' || kind === 'GE' || kind === 'NE');
  if (Number.isInteger(n)) return [kind, n];
  if (kind === 'EQ' || kind === 'NE') return always(kind === 'NE');
  return [kind === 'LT' || kind === 'LE' ? 'LE' : 'GT', Math.floor(n)];
}

function define(name: string, kind: Kind): (a: Tensor, b: Tensor | number) => Tensor {
  const isLogic = ['AND', 'OR', 'XOR'].includes(kind);
  const op = defineOp({
    name,
    layouts: ['any'],
    plan([a, b]: readonly [Tensor, Tensor], OP: Kind) {
      if (isLogic) for (const [i, x] of [a, b].entries()) requireDType(name, 'ab'[i]!, x, 'bool');
      if (a.dtype !== b.dtype)
        throw new DTypeError(`${name}: a is ${a.dtype} and b is ${b.dtype}; they must be equal, use cast.`);
      return { shape: commonShape(name, [a.shape, b.shape]), OP };
    },
    forward(run, [a, b], { shape, OP }) {
      const y = run.out(shape, 'bool');
      const path = planBroadcast(name, [a, b], shape, 4);
      const [first, second] = path.tensors as [Tensor, Tensor];
      const params: Record<string, number> = {
        items: path.items,
        a_offset: first.bindingOffset,
        b_offset: second.bindingOffset,
        parts: path.parts,
        n1: path.sizes[1]!,
        n2: path.sizes[2]!,
        n3: path.sizes[3]!,
      };
      for (let k = 0; k < 4; k++)
        [params[`a_stride${k}`], params[`b_stride${k}`]] = [path.strides[0]![k]!, path.strides[1]![k]!];
      const tuning = { OP, T: a.dtype === 'bool' ? 'u32' : a.dtype };
      run.dispatch(kernel, 'strided', {
        buffers: { a: first, b: second, y },
        params,
        tuning,
        grid: lineGrid(ceilDiv(path.items, WG)),
      });
      return { y };
    },
  });
  return (a, b) => {
    requireTensors(name, a);
    if (b instanceof Tensor) return op([a, b], kind);
    requireNumber(name, 'b', b);
    // A packed type is refused by the op itself.
    if (a.dtype !== 'i32' && a.dtype !== 'u32' && a.dtype !== 'bool')
      return op([a, filled(name, a.gpu, [], Number(b), 'f32')], kind);
    const [whole, n] = amongWhole(kind, Number(b), BOUNDS[a.dtype]);
    return op([a, filled(name, a.gpu, [], n, a.dtype)], whole);
  };
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

/** Of two tensors, as the types have it: a number would be compared with 0. */
function both(name: string, kind: Kind): (a: Tensor, b: Tensor) => Tensor {
  const op = define(name, kind);
  return (a, b) => {
    requireTensors(name, a, b);
    return op(a, b);
  };
}

/** bool: a and b, both bool. */
export const logicalAnd = both('logicalAnd', 'AND');
/** bool: a or b, both bool. */
export const logicalOr = both('logicalOr', 'OR');
/** bool: exactly one of a and b, both bool. */
export const logicalXor = both('logicalXor', 'XOR');
/** bool: 1 where x is 0. */
export function logicalNot(x: Tensor): Tensor {
  requireTensors('logicalNot', x);
  return eq(x, 0);
}
/**
 * bool: whether an element over the axes is not 0; false where there is none. Composed of cast and sum.
 */
export function any(x: Tensor, options: ReduceOptions = {}): Tensor {
  requireTensors('any', x);
  return gt(sum(cast(cast(x, 'bool'), 'f32'), requireOptions('any', options, ['axis', 'keepDims'])), 0);
}
/**
 * bool: whether every element over the axes is not 0; true where there is none. Composed of cast and sum.
 */
export function all(x: Tensor, options: ReduceOptions = {}): Tensor {
  requireTensors('all', x);
  return eq(sum(cast(eq(x, 0), 'f32'), requireOptions('all', options, ['axis', 'keepDims'])), 0);
}
