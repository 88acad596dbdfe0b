/** @file What a peer can be asked to do. A job holds its inputs on the peer's own device. */
import type { StepSpec } from '../../src/steps/step-spec.ts';

export interface Values { readonly shape: readonly number[]; readonly values: Float32Array<ArrayBuffer> }

export interface Job {
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
  /** a[M, K] · b[K, N]. */
  matmul?(a: Values, b: Values): Job | Promise<Job>;
  /** Over the last axis. */
  softmax?(x: Values): Job | Promise<Job>;
  layerNorm?(x: Values, weight: Values, bias: Values): Job | Promise<Job>;
  /** q, k, v[1, H, T, D], full: y[1, H, T, D]. */
  attention?(q: Values, k: Values, v: Values): Job | Promise<Job>;
  /** The same and its gradients for dy: dq, dk, dv. */
  attentionGradients?(q: Values, k: Values, v: Values, dy: Values): Job | Promise<Job>;
  /** The steps of bench/src/steps, by the name of their spec. */
  step?(spec: StepSpec): Job | Promise<Job>;
}
