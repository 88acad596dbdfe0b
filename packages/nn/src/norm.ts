import { layerNorm, rmsNorm } from '@curio/engine';
import type { Parameter, Tensor } from '@curio/engine';
import { init } from './init.ts';
import type { Weights } from './weights.ts';

/** y = (x − mean) / √(var + eps) · weight + bias over the last axis. Tensors: `weight` [C], `bias` [C]. */
export class LayerNorm {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(
    w: Weights,
    size: number,
    private readonly eps = 1e-5,
  ) {
    this.weight = w.get('weight', [size], init.ones);
    this.bias = w.get('bias', [size], init.zeros);
  }

  forward(x: Tensor): Tensor {
    return layerNorm(x, this.weight, this.bias, { eps: this.eps });
  }
}

/** y = x / √(mean(x²) + eps) · weight over the last axis. Tensor: `weight` [C]. */
export class RmsNorm {
  readonly weight: Parameter;

  constructor(
    w: Weights,
    size: number,
    private readonly eps = 1e-5,
  ) {
    this.weight = w.get('weight', [size], init.ones);
  }

  forward(x: Tensor): Tensor {
    return rmsNorm(x, this.weight, { eps: this.eps });
  }
}
