import { embedding } from '@curio/engine';
import type { Parameter, Tensor } from '@curio/engine';
import { init } from './init.ts';
import type { Initializer } from './init.ts';
import type { Weights } from './weights.ts';

/** Rows of a table: ids i32[...] → float[..., C]. Tensor: `weight` [V, C]. */
export class Embedding {
  readonly weight: Parameter;

  constructor(w: Weights, count: number, size: number, initial: Initializer = init.normal(0.02)) {
    this.weight = w.get('weight', [count, size], initial);
  }

  forward(ids: Tensor): Tensor {
    return embedding(ids, this.weight);
  }
}
