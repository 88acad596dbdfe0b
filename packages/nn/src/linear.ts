import { linear, loraLinear } from '@curio/engine';
import type { Parameter, Tensor } from '@curio/engine';
import { init } from './init.ts';
import type { Initializer } from './init.ts';
import { loraOf } from './lora.ts';
import type { LoraOptions } from './lora.ts';
import type { Mode } from './mode.ts';
import type { Weights } from './weights.ts';

export interface LinearOptions {
  readonly bias?: boolean;
  readonly lora?: LoraOptions | null;
  /** Default: U(−1/√in, 1/√in) for weight and bias. */
  readonly initial?: Initializer;
  readonly mode?: Mode;
}

interface Branch {
  readonly a: Parameter;
  readonly b: Parameter;
  readonly scale: number;
  readonly dropout: number;
}

/**
 * y = x·Wᵀ + b, with LoRA y = x·Wᵀ + b + scale·(drop(x)·Aᵀ)·Bᵀ, scale as `loraOf` gives it.
 * x float[..., in] → float[..., out]. Tensors: `weight` [out, in], `bias` [out], `lora_A.weight` [r, in],
 * `lora_B.weight` [out, r] (zeros at first).
 */
export class Linear {
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly lora: Branch | null;
  private readonly mode: Mode | null;

  constructor(w: Weights, inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    const { bias = true, initial = init.linear(inFeatures) } = options;
    const lora = loraOf(w.path, options.lora);
    this.weight = w.get('weight', [outFeatures, inFeatures], initial);
    this.bias = bias ? w.get('bias', [outFeatures], options.initial ? init.zeros : initial) : null;
    this.lora = lora && {
      a: w.at('lora_A').get('weight', [lora.r, inFeatures], init.linear(inFeatures)),
      b: w.at('lora_B').get('weight', [outFeatures, lora.r], init.zeros),
      scale: lora.scale,
      dropout: lora.dropout,
    };
    this.mode = options.mode ?? null;
  }

  forward(x: Tensor): Tensor {
    if (!this.lora) return linear(x, this.weight, this.bias);
    const dropout = this.mode?.training ? this.lora.dropout : 0;
    const { a, b, scale } = this.lora;
    return loraLinear(x, this.weight, this.bias, { a, b, scale, dropout });
  }
}
