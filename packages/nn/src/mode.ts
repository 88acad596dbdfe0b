import { checkpoint, isGradEnabled } from '@curio/engine';
import type { Tensor } from '@curio/engine';

/** How a model runs. All layers of a model share one object and read it at each call. */
export interface Mode {
  /** Whether dropout is on. */
  training: boolean;
  /**
   * Whether a block saves only its input and is recomputed for its gradient (gradient checkpointing): a third
   * more arithmetic, memory of one block.
   */
  checkpointing: boolean;
}

/**
 * Runs a block as `mode` says. A block whose input needs no gradient is run plainly: it may be frozen throughout. Under
 * `noGrad` a block's temporaries are freed at its end, so a forward pass takes the memory of one block plus the results
 * of the others.
 */
export function runBlock(mode: Mode | undefined, block: (x: Tensor) => Tensor, x: Tensor): Tensor {
  if (!isGradEnabled()) return x.gpu.scope(() => block(x));
  return mode?.checkpointing && x.requiresGrad ? checkpoint(block, x) : block(x);
}
