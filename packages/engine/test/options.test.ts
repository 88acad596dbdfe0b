/**
 * Options of ops: axes are named alike and count from the end, names that no op knows are refused with the nearest one.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as curio from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await curio.openGpu();
});
afterAll(() => gpu.close());

const x = (): Tensor =>
  curio.tensor(
    gpu,
    Float32Array.from({ length: 24 }, (_, i) => i),
    [2, 3, 4],
  );
const index = (shape: number[]): Tensor => curio.zeros(gpu, shape, 'i32');

const alongAxis: Record<string, (axis: number) => Tensor> = {
  sum: (axis) => curio.sum(x(), { axis }),
  max: (axis) => curio.max(x(), { axis }),
  argmax: (axis) => curio.argmax(x(), { axis }),
  cumsum: (axis) => curio.cumsum(x(), { axis }),
  variance: (axis) => curio.variance(x(), { axis }),
  softmax: (axis) => curio.softmax(x(), { axis }),
  logSoftmax: (axis) => curio.logSoftmax(x(), { axis }),
  cat: (axis) => curio.cat([x(), x()], { axis }),
  split: (axis) => curio.split(x(), 1, { axis })[0]!,
  slice: (axis) => curio.slice(x(), { axis, end: 1 }),
  flip: (axis) => curio.flip(x(), { axis }),
  roll: (axis) => curio.roll(x(), 1, { axis }),
  indexSelect: (axis) => curio.indexSelect(x(), index([2]), { axis }),
  gather: (axis) => curio.gather(x(), index([2, 3, 4]), { axis }),
  scatterAdd: (axis) => curio.scatterAdd(x(), index([2, 3, 4]), x(), { axis }),
};

test.each(Object.entries(alongAxis))('%s along the last axis but one, counted from either end', async (_, run) => {
  const [fromStart, fromEnd] = [run(1), run(-2)];
  expect(fromEnd.shape).toEqual(fromStart.shape);
  expect(await fromEnd.read()).toEqual(await fromStart.read());
});

test('softmax along another axis is softmax of the transpose, its gradient too', async () => {
  const weights = curio.tensor(
    gpu,
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    [2, 3, 4],
  );
  for (const f of [curio.softmax, curio.logSoftmax]) {
    const [a, b] = [x(), x()];
    a.requiresGrad = b.requiresGrad = true;
    const [ya, yb] = [f(a, { axis: 0 }), curio.transpose(f(curio.transpose(b, 0, 2)), 0, 2)];
    expect(await ya.read()).toEqual(await yb.read());
    curio.backward(curio.sum(curio.mul(ya, weights)));
    curio.backward(curio.sum(curio.mul(yb, weights)));
    expect(await a.grad!.read()).toEqual(await b.grad!.read());
  }
});

test.each<[string, () => unknown]>([
  [
    'sum: there is no option dim; did you mean axis? It takes axis, keepDims.',
    () => curio.sum(x(), { dim: 0 } as object),
  ],
  [
    'sum: the options are 0; they must be an object such as { axis: … }, it takes axis, keepDims.',
    () => curio.sum(x(), 0 as unknown as object),
  ],
  [
    'mean: there is no option keepdims; did you mean keepDims? It takes axis, keepDims.',
    () => curio.mean(x(), { keepdims: true } as object),
  ],
  [
    'cat: the options are 1; they must be an object such as { axis: … }, it takes axis.',
    () => curio.cat(...([[x()], 1] as unknown as Parameters<typeof curio.cat>)),
  ],
  [
    'scaledDotProductAttention: there is no option mask; it takes causal, scale, lengths, position.',
    () => curio.scaledDotProductAttention(x(), x(), x(), { mask: x() } as object),
  ],
  [
    'conv2d: there is no option dilation; it takes stride, padding.',
    () => curio.conv2d(x(), x(), null, { dilation: 2 } as object),
  ],
  [
    'layerNorm: there is no option epsilon; did you mean eps? It takes eps.',
    () => curio.layerNorm(x(), x(), x(), { epsilon: 1 } as object),
  ],
  [
    'maxPool2d: there is no option strides; did you mean stride? It takes kernel, stride, padding.',
    () => curio.maxPool2d(x(), { kernel: 2, strides: 2 } as never),
  ],
])('%s', (sentence, run) => {
  expect(run).toThrow(sentence);
});
