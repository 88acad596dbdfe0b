import { add, full, matmul, mul, quickGelu, rmsNorm, softmax } from '@curio/engine';
import type { Parameter, Tensor } from '@curio/engine';
import { init } from './init.ts';
import { Linear } from './linear.ts';
import type { PrototypeProjectorOptions } from './prototype-projector.ts';
import type { Weights } from './weights.ts';

/**
 * The projector as the paper's equations have it, for experiments: the published code and weights are another one
 * (`PrototypeProjector`). The equations are in docs/sq-llava.md 1.4.7. For the features x of one image and K centres:
 *
 *     C⁰ = the K trained rows `centres`
 *     Cᵗ⁺¹ = M·v(x),  M = softmax over the centres of q(Cᵗ)·k(x)ᵀ, for each token
 *     Yᵢ = xᵢ + z(1/K · Σⱼ cos(Cⱼ, xᵢ)·Cⱼ)
 *     E = W₂·quickGelu(W₀·Y + b₀) + b₂
 *
 * What the equations leave open is as in the code: the axis of the softmax and the MLP. Centres
 * begin as draws of N(0, 1). x float[B, L, D] → float[B, L, H].
 * Tensors: `centres` [K, D]; `q`, `k`, `v`, `z` [D, D], `mlp.0` [H, D], `mlp.2` [H, H], each with a bias.
 */
export class PaperProjector {
  readonly centres: Parameter;
  private readonly q: Linear;
  private readonly k: Linear;
  private readonly v: Linear;
  private readonly z: Linear;
  private readonly mlp0: Linear;
  private readonly mlp2: Linear;

  constructor(
    w: Weights,
    private readonly options: PrototypeProjectorOptions,
  ) {
    const { visionSize: D, hiddenSize: H, numPrototypes: K } = options;
    this.centres = w.get('centres', [K, D], init.normal(1));
    [this.q, this.k, this.v, this.z] = (['q', 'k', 'v', 'z'] as const).map((name) => new Linear(w.at(name), D, D)) as [
      Linear,
      Linear,
      Linear,
      Linear,
    ];
    this.mlp0 = new Linear(w.at('mlp.0'), D, H);
    this.mlp2 = new Linear(w.at('mlp.2'), H, H);
  }

  forward(x: Tensor): Tensor {
    return this.mlp2.forward(quickGelu(this.mlp0.forward(this.extract(x))));
  }

  /** Y float[B, L, D]: the features after the prototype extractor, before the MLP. */
  extract(x: Tensor): Tensor {
    const { iterations, numPrototypes: K } = this.options;
    const [key, value] = [this.k.forward(x), this.v.forward(x)];
    let centres: Tensor = this.centres; // float[K, D], then float[B, K, D]
    for (let t = 0; t < iterations; t++) {
      // float[B, L, K], transposed so that the softmax runs over rows
      const share = softmax(matmul(key, this.q.forward(centres), { transposeB: true }));
      centres = matmul(share, value, { transposeA: true });
    }
    const cosine = matmul(unit(x), unit(centres), { transposeB: true });
    return add(x, this.z.forward(mul(matmul(cosine, centres), 1 / K)));
  }
}

/** x / √(‖x‖² + 1e-24), row by row: √D times the norm of a row is that of its mean square. */
function unit(x: Tensor): Tensor {
  const D = x.shape.at(-1)!;
  return rmsNorm(x, full(x.gpu, [D], 1 / Math.sqrt(D)), { eps: 1e-24 / D });
}
