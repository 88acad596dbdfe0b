/**
 * What somebody new to the library gets wrong first: each is refused in one sentence of ours, never by a TypeError from
 * inside.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as curio from '../src/index.ts';
import type { Gpu } from '../src/index.ts';
import { openDevice } from './device.ts';

const { CurioError, ones, Parameter, Tensor, zeros } = curio;

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

type Call = (...args: unknown[]) => unknown;
const named = curio as unknown as Record<string, Call>;
const ids = (...shape: number[]): curio.Tensor => zeros(gpu, shape, 'i32');
const f = (...shape: number[]): curio.Tensor => ones(gpu, shape);

/** A right call of each op, tensors first. */
const CALLS: Readonly<Record<string, () => unknown[]>> = {
  adaptiveAvgPool1d: () => [f(1, 4, 4), 2],
  scaledDotProductAttention: () => [f(1, 1, 2, 4), f(1, 1, 2, 4), f(1, 1, 2, 4)],
  ...Object.fromEntries(
    ['add', 'div', 'maximum', 'minimum', 'mul', 'sub', 'eq', 'ge', 'gt', 'le', 'lt', 'ne', 'swiglu'].map((name) => [
      name,
      () => [f(2, 2), f(2, 2)],
    ]),
  ),
  ...Object.fromEntries(
    [
      ...['abs', 'ceil', 'cos', 'elu', 'erf', 'exp', 'expm1', 'floor', 'gelu', 'geluTanh', 'leakyRelu', 'log', 'log1p'],
      ...['neg', 'quickGelu', 'relu', 'round', 'rsqrt', 'sigmoid', 'sign', 'silu', 'sin', 'softplus', 'sqrt', 'tanh'],
      ...['isFinite', 'isInf', 'isNaN', 'argmax', 'argmin', 'max', 'mean', 'min', 'sum', 'cumsum', 'logSumExp'],
      ...[
        'std',
        'variance',
        'norm',
        'softmax',
        'logSoftmax',
        'tril',
        'triu',
        'dense',
        'detach',
        'squeeze',
        'transpose',
      ],
    ].map((name) => [name, () => [f(2, 2)]]),
  ),
  affine: () => [f(2), 2, 1],
  clamp: () => [f(2), 0, 1],
  pow: () => [f(2), 2],
  all: () => [f(2)],
  any: () => [f(2)],
  logicalAnd: () => [zeros(gpu, [2], 'bool'), zeros(gpu, [2], 'bool')],
  logicalOr: () => [zeros(gpu, [2], 'bool'), zeros(gpu, [2], 'bool')],
  logicalXor: () => [zeros(gpu, [2], 'bool'), zeros(gpu, [2], 'bool')],
  logicalNot: () => [zeros(gpu, [2], 'bool')],
  where: () => [zeros(gpu, [2], 'bool'), f(2), f(2)],
  cast: () => [f(2), 'i32'],
  flip: () => [f(2), { axis: 0 }],
  roll: () => [f(2), 1, { axis: 0 }],
  repeat: () => [f(2), [2]],
  oneHot: () => [ids(2), 2],
  split: () => [f(2), 1],
  conv2d: () => [f(1, 1, 2, 2), f(1, 1, 1, 1)],
  unfold: () => [f(1, 1, 2, 2), { kernel: 1 }],
  avgPool2d: () => [f(1, 1, 2, 2), { kernel: 1 }],
  maxPool2d: () => [f(1, 1, 2, 2), { kernel: 1 }],
  crossEntropy: () => [f(2, 2), ids(2)],
  dropout: () => [f(2), { p: 0.5 }],
  embedding: () => [ids(2), f(2, 2)],
  gather: () => [f(2), ids(2), { axis: 0 }],
  scatterAdd: () => [f(2), ids(2), f(2), { axis: 0 }],
  groupNorm: () => [f(1, 2, 2), 1, f(2), f(2)],
  indexSelect: () => [f(2), ids(2), { axis: 0 }],
  layerNorm: () => [f(2, 2), f(2), f(2)],
  rmsNorm: () => [f(2, 2), f(2)],
  linear: () => [f(2, 2), f(2, 2)],
  loraLinear: () => [f(2, 2), f(2, 2), null, f(1, 2), f(2, 1), { scale: 1 }],
  binaryCrossEntropyWithLogits: () => [f(2), f(2)],
  l1Loss: () => [f(2), f(2)],
  mseLoss: () => [f(2), f(2)],
  matmul: () => [f(2, 2), f(2, 2)],
  pad: () => [f(2), [[1, 1]]],
  rotaryEmbedding: () => [f(1, 1, 1, 2)],
  topk: () => [f(2), 1],
  assignSlice: () => [f(2), f(1), { axis: 0, start: 0 }],
  expand: () => [f(1), [2]],
  permute: () => [f(1, 2), [1, 0]],
  reshape: () => [f(2), [1, 2]],
  slice: () => [f(2), { axis: 0 }],
  unsqueeze: () => [f(2), { axis: 0 }],
  backward: () => [f(1)],
  prototypeCluster: () => [f(1, 4, 4), f(1, 4, 4), f(1, 4, 4), f(4, 4), f(4), f(1), f(1), {}],
};
/** What an op may be told in place of a tensor. */
const NUMBERS = ['add', 'div', 'maximum', 'minimum', 'mul', 'sub', 'eq', 'ge', 'gt', 'le', 'lt', 'ne', 'where'];

