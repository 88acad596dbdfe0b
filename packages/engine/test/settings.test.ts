/** Numbers that ops take as options: refused where nothing could come of them. And ends of ops composed of others. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  all,
  any,
  backward,
  binaryCrossEntropyWithLogits,
  ConfigError,
  groupNorm,
  layerNorm,
  linspace,
  loraLinear,
  oneHot,
  ones,
  randomNormal,
  randomUniform,
  rmsNorm,
  rotaryEmbedding,
  scaledDotProductAttention,
  tensor,
  tril,
  triu,
  variance,
  zeros,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const f = (...shape: number[]): Tensor => ones(gpu, shape);
const attend = (scale: number): Tensor => {
  const x = f(1, 1, 1, 4);
  return scaledDotProductAttention(x, x, x, { scale });
};

const REFUSED: readonly [string, () => unknown][] = [
  [
    'layerNorm: eps is NaN; it must be a finite number of at least 0.',
    () => layerNorm(f(1, 2), f(2), f(2), { eps: NaN }),
  ],
  ['rmsNorm: eps is -1; it must be a finite number of at least 0.', () => rmsNorm(f(1, 2), f(2), { eps: -1 })],
  [
    "rmsNorm: eps is '1'; it must be a finite number of at least 0.",
    () => rmsNorm(f(1, 2), f(2), { eps: '1' as unknown as number }),
  ],
  [
    'groupNorm: eps is Infinity; it must be a finite number of at least 0.',
    () => groupNorm(f(1, 2, 2), 1, f(2), f(2), { eps: Infinity }),
  ],
  ['scaledDotProductAttention: scale is NaN; it must be a finite number.', () => attend(NaN)],
  [
    'rotaryEmbedding: theta is 0; it must be a finite number above 0.',
    () => rotaryEmbedding(f(1, 1, 1, 2), { theta: 0 }),
  ],
  [
    'loraLinear: scale is NaN; it must be a finite number.',
    () => loraLinear(f(1, 2), f(1, 2), null, { a: f(1, 2), b: f(1, 1), scale: NaN }),
  ],
  ['randomUniform: low is NaN; it must be a finite number.', () => randomUniform(gpu, [2], { low: NaN })],
  [
    'randomUniform: high is 1; it must be a finite number of at least 2.',
    () => randomUniform(gpu, [2], { low: 2, high: 1 }),
  ],
  ['randomNormal: mean is Infinity; it must be a finite number.', () => randomNormal(gpu, [2], { mean: Infinity })],
  ['randomNormal: std is -1; it must be a finite number of at least 0.', () => randomNormal(gpu, [2], { std: -1 })],
  ['linspace: end is NaN; it must be a finite number.', () => linspace(gpu, 0, NaN, 3)],
  ['variance: correction is NaN; it must be a finite number.', () => variance(f(3), { correction: NaN })],
  ['tril: the diagonal is 0.5; it must be a whole number.', () => tril(f(2, 2), 0.5)],
  ['triu: the diagonal is NaN; it must be a whole number.', () => triu(f(2, 2), NaN)],
  [
    'oneHot: the number of classes is 2.5; it must be a whole number of at least 0.',
    () => oneHot(zeros(gpu, [1], 'i32'), 2.5),
  ],
];

test.each(REFUSED)('%s', (message, call) =>
  gpu.scope(() => {
    expect(call).toThrow(new ConfigError(message));
  }),
);

test.each([
  [10, 1],
  [20, 1],
  [-10, 0],
  [-20, 0],
  [80, 1],
])('binary cross-entropy of the logit %i with the target %i keeps its digits, and its slope', async (x, target) => {
  const sure = Math.exp(-Math.abs(x));
  const logit = tensor(gpu, [x]);
  logit.requiresGrad = true;
  const [loss, slope] = gpu.scope(() => {
    const y = binaryCrossEntropyWithLogits(logit, tensor(gpu, [target]));
    backward(y);
    return [y.item(), logit.grad!.item()];
  });
  expect((await loss) / Math.log1p(sure)).toBeCloseTo(1, 5);
  expect((await slope) / ((sure / (1 + sure)) * (target === 1 ? -1 : 1))).toBeCloseTo(1, 5);
  logit.dispose();
});

test('of no elements all are true and any is false', async () => {
  const [every, some] = gpu.scope(() => {
    const none = zeros(gpu, [2, 0]);
    return [all(none, { axis: 1 }).read(), any(none).read()];
  });
  expect([...(await every)]).toEqual([1, 1]);
  expect([...(await some)]).toEqual([0]);
});
