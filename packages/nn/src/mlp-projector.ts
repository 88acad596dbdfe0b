import { gelu } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import { Linear } from './linear.ts';
import type { ProjectorSizes } from './prototype-projector.ts';
import type { Weights } from './weights.ts';

/**
 * LLaVA-1.5's projector `mlp2x_gelu`, without prototypes: W₂·gelu(W₀·x + b₀) + b₂ with the exact GELU.
 * x float[B, L, D] → float[B, L, H]. Tensors: `0` [H, D] and `2` [H, H], each with a bias.
 */
export class MlpProjector {
  private readonly first: Linear;
  private readonly second: Linear;

  constructor(w: Weights, { visionSize, hiddenSize }: ProjectorSizes) {
    this.first = new Linear(w.at('0'), visionSize, hiddenSize);
    this.second = new Linear(w.at('2'), hiddenSize, hiddenSize);
  }

  forward(x: Tensor): Tensor {
    return this.second.forward(gelu(this.first.forward(x)));
  }
}
