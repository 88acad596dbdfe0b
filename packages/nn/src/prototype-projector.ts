import { prototypeCluster, quickGelu } from '@curio/engine';
import type { Parameter, PrototypeAssignment, Tensor } from '@curio/engine';
import { init } from './init.ts';
import { Linear } from './linear.ts';
import { LayerNorm } from './norm.ts';
import type { Weights } from './weights.ts';

export interface ProjectorSizes {
  /** D, the width of the vision tower. */
  readonly visionSize: number;
  /** H, the width of the language model. */
  readonly hiddenSize: number;
}

export interface PrototypeProjectorOptions extends ProjectorSizes {
  /** K, the number of centres; 256 in the published models. */
  readonly numPrototypes: number;
  /** T, the number of E/M iterations; 2 in the published models. */
  readonly iterations: number;
}

/**
 * The projector of SQ-LLaVA: E = W₂·quickGelu(W₀·Y + b₀) + b₂, where Y is `prototypeCluster` of the features x, of F =
 * x·Wfᵀ + bf and V = x·Wvᵀ + bv. x float[B, L, D] → float[B, L, H]: the tokens keep their number.
 * Tensors: `sim_alpha` (α, at first 1) and `sim_beta` (β, at first 0) [1, 1, 1], `c`, `v`, `f` [D, D], `mlp.0` [H, D],
 * `mlp.2` [H, H], each with a bias, and `ln_1` [D], which the published files hold and the published code never
 * applies: it receives no gradient.
 */
export class PrototypeProjector {
  readonly simAlpha: Parameter;
  readonly simBeta: Parameter;
  readonly c: Linear;
  readonly v: Linear;
  readonly f: Linear;
  readonly unusedNorm: LayerNorm;
  private readonly mlp0: Linear;
  private readonly mlp2: Linear;

  constructor(
    w: Weights,
    private readonly options: PrototypeProjectorOptions,
  ) {
    const { visionSize, hiddenSize } = options;
    this.simAlpha = w.get('sim_alpha', [1, 1, 1], init.ones);
    this.simBeta = w.get('sim_beta', [1, 1, 1], init.zeros);
    this.c = new Linear(w.at('c'), visionSize, visionSize);
    this.v = new Linear(w.at('v'), visionSize, visionSize);
    this.f = new Linear(w.at('f'), visionSize, visionSize);
    this.unusedNorm = new LayerNorm(w.at('ln_1'), visionSize);
    this.mlp0 = new Linear(w.at('mlp.0'), visionSize, hiddenSize);
    this.mlp2 = new Linear(w.at('mlp.2'), hiddenSize, hiddenSize);
  }

  /** @param onAssignment is given which tokens share a centre, in tensors that live as long as the result */
  forward(x: Tensor, onAssignment?: (assignment: PrototypeAssignment) => void): Tensor {
    return this.mlp2.forward(quickGelu(this.mlp0.forward(this.extract(x, onAssignment))));
  }

  /** Y float[B, L, D]: the features after the prototype extractor, before the MLP. */
  extract(x: Tensor, onAssignment?: (assignment: PrototypeAssignment) => void): Tensor {
    const { simAlpha, simBeta } = this;
    const { weight: cWeight, bias: cBias } = this.c;
    const { numPrototypes, iterations } = this.options;
    return prototypeCluster(x, this.f.forward(x), this.v.forward(x), {
      cWeight,
      cBias: cBias!,
      simAlpha,
      simBeta,
      numPrototypes,
      iterations,
      onAssignment,
    });
  }
}