function refusal(call: () => unknown): string {
  try {
    gpu.scope(call);
  } catch (error) {
    if (error instanceof CurioError) return '';
    return String(error);
  }
  return 'accepted';
}

test.each(Object.keys(CALLS))('%s: what is not a tensor is refused by its position', (name) => {
  const told: string[] = [];
  for (const wrong of [[1, 2], Float32Array.of(1, 2), undefined, '1', Promise.resolve(1), 3, {}]) {
    for (let i = 0; i < CALLS[name]!().length; i++) {
      const args = gpu.scope(CALLS[name]!);
      if (!(args[i] instanceof Tensor) || (typeof wrong === 'number' && NUMBERS.includes(name))) continue;
      args[i] = wrong;
      const said = refusal(() => named[name]!(...args));
      if (said !== '') told.push(`${String(wrong)} as input ${i}: ${said}`);
    }
  }
  expect(told).toEqual([]);
});

test.each(Object.keys(CALLS))('%s: what is not a list, a number or an options object is refused', (name) => {
  const told: string[] = [];
  for (const wrong of [undefined, 'x', {}, [[]], () => 1, NaN]) {
    for (let i = 0; i < CALLS[name]!().length; i++) {
      const args = gpu.scope(CALLS[name]!);
      if (args[i] === null || args[i] instanceof Tensor) continue;
      args[i] = wrong;
      const said = refusal(() => named[name]!(...args));
      if (said !== '' && (said !== 'accepted' || wrong === 'x'))
        told.push(`${String(wrong)} as argument ${i}: ${said}`);
    }
  }
  expect(told).toEqual([]);
});

const any = (value: unknown): never => value as never;
const weight = (): curio.Parameter => new Parameter(gpu, 'w', [1], Float32Array.of(1));

