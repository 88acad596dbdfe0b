/** @file The interface of a peer: another library that the bench times. A job keeps its inputs on the peer's device. */
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
  /** Milliseconds for `count` runs by the peer's own clock, if it is in another process. */
  time?(count: number): Promise<number>;
  /** Runs once and discards the result. */
  run(): void | Promise<void>;
  /** Waits until the device is done. */
  wait(): Promise<void>;
  /** Runs once and reads the result. */
  read(): Promise<ArrayLike<number>[]>;
  close(): void;
}

/** A training step: `read` runs a step and returns its loss. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Ends the peer's process, if it has one. */
  close?(): void;
  /** a[M, K] · b[K, N]. */
  matmul?(a: Values, b: Values): Job | Promise<Job>;
  /** x[M, K] · weight[N, K]ᵀ, and dx for dy. */
  linear?(x: Values, weight: Values): Job | Promise<Job>;
  linearGradient?(x: Values, weight: Values, dy: Values): Job | Promise<Job>;
  /** Over the last axis; gradients, here and below, are those of x only. */
  softmax?(x: Values): Job | Promise<Job>;
  softmaxGradient?(x: Values, dy: Values): Job | Promise<Job>;
  layerNorm?(x: Values, weight: Values, bias: Values): Job | Promise<Job>;
  layerNormGradient?(x: Values, weight: Values, bias: Values, dy: Values): Job | Promise<Job>;
  rmsNorm?(x: Values, weight: Values): Job | Promise<Job>;
  rmsNormGradient?(x: Values, weight: Values, dy: Values): Job | Promise<Job>;
  /** The mean over rows; `targets` are class indices. */
  crossEntropy?(x: Values, targets: Values): Job | Promise<Job>;
  crossEntropyGradient?(x: Values, targets: Values, dy: Values): Job | Promise<Job>;
  /** q, k, v[1, H, T, D], full: y[1, H, T, D]. */
  attention?(q: Values, k: Values, v: Values): Job | Promise<Job>;
  /** The same and its gradients for dy: dq, dk, dv. */
  attentionGradients?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  /** Only dq, dk, dv, after a forward pass outside the timing. */
  attentionBackward?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  /** The same three with a causal mask. */
  causalAttention?(q: Values, k: Values, v: Values): Job | Promise<Job>;
  causalAttentionBackward?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  causalAttentionGradients?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  /** One update of x by a fixed gradient; `read` returns the updated x. */
  adamw?(x: Values, gradient: Values, options: AdamWOptions): Job | Promise<Job>;
  /** Training step of one LLaMA layer with LoRA. */
  llamaLayer?(spec: LlamaLayerSpec): Job | Promise<Job>;
  /** Training steps of bench/src/steps, by the name of their spec. */
  step?(spec: StepSpec): Job | Promise<Job>;
}
