/** @file TensorFlow.js on WebGPU. Small work stays on the device too: WEBGPU_CPU_FORWARD is off. */
import { createRequire } from 'node:module';
import { BATCH, HEAD, HEADS, TOKENS, WIDTH } from '../../src/steps/gpt-block.ts';
import { ADAM } from '../../src/steps/step-spec.ts';
import type { StepSpec } from '../../src/steps/step-spec.ts';
import type { Job, Peer, Values } from './peer.ts';

/** The part of its API that is used. */
interface T {
  dispose(): void;
  data(): Promise<Float32Array>;
  reshape(shape: readonly number[]): T;
  transpose(axes: readonly number[]): T;
  add(x: T): T;
  sub(x: T): T;
  mul(x: T | number): T;
  relu(): T;
  square(): T;
  mean(): T;
  pow(n: number): T;
  tanh(): T;
}
interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  env(): { set(name: string, value: boolean): void };
  backend(): { endComputePassEncoder(): void; ensureCommandEncoderReady(): void; submitQueue(): void; queue: GPUQueue };
  tensor(values: Float32Array, shape: readonly number[]): T;
  variable(x: T): T;
  scalar(x: number): T;
  where(c: T, a: T, b: T): T;
  linalg: { bandPart(x: T, lower: number, upper: number): T };
  ones(shape: readonly number[]): T;
  fill(shape: readonly number[], value: number): T;
  matMul(a: T, b: T, transposeA?: boolean, transposeB?: boolean): T;
  softmax(x: T): T;
  moments(x: T, axis: number, keepDims: boolean): { mean: T; variance: T };
  rsqrt(x: T): T;
  tidy<R>(f: () => R): R;
  grads(f: (...x: T[]) => T): (x: T[], dy: T) => T[];
  train: {
    adam(
      lr: number,
      beta1: number,
      beta2: number,
      eps: number,
    ): { minimize(f: () => T, returnCost: true, variables: T[]): T; dispose(): void };
  };
}

export async function openTfjs(): Promise<Peer> {
  const require = createRequire(import.meta.url);
  const tf = require('@tensorflow/tfjs') as Tf;
  require('@tensorflow/tfjs-backend-webgpu');
  const { version } = require('@tensorflow/tfjs/package.json') as { version: string };
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  if (!(await tf.setBackend('webgpu'))) throw new Error('its WebGPU backend did not start');
  await tf.ready();

  const upload = ({ values, shape }: Values): T => tf.tensor(values, shape);
  async function wait(): Promise<void> {
    const backend = tf.backend();
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
    await backend.queue.onSubmittedWorkDone();
  }
  const job = (held: readonly T[], make: () => readonly T[]): Job => ({
    run: () => tf.tidy(make).forEach((y) => y.dispose()),
    wait,
    async read() {
      const made = tf.tidy(make);
      const values = await Promise.all(made.map((y) => y.data()));
      made.forEach((y) => y.dispose());
      return values;
    },
    close: () => held.forEach((x) => x.dispose()),
  });
  const norm = (x: T, weight: T, bias: T): T => {
    const { mean, variance } = tf.moments(x, -1, true);
    return x
      .sub(mean)
      .mul(tf.rsqrt(variance.add(tf.scalar(1e-5))))
      .mul(weight)
      .add(bias);
  };
  const attend = (q: T, k: T, v: T, width: number, mask?: T): T => {
    const scores = tf.matMul(q, k, false, true).mul(1 / Math.sqrt(width));
    return tf.matMul(tf.softmax(mask ? scores.add(mask) : scores), v);
  };

  const mlp = (x: T, p: (name: string) => T): T =>
    tf.matMul(tf.matMul(x, p('w1'), false, true).add(p('b1')).relu(), p('w2'), false, true).add(p('b2'));
  function gptBlock(mask: T): typeof mlp {
    return (x, p) => {
      const dense = (input: T, name: string): T =>
        tf.matMul(input, p(`${name}.weight`), false, true).add(p(`${name}.bias`));
      const heads = (input: T): T => input.reshape([BATCH, TOKENS, HEADS, HEAD]).transpose([0, 2, 1, 3]);
      const flat = x.reshape([BATCH * TOKENS, WIDTH]);
      const normed = norm(flat, p('ln1.weight'), p('ln1.bias'));
      const y = attend(heads(dense(normed, 'q')), heads(dense(normed, 'k')), heads(dense(normed, 'v')), HEAD, mask);
      const middle = flat.add(dense(y.transpose([0, 2, 1, 3]).reshape([BATCH * TOKENS, WIDTH]), 'o'));
      const up = dense(norm(middle, p('ln2.weight'), p('ln2.bias')), 'up');
      const gelu = up.mul(0.5).mul(
        up
          .add(up.pow(3).mul(0.044715))
          .mul(Math.sqrt(2 / Math.PI))
          .tanh()
          .add(tf.scalar(1)),
      );
      return middle.add(dense(gelu, 'down')).reshape([BATCH, TOKENS, WIDTH]);
    };
  }

  return {
    name: '@tensorflow/tfjs-backend-webgpu',
    version,
    matmul(a, b) {
      const [x, y] = [upload(a), upload(b)];
      return job([x, y], () => [tf.matMul(x, y)]);
    },
    softmax(values) {
      const x = upload(values);
      return job([x], () => [tf.softmax(x)]);
    },
    layerNorm(...inputs) {
      const [x, weight, bias] = inputs.map(upload) as [T, T, T];
      return job([x, weight, bias], () => [norm(x, weight, bias)]);
    },
    attention(...inputs) {
      const [q, k, v] = inputs.map(upload) as [T, T, T];
      return job([q, k, v], () => [attend(q, k, v, inputs[0].shape.at(-1)!)]);
    },
    attentionGradients(...inputs) {
      const [q, k, v, dy] = inputs.map(upload) as [T, T, T, T];
      const gradients = tf.grads((a, b, c) => attend(a!, b!, c!, inputs[0].shape.at(-1)!));
      return job([q, k, v, dy], () => gradients([q, k, v], dy));
    },
    step(spec: StepSpec) {
      const variables = spec.parameters.map((each) => tf.variable(upload(each)));
      const [x, target] = [upload(spec.x), upload(spec.target)];
      const mask = tf.tidy(() =>
        tf.linalg
          .bandPart(tf.ones([TOKENS, TOKENS]), -1, 0)
          .sub(tf.scalar(1))
          .mul(1e9),
      );
      const net = spec.name === 'MLP' ? mlp : gptBlock(mask);
      const p = (name: string): T => variables[spec.parameters.findIndex((each) => each.name === name)]!;
      const adam = tf.train.adam(ADAM.lr, ADAM.beta1, ADAM.beta2, ADAM.eps);
      const once = (): T => adam.minimize(() => net(x, p).sub(target).square().mean(), true, variables);
      return {
        run: () => once().dispose(),
        wait,
        async read() {
          const loss = once();
          const value = await loss.data();
          loss.dispose();
          return [value];
        },
        close: () => [...variables, x, target, mask, adam].forEach((each) => each.dispose()),
      };
    },
  };
}
