/** @file What a peer can be asked to do. A job holds its inputs on the peer's own device. */
import type { LlamaLayerSpec, StepSpec } from '../../src/steps/step-spec.ts';

export interface Values {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer>;
}

export interface AdamWOptions {
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

export interface Job {
  /** Milliseconds of so many runs by the peer's own clock, where it is in another process. */
  time?(count: number): Promise<number>;
  /** Does it once; its result is let go. */
  run(): void | Promise<void>;
  /** Until the device has done all of it. */
  wait(): Promise<void>;
  /** Does it once and reads what came out. */
  read(): Promise<ArrayLike<number>[]>;
  close(): void;
}

/** A training step: `read` is the loss of the step it does. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Ends what it runs in, where that is another process. */
  close?(): void;
  /** a[M, K] · b[K, N]. */
  matmul?(a: Values, b: Values): Job | Promise<Job>;
  /** x[M, K] · weight[N, K]ᵀ, and dx for dy. */
  linear?(x: Values, weight: Values): Job | Promise<Job>;
  linearGradient?(x: Values, weight: Values, dy: Values): Job | Promise<Job>;
  /** Over the last axis; the gradients, here and below, are those of x alone. */
  softmax?(x: Values): Job | Promise<Job>;
  softmaxGradient?(x: Values, dy: Values): Job | Promise<Job>;
  layerNorm?(x: Values, weight: Values, bias: Values): Job | Promise<Job>;
  layerNormGradient?(x: Values, weight: Values, bias: Values, dy: Values): Job | Promise<Job>;
  rmsNorm?(x: Values, weight: Values): Job | Promise<Job>;
  rmsNormGradient?(x: Values, weight: Values, dy: Values): Job | Promise<Job>;
  /** The mean over rows; `targets` are whole numbers. */
  crossEntropy?(x: Values, targets: Values): Job | Promise<Job>;
  crossEntropyGradient?(x: Values, targets: Values, dy: Values): Job | Promise<Job>;
  /** q, k, v[1, H, T, D], full: y[1, H, T, D]. */
  attention?(q: Values, k: Values, v: Values): Job | Promise<Job>;
  /** The same and its gradients for dy: dq, dk, dv. */
  attentionGradients?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  /** dq, dk, dv alone, the forward pass being done. */
  attentionBackward?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  /** The three where a token sees those up to itself. */
  causalAttention?(q: Values, k: Values, v: Values): Job | Promise<Job>;
  causalAttentionBackward?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  causalAttentionGradients?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  /** One update of x by a gradient that stays; `read` is x after it. */
  adamw?(x: Values, gradient: Values, options: AdamWOptions): Job | Promise<Job>;
  /** One layer of LLaMA under LoRA, its adapters trained. */
  llamaLayer?(spec: LlamaLayerSpec): Job | Promise<Job>;
  /** The steps of bench/src/steps, by the name of their spec. */
  step?(spec: StepSpec): Job | Promise<Job>;
}
