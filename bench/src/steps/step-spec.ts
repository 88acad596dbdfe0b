/**
 * @file A training step that several libraries can run: with the same parameters, data and Adam, so the same losses.
 */

export interface NamedValues {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

export interface StepSpec {
  readonly name: string;
  readonly parameters: readonly NamedValues[];
  readonly x: NamedValues;
  readonly target: NamedValues;
  readonly flops: number;
  /** Loss and gradients of the first step in float64. */
  readonly truth: () => { readonly loss: number; readonly grads: readonly Float64Array[] };
}

/**
 * The layer and the norm after it, for another library: parameters by the checkpoint's names, which of them train, and
 * x and target of the mean squared error.
 */
export interface LlamaLayerSpec {
  readonly parameters: readonly NamedValues[];
  readonly trained: readonly string[];
  readonly x: NamedValues;
  readonly target: NamedValues;
  readonly sizes: { readonly heads: number; readonly eps: number; readonly theta: number; readonly lora_scale: number };
  readonly lr: number;
}

/** The Adam options of every library. */
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** Steps after which the libraries' losses are compared. */
export const COMPARED_STEPS = 4;
