import { swiglu } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import type { Initializer } from './init.ts';
import { Linear, SharedInputLinears } from './linear.ts';
import type { LoraOptions } from './lora.ts';
import type { Mode } from './mode.ts';
import type { Weights } from './weights.ts';

export interface MlpOptions {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly lora?: LoraOptions | null;
  readonly initial?: Initializer;
  readonly outputInitial?: Initializer;
  readonly mode?: Mode;
}

/** fc2(activation(fc1 x)), CLIP's. Tensors: `fc1`, `fc2`, with biases. */
export class Mlp {
  private readonly fc1: Linear;
  private readonly fc2: Linear;

  constructor(
    w: Weights,
    { hiddenSize, intermediateSize, lora, initial, outputInitial, mode }: MlpOptions,
    private readonly activation: (x: Tensor) => Tensor,
  ) {
    this.fc1 = new Linear(w.at('fc1'), hiddenSize, intermediateSize, { lora, initial, mode });
    this.fc2 = new Linear(w.at('fc2'), intermediateSize, hiddenSize, { lora, initial: outputInitial ?? initial, mode });
  }

  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.activation(this.fc1.forward(x)));
  }
}

/** down(silu(gate x) ⊙ up x), LLaMA's (Shazeer 2020). Tensors: `gate_proj`, `up_proj`, `down_proj`, without biases. */
export class GatedMlp {
  private readonly gateUp: SharedInputLinears;
  private readonly down: Linear;

  constructor(w: Weights, { hiddenSize, intermediateSize, lora, initial, outputInitial, mode }: MlpOptions) {
    const shared = { bias: false, lora, initial, mode };
    const sizes = { gate_proj: intermediateSize, up_proj: intermediateSize };
    this.gateUp = new SharedInputLinears(w, hiddenSize, sizes, shared);
    this.down = new Linear(w.at('down_proj'), intermediateSize, hiddenSize, {
      ...shared,
      initial: outputInitial ?? initial,
    });
  }

  forward(x: Tensor): Tensor {
    const [gate, up] = this.gateUp.forward(x) as [Tensor, Tensor];
    return this.down.forward(swiglu(gate, up));
  }
}
