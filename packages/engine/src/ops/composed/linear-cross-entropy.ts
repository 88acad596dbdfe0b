/** @file Cross-entropy of a linear layer's outputs, without ever holding all logits. */
import { ShapeError } from '../../gpu/errors.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { checkpoint } from '../../tensor/checkpoint.ts';
import { show } from '../../tensor/host-values.ts';
import { requireOptions } from '../../tensor/options.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { add, mul } from '../elementwise/binary.ts';
import { eq, ge, logicalAnd, lt } from '../elementwise/compare.ts';
import { inverse } from '../elementwise/unary.ts';
import { where } from '../elementwise/where.ts';
import { cat } from '../layout/cat.ts';
import { reshape, slice } from '../layout/views.ts';
import { linear } from '../matmul/linear.ts';
import { sum } from '../reduce/reductions.ts';
import { crossEntropy } from '../rows/cross-entropy.ts';

export interface LinearCrossEntropyOptions {
  /** float[...]: w of each row; 1 when left out. No gradient flows to it. */
  readonly weights?: Tensor;
  /** Rows whose logits are held at a time. Default: as many as take 32 MiB. */
  readonly chunk?: number;
}

/** Bytes of a chunk's logits: on a GPU a product of this size keeps all lanes busy. */
const CHUNK_BYTES = 2 ** 25;
/** Chunks begin at multiples of this many rows, where a binding may begin. */
const ROWS = 64;

/**
 * Rows of each chunk: multiples of 64, as equal as possible, so that the last is not computed by a kernel for few rows.
 */
function chunkOf(rows: number, classes: number): number {
  const most = ROWS * Math.max(1, Math.floor(CHUNK_BYTES / (4 * classes * ROWS)));
  const chunks = Math.max(1, Math.ceil(rows / most));
  return ROWS * Math.ceil(rows / chunks / ROWS);
}

/**
 * `crossEntropy(linear(x, weight), targets)`, with the logits of `chunk` rows at a time, in forward and, recomputed, in
 * backward. If one chunk holds all rows, they are saved as usual. Differs from the unchunked result by the rounding of
 * sums over chunks: of the loss, and of a trained weight's gradient.
 * @param x float[..., C]
 * @param weight float[V, C], as `linear` takes it; or several, concatenated by rows
 * @param targets i32[...]: classes from 0 to V - 1; -100 ignores the row. Any other is refused where the host knows it,
 * and makes the loss NaN where only the device does
 * @returns float[]
 * Saves x. Throws ShapeError when the sizes differ or a target is not a class, DTypeError when targets are not i32.
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Tensor | readonly Tensor[],
  targets: Tensor,
  options: LinearCrossEntropyOptions = {},
): Tensor {
  const where = 'linearCrossEntropy';
  const tables = Array.isArray(weight) ? (weight as readonly Tensor[]) : [weight as Tensor];
  requireTensors(where, x, targets, ...tables);
  const { weights } = requireOptions(where, options, ['weights', 'chunk']);
  const [C, leading] = [x.shape.at(-1), x.shape.slice(0, -1)];
  const other = tables.find(({ shape }) => shape.length !== 2 || shape[1] !== C);
  if (other || tables.length === 0)
    throw new ShapeError(
      `${where}: x is ${showShape(x.shape)} and the weight ${other ? showShape(other.shape) : 'an empty list'}; it must be [V, ${C}].`,
    );
  for (const [name, each] of [['targets', targets] as const, ...(weights ? [['weights', weights] as const] : [])])
    if (!sameShape(each.shape, leading))
      throw new ShapeError(
        `${where}: ${name} are ${showShape(each.shape)} and x ${showShape(x.shape)}; ${name} must be ${showShape(leading)}.`,
      );
  const rows = targets.size;
  const classes = tables.reduce((total, { shape }) => total + shape[0]!, 0);
  requireIndices(where, 'target', targets, { low: 0, high: classes - 1, ignored: -100 });
  const { chunk = chunkOf(rows, classes) } = options;
  if (!Number.isInteger(chunk) || chunk < 1)
    throw new ShapeError(`${where}: chunk is ${show(chunk)}; it must be a whole number of rows, at least 1.`);
  const logits = (part: Tensor): Tensor => {
    const each = tables.map((table) => linear(part, table));
    return each.length === 1 ? each[0]! : cat(each, { axis: -1 });
  };
  if (rows <= chunk) return crossEntropy(logits(x), targets, { weights });
  const flat = reshape(x, [rows, C!]);
  const [flatTargets, flatWeights] = [reshape(targets, [rows]), weights && reshape(weights, [rows])];
  const trains = [x, ...tables].some(({ requiresGrad }) => requiresGrad);
  const losses = Array.from({ length: Math.ceil(rows / chunk) }, (_, i) => {
    const part = (of: Tensor): Tensor => slice(of, { axis: 0, start: i * chunk, end: Math.min(rows, (i + 1) * chunk) });
    const [label, w] = [part(flatTargets), flatWeights && part(flatWeights)];
    const loss = (h: Tensor): Tensor => crossEntropy(logits(h), label, { weights: w, reduction: 'sum' });
    return trains ? checkpoint(loss, part(flat)) : loss(part(flat));
  });
  return mul(
    losses.reduce((total, loss) => add(total, loss)),
    inverseOfTotal(flatTargets, flatWeights, classes),
  );
}

/** 1 / Σ w over the rows that are not ignored; 0 where all are, NaN where a target is not a class. */
function inverseOfTotal(targets: Tensor, weights: Tensor | undefined, classes: number): Tensor {
  const isClass = logicalAnd(ge(targets, 0), lt(targets, classes));
  const total = sum(where(eq(targets, -100), 0, where(isClass, weights ?? 1, NaN)));
  return where(eq(total, 0), 0, inverse(total));
}
