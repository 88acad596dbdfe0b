import { linear, loraLinear, loraLinears } from '@curio/engine';
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

/** The pairs of linears of these paths and sizes: all A, then all B, so that an optimizer places them side by side. */
function branchesOf(
  scopes: readonly Weights[],
  inFeatures: number,
  outFeatures: readonly number[],
  lora: LoraOptions | null | undefined,
): (Branch | null)[] {
  const branches = scopes.map((w) => loraOf(w.path, lora));
  const as = branches.map(
    (branch, i) => branch && scopes[i]!.at('lora_A').get('weight', [branch.r, inFeatures], init.linear(inFeatures)),
  );
  return branches.map((branch, i) => {
    if (!branch) return null;
    const b = scopes[i]!.at('lora_B').get('weight', [outFeatures[i]!, branch.r], init.zeros);
    return { a: as[i]!, b, scale: branch.scale, dropout: branch.dropout };
  });
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

  /** @param branch its pair, where that was made already */
  constructor(
    w: Weights,
    inFeatures: number,
    outFeatures: number,
    options: LinearOptions = {},
    branch?: Branch | null,
  ) {
    const { bias = true, initial = init.linear(inFeatures) } = options;
    this.weight = w.get('weight', [outFeatures, inFeatures], initial);
    this.bias = bias ? w.get('bias', [outFeatures], options.initial ? init.zeros : initial) : null;
    this.lora = branch === undefined ? branchesOf([w], inFeatures, [outFeatures], options.lora)[0]! : branch;
    this.mode = options.mode ?? null;
  }

  forward(x: Tensor): Tensor {
    if (!this.lora) return linear(x, this.weight, this.bias);
    const { a, b, scale } = this.lora;
    return loraLinear(x, this.weight, this.bias, { a, b, scale, dropout: this.dropout });
  }

  /** Probability with which this call drops an input of the pair. */
  get dropout(): number {
    return this.mode?.training ? (this.lora?.dropout ?? 0) : 0;
  }
}

/**
 * Linear layers over one input, such as q, k and v. Their adapters are adjacent in memory once an optimizer trains
 * them, so that products over them are one; a branch with dropout draws its own mask and is computed separately.
 */
export class SharedInputLinears {
  private readonly layers: readonly Linear[];

  /** @param outFeatures of each layer, by its name below `w` */
  constructor(
    w: Weights,
    inFeatures: number,
    outFeatures: Readonly<Record<string, number>>,
    options: LinearOptions = {},
  ) {
    const scopes = Object.keys(outFeatures).map((name) => w.at(name));
    const sizes = Object.values(outFeatures);
    const branches = branchesOf(scopes, inFeatures, sizes, options.lora);
    this.layers = scopes.map((scope, i) => new Linear(scope, inFeatures, sizes[i]!, options, branches[i]));
  }

  /** x float[..., in] → float[..., out] of each, in their order. */
  forward(x: Tensor): Tensor[] {
    if (this.layers.some(({ lora, dropout }) => !lora || dropout > 0))
      return this.layers.map((each) => each.forward(x));
    return loraLinears(
      x,
      this.layers.map(({ weight, bias, lora }) => ({ weight, bias, a: lora!.a, b: lora!.b, scale: lora!.scale })),
    );
  }
}
