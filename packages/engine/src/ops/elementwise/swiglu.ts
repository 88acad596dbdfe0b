import { elementwiseSwiglu as kernel } from '@curio/kernels/elementwise_swiglu';
import { ShapeError } from '../../gpu/errors.ts';
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import { lineWork } from '../../gpu/kernel/line.ts';
import { defineOp } from '../../tensor/op.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { adjacentOutputs } from '../parts/adjacent.ts';
import { requireFloat } from '../parts/broadcast.ts';

const WG = 64;
/** What the backward pass reads and writes. */
const STREAMS = 5;

const op = defineOp({
  name: 'swiglu',
  plan([gate, up]: readonly [Tensor, Tensor], _: undefined) {
    requireFloat('swiglu', gate, up);
    if (!sameShape(gate.shape, up.shape))
      throw new ShapeError(
        `swiglu: gate is ${showShape(gate.shape)} and up ${showShape(up.shape)}; they must be equal.`,
      );
    const vectors = ceilDiv(gate.size, 4);
    return { params: { vectors }, ...lineWork(gate.gpu, kernel, vectors, WG, {}, STREAMS) };
  },
  forward(run, [gate, up], plan) {
    const y = run.out(gate.shape);
    run.dispatch(kernel, 'forward', { buffers: { gate, up, y }, ...plan });
    return { y, saved: { gate, up: run.needs[0] ? up : null } };
  },
  backward(run, dy, { gate, up }, plan) {
    if (run.needs[0] && run.needs[1]) {
      // Side by side, for the layers that they go to.
      const [dgate, dup] = adjacentOutputs(run, 2, dy.shape) as [Tensor, Tensor];
      run.dispatch(kernel, 'backward', { buffers: { gate: gate!, up: up!, dy, dgate, dup }, ...plan });
      return [dgate, dup];
    }
    const dgate = run.needs[0] ? run.out(dy.shape) : null;
    const dup = run.needs[1] ? run.out(dy.shape) : null;
    if (dgate) run.dispatch(kernel, 'backward_gate', { buffers: { gate: gate!, up: up!, dy, dgate }, ...plan });
    else if (dup) run.dispatch(kernel, 'backward_up', { buffers: { gate: gate!, dy, dup }, ...plan });
    return [dgate, dup];
  },
});

/**
 * y = silu(gate) · up, the gated unit of LLaMA's MLP.
 * @param gate float[...]
 * @param up float[...], of the same shape
 * Saves gate, and up where gate needs a gradient. Kernel: kernels/elementwise/swiglu.wgsl. Throws ShapeError when the
 * shapes differ. (Shazeer 2020)
 */
export const swiglu = (gate: Tensor, up: Tensor): Tensor => op([gate, up]);
