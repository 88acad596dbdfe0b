import { reduceNorm as kernel } from '@curio/kernels/reduce_norm';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import type { Shape } from '../../tensor/shape.ts';
import { zeros } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { around } from '../parts/reduce.ts';
import { overAxes } from './reductions.ts';
import type { ReduceAttrs, ReduceOptions } from './reductions.ts';

interface Plan {
  readonly shape: Shape;
  readonly from: Shape;
  readonly outer: number;
  readonly n: number;
  readonly inner: number;
}

const WG = 64;
/** The fewest elements that are worth a lane. */
const LEAST = 32;

/** Segments that one dispatch leaves of n: adjacent lanes read adjacent elements, so a row has several. */
function segmentsOf(run: Run, { outer, inner }: Plan, n: number): number {
  const lanes = run.gpu.adapter.costs.lanes / (outer * inner);
  return Math.max(1, Math.floor(Math.min(inner === 1 ? Math.max(WG, lanes) : lanes, n / LEAST)));
}

function lengths(run: Run, x: Tensor, plan: Plan): Tensor {
  const { outer, inner: cols } = plan;
  let rows = plan.n;
  let y = x;
  do {
    const segments = segmentsOf(run, plan, rows);
    const to = run.out(segments === 1 ? plan.shape : [outer, segments, cols]);
    run.dispatch(kernel, 'forward', {
      buffers: { x: y, y: to },
      params: { outer, rows, cols, segments },
      grid: lineGrid(ceilDiv(to.size, WG)),
    });
    [y, rows] = [to, segments];
  } while (rows > 1);
  return y;
}

const op = defineOp({
  name: 'norm',
  plan([x]: readonly [Tensor], { run: [first, end] }: ReduceAttrs): Plan {
    const [outer, n, inner] = around(x.shape, [first, end]);
    return { shape: x.shape.map((size, i) => (i >= first && i < end ? 1 : size)), from: x.shape, outer, n, inner };
  },
  forward(run, [x], plan) {
    const y = plan.n === 0 ? zeros(run.gpu, plan.shape) : lengths(run, x, plan);
    return { y, saved: { x, y } };
  },
  backward(run, dy, { x, y }, { from, outer, n, inner }) {
    const dx = run.out(from);
    run.dispatch(kernel, 'backward', {
      buffers: { x, y_saved: y, dy, dx },
      params: { outer, rows: n, cols: inner, segments: 1 },
      grid: lineGrid(ceilDiv(dx.size, WG)),
    });
    return [dx];
  },
});

/**
 * √Σ x² over axes, the Euclidean length, also where the squares would leave f32 at either end; derivative x / y, 0
 * where the length is 0.
 * @param x float[...]
 * Saves x and the length. Kernel: kernels/reduce/norm. Throws ShapeError for an axis out of range, DTypeError unless x
 * is f32. Source of the scaling: BLAS nrm2 (Blue 1978).
 */
export const norm = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  overAxes('norm', (input, attrs) => op([input], attrs), x, options);