const SENTENCES: readonly [string, () => unknown][] = [
  [
    "zeros: there is no element type 'float32'; float32 is f32 here; the types are f32, i32, u32, bool, f16, bf16, int8, int4, nf4.",
    () => zeros(gpu, [2], any('float32')),
  ],
  [
    "cast: there is no element type 'float32'; float32 is f32 here; the types are f32, i32, u32, bool, f16, bf16, int8, int4, nf4.",
    () => curio.cast(f(2), any('float32')),
  ],
  [
    "tensor: the options are 'i32'; they must be an object such as { dtype: … }, it takes dtype.",
    () => curio.tensor(gpu, [1], [1], any('i32')),
  ],
  [
    'tensor: there is no option dtyp; did you mean dtype? It takes dtype.',
    () => curio.tensor(gpu, [1], [1], any({ dtyp: 'i32' })),
  ],
  [
    'tensor: the first argument is a list; it must be the device, as await openGpu() gives it.',
    () => named.tensor!([1, 2]),
  ],
  [
    'zeros: the first argument is a list; it must be the device, as await openGpu() gives it.',
    () => named.zeros!([1, 2]),
  ],
  [
    'randomNormal: the first argument is a list; it must be the device, as await openGpu() gives it.',
    () => named.randomNormal!([1, 2]),
  ],
  [
    'ones: the first argument is a value of Promise; it must be the device, as await openGpu() gives it.',
    () => ones(any(Promise.resolve(gpu)), [2]),
  ],
  [
    "parameter: the first argument is 'w'; it must be the device, as await openGpu() gives it.",
    () => new Parameter(any('w'), any([1]), any(Float32Array.of(1)), any(undefined)),
  ],
  [
    "parameter: 'w' is f32 and was given a list; its values are a Float32Array.",
    () => new Parameter(gpu, 'w', [2], any([1, 2])),
  ],
  [
    "parameter: 'w' is f32 and was given a value of Float64Array; its values are a Float32Array.",
    () => new Parameter(gpu, 'w', [2], any(Float64Array.of(1, 2))),
  ],
  [
    "parameter: 'w' is f16 and was given a value of Float32Array; packed values are a Uint32Array of words.",
    () => new Parameter(gpu, 'w', [2], Float32Array.of(1), 'f16'),
  ],
  [
    "adamw: parameter 0 is a tensor without a name; make it with new Parameter(gpu, 'its name', shape, values).",
    () => new curio.AdamW(gpu, any([f(2)])),
  ],
  [
    'adamw: the first argument is a list; it must be the device, as await openGpu() gives it.',
    () => new curio.AdamW(any([weight()]), any(undefined)),
  ],
  [
    'adamw: the options are 0.1; they must be an object such as { groups: … }, it takes groups, lr, betas, eps, weightDecay, maxGradNorm, moments.',
    () => new curio.AdamW(gpu, [weight()], any(0.1)),
  ],
  [
    'adamw: there is no option learningRate; did you mean lr? It takes groups, lr, betas, eps, weightDecay, maxGradNorm, moments.',
    () => new curio.AdamW(gpu, [weight()], any({ learningRate: 0.1 })),
  ],
  [
    'sum: the options are 0; they must be an object such as { axis: … }, it takes axis, keepDims.',
    () => curio.sum(f(2), any(0)),
  ],
  ['sum: there is no option dim; did you mean axis? It takes axis, keepDims.', () => curio.sum(f(2), any({ dim: 0 }))],
  [
    'scaledDotProductAttention: there is no option mask; it takes causal, scale, lengths, position.',
    () => curio.scaledDotProductAttention(f(1, 1, 1, 4), f(1, 1, 1, 4), f(1, 1, 1, 4), any({ mask: f(1) })),
  ],
  [
    'conv2d: there is no option dilation; it takes stride, padding.',
    () => curio.conv2d(f(1, 1, 2, 2), f(1, 1, 1, 1), null, any({ dilation: 2 })),
  ],
  ['reshape: the shape is 6; it must be a list, such as [2, -1].', () => curio.reshape(f(6), any(6))],
  ['permute: the order is 1; it must be a list, such as [1, 0].', () => named.permute!(f(2, 2), 1, 0)],
  ['cat: the first argument is a value of Tensor; it must be a list, such as [a, b].', () => named.cat!(f(2), f(2))],
  ['cat: input 1 is 1; it must be a tensor.', () => curio.cat([f(2), any(1)])],
  ['pad: a side is 1; it must be a list, such as [1, 1].', () => curio.pad(f(2), any([1, 1]))],
  ['pow: the exponent is undefined; it must be a number.', () => named.pow!(f(2))],
  ['write: a list for a tensor of f32; it needs a Float32Array.', () => f(2).write(any([1, 2]))],
  [
    'scope: the function is async, and scope ends at its first await; record in a plain function and await what it returns.',
    () => gpu.scope(async () => {}),
  ],
  [
    'noGrad: the function is async, and noGrad ends at its first await; record in a plain function and await what it returns.',
    () => curio.noGrad(async () => {}),
  ],
  [
    'checkpoint: the function is async, and checkpoint ends at its first await; record in a plain function and await what it returns.',
    () =>
      curio.checkpoint(
        any(async () => {}),
        f(2),
      ),
  ],
  [
    'capture: the function is async, and capture ends at its first await; record in a plain function and await what it returns.',
    () =>
      curio.capture(
        gpu,
        'step',
        any(async () => {}),
      ),
  ],
  [
    'tensor: f32 [2] was used after dispose(), its own or that of the tensor it views; dispose() when nothing uses it any more.',
    () => {
      const x = f(2);
      const view = curio.reshape(x, [1, 2]);
      x.dispose();
      expect(() => curio.relu(view)).toThrow('tensor: f32 [1, 2] was used after dispose(), its own or that of');
      curio.relu(x);
    },
  ],
];

test.each(SENTENCES)('%s', (sentence, call) => {
  let said = 'nothing';
  try {
    gpu.scope(call);
  } catch (error) {
    said = (error as Error).message;
    expect(error).toBeInstanceOf(CurioError);
  }
  expect(said).toBe(sentence);
});

test('openGpu names an unknown option', async () => {
  await expect(curio.openGpu(any({ featurs: 'portable' }))).rejects.toThrow(
    'openGpu: there is no option featurs; it takes debug, features, seed, memoryLimit, tune, tuningStore, bindingLimit, dryRun, dawnToggles, onWarning.',
  );
});

test('a training loop without a scope causes one warning, one that frees its tensors none', async () => {
  const said: string[] = [];
  const own = await curio.openGpu({ onWarning: (sentence) => said.push(sentence) });
  const w = new Parameter(own, 'w', [2], Float32Array.of(1, 2));
  w.requiresGrad = true;
  const step = (): void => curio.backward(curio.sum(curio.mul(w, w)));
  for (let i = 0; i < 150; i++) own.scope(step);
  expect(said).toEqual([]);
  for (let i = 0; i <= 100; i++) step();
  expect(said).toEqual([
    'backward: 100 steps outside of gpu.scope left 200 buffers of 51.2 kB that nothing frees; run each step in gpu.scope(() => …), which frees what it makes.',
  ]);
  for (let i = 0; i < 300; i++) step();
  expect(said.length).toBe(1);
  own.close();
});
