/**
 * Every elementwise function and its slope within its bound of float64 over the whole range of f32; `npm run bench:ulp`
 * sweeps it finely.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { elementwiseFunctions } from '../src/check/elementwise.ts';
import { measureUlp, sweep, ulpError, ulpOf } from '../src/check/ulp.ts';
import { backward, expm1, log1p, maximum, minimum, norm, ones, openGpu, std, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';

let gpu: Gpu;
beforeAll(
  async () =>
    void (gpu = await openGpu({ features: import.meta.env.CURIO_FEATURES === 'portable' ? 'portable' : 'all' })),
);
afterAll(() => gpu.close());

const numbers = Float32Array.from([...sweep(24), ...sweep(128, -12, 7)]);

test.each(elementwiseFunctions.map((each) => [each.name, each] as const))('%s', async (_, each) => {
  const { forward, slope } = await measureUlp(gpu, each, numbers);
  expect(forward.ulp, `f(${forward.at}) is ${forward.got}, float64 says ${forward.truth}`).toBeLessThanOrEqual(
    each.forwardUlp,
  );
  expect(slope.ulp, `f'(${slope.at}) is ${slope.got}, float64 says ${slope.truth}`).toBeLessThanOrEqual(each.slopeUlp);
});

describe('the measure', () => {
  test('counts neighbours', () => {
    expect([ulpOf(1), ulpOf(-3), ulpOf(0), ulpOf(2 ** -140)]).toEqual([2 ** -23, 2 ** -22, 2 ** -149, 2 ** -149]);
    expect([ulpError(1 + 2 ** -22, 1), ulpError(3, 3), ulpError(0, 2 ** -23, 1)]).toEqual([2, 0, 1]);
  });
  test('takes subnormal numbers for 0, and infinity for the number after the largest', () => {
    expect([
      ulpError(0, 2 ** -127),
      ulpError(2 ** -126, 0),
      ulpError(Infinity, 2 ** 128),
      ulpError(3.4028234663852886e38, Infinity),
    ]).toEqual([0, 0, 0, 1]);
    expect(ulpError(2 ** -125, 0)).toBeGreaterThan(1e6);
  });
  test('never lets NaN or the wrong infinity pass', () => {
    expect([ulpError(NaN, 1), ulpError(1, NaN), ulpError(-Infinity, Infinity), ulpError(NaN, NaN)]).toEqual([
      Infinity,
      Infinity,
      Infinity,
      0,
    ]);
  });
  test('reaches every exponent, zeros, infinities and NaN', () => {
    const all = sweep(4);
    expect(new Set(Array.from(all, (v) => new Uint32Array(Float32Array.of(v).buffer)[0]! >>> 23)).size).toBe(512);
    expect([0, -0, Infinity, -Infinity, NaN].every((v) => Array.from(all).some((x) => Object.is(x, v)))).toBe(true);
  });
});

async function slopes(f: (x: Tensor) => Tensor, values: number[]): Promise<number[]> {
  const read = gpu.scope(() => {
    const x = tensor(gpu, values);
    x.requiresGrad = true;
    const y = f(x);
    backward(y, ones(gpu, y.shape));
    gpu.arena.adopt(x.grad!.storage);
    return x.grad!.read();
  });
  return Array.from(await read);
}

test('precision near 0 is kept', async () => {
  const small = [1e-10, -1e-10, 1e-5];
  const got = await Promise.all(gpu.scope(() => [expm1(tensor(gpu, small)).read(), log1p(tensor(gpu, small)).read()]));
  expect(Array.from(got[0]!)).toEqual(small.map((v) => Math.fround(Math.expm1(Math.fround(v)))));
  expect(Array.from(got[1]!)).toEqual(small.map((v) => Math.fround(Math.log1p(Math.fround(v)))));
});

describe('subgradients are those of PyTorch', () => {
  test('maximum and minimum with a number give a half at a tie, infinite ones too', async () => {
    expect(await slopes((x) => maximum(x, 0), [-1, 0, 2])).toEqual([0, 0.5, 1]);
    expect(await slopes((x) => minimum(x, 0), [-1, 0, 2])).toEqual([1, 0.5, 0]);
    expect(await slopes((x) => maximum(x, Infinity), [1, Infinity])).toEqual([0, 0.5]);
    expect(await slopes((x) => maximum(x, tensor(gpu, [Infinity, 1])), [Infinity, 3])).toEqual([0.5, 1]);
    expect(await slopes((x) => minimum(x, tensor(gpu, [Infinity, 1])), [Infinity, 3])).toEqual([0.5, 0]);
  });
  test('norm and std have slope 0 where they are 0', async () => {
    expect(await slopes((x) => norm(x), [0, 0, 0])).toEqual([0, 0, 0]);
    expect(await slopes((x) => std(x), [2, 2, 2])).toEqual([0, 0, 0]);
    expect(await slopes((x) => norm(x), [3, 4])).toEqual([Math.fround(0.6), Math.fround(0.8)]);
  });
});
