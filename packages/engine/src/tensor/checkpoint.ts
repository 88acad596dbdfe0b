/** @file Activation checkpointing: recompute instead of keeping. */
import { ShapeError } from '../gpu/errors.ts';
import { requireSync } from '../gpu/sync.ts';
import { isGradEnabled, nextNode, noGrad, record, walkBack, withGrad } from './autograd.ts';
import { currentWatcher, watchOps } from './op.ts';
import { requireTensors, Tensor } from './tensor.ts';

/**
 * Runs `f(...inputs)` without keeping what its backward would need, and runs it again when the gradient comes. Random
 * ops draw the same numbers: the counter is restored. Parameters used inside `f` receive their gradients as usual, so
 * `f` may also be given frozen inputs.
 * Costs a second forward pass of `f` and keeps the inputs and the result. `f` must do the same both times, must not be
 * async, and may checkpoint parts of itself. Throws ShapeError when there is no input, and from `backward` when `f`
 * uses a computed tensor that requires a gradient and is not an input.
 */
export function checkpoint(f: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]): Tensor {
  requireSync('checkpoint', f);
  requireTensors('checkpoint', ...inputs);
  if (!isGradEnabled()) return f(...inputs);
  if (inputs.length === 0) throw new ShapeError('checkpoint: no input tensor was given; it needs at least one.');
  const { gpu } = inputs[0]!;
  const before = gpu.random.counter;
  // f may return an input, which has a history of its own
  let y!: Tensor;
  const read = new Set(inputs);
  gpu.scope(() => {
    const outer = currentWatcher();
    const watch: typeof outer = (name, used, result) => {
      used.forEach((x) => x && read.add(x));
      outer?.(name, used, result);
    };
    watchOps(watch, () => (y = aliasOf(noGrad(() => f(...inputs)))));
    return y;
  });
  // What f found outside must be the same when it runs again; what it made is gone, but its result.
  const saved = [...read].filter((x) => !x.storage.isFreed && (inputs.includes(x) || x.storage !== y.storage));
  record('checkpoint', y, inputs, saved, (dy) => {
    const leaves = inputs.map(leafOf);
    const first = nextNode();
    const again = gpu.random.drawnFrom(before, () => withGrad(() => f(...leaves)));
    if (again.requiresGrad) walkBack(again, dy, first);
    return leaves.map(({ grad }) => {
      // made to outlive its scope as every leaf's gradient; here it is passed on and done
      if (grad) gpu.arena.adopt(grad.storage);
      return grad;
    });
  });
  return y;
}

const aliasOf = (x: Tensor): Tensor =>
  new Tensor(x.gpu, x.shape, x.dtype, x.storage, { strides: x.strides, offset: x.offset });

/** A leaf that shares the values of `x` and requires a gradient when `x` does. */
function leafOf(x: Tensor): Tensor {
  const leaf = aliasOf(x);
  leaf.requiresGrad = x.requiresGrad;
  return leaf;
}
