/** @file Activation checkpointing: recompute instead of keeping. */
import { backward, isGradEnabled, noGrad, record, withGrad } from './autograd.ts';
import { Tensor } from './tensor.ts';

/**
 * Runs `f(...inputs)` without keeping what its backward would need, and runs it again when the gradient comes. Random ops draw the same
 * numbers: the counter is restored. Parameters used inside `f` receive their gradients as usual, so `f` may also be given frozen inputs.
 */
export function checkpoint(f: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor {
  if (!isGradEnabled()) return f(...inputs);
  const { gpu } = inputs[0]!;
  const before = gpu.random.counter;
  const y = gpu.scope(() => noGrad(() => f(...inputs)));
  const after = gpu.random.counter;
  record('checkpoint', y, inputs, inputs.map((x) => x.storage), (dy) => {
    const leaves = inputs.map(leafOf);
    gpu.random.counter = before;
    const again = withGrad(() => f(...leaves));
    gpu.random.counter = after;
    if (again.requiresGrad) backward(again, dy);
    return leaves.map(({ grad }) => {
      if (grad) gpu.arena.adopt(grad.storage); // made to outlive its scope as every leaf's gradient; here it is passed on and done
      return grad;
    });
  });
  return y;
}

/** A leaf that sees the same values and asks for a gradient when `x` does. */
function leafOf(x: Tensor): Tensor {
  const leaf = new Tensor(x.gpu, x.shape, x.dtype, x.storage, { strides: x.strides, offset: x.offset });
  leaf.requiresGrad = x.requiresGrad;
  return leaf;
}
