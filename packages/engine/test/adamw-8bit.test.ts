/**
 * AdamW with 8-bit moments: each step against float64 arithmetic from the state before it, its state, and what it
 * refuses. packages/testing compares it with bitsandbytes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AdamW } from '../src/optim/adamw.ts';
import type { AdamWOptions, AdamWState } from '../src/optim/adamw.ts';
import { dynamicMap } from '../src/optim/dynamic-map.ts';
import type { QuantisedMoment } from '../src/optim/moments.ts';
import { openGpu } from '../src/gpu/open.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { RandomStream } from '../src/tensor/philox.ts';
import { Parameter } from '../src/tensor/parameter.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const MAPS = { first: dynamicMap(true), second: dynamicMap(false) };
const KINDS = ['first', 'second'] as const;
/** Whole blocks, parts of one, more than a dispatch's chunk of the norm, and one too small for 8 bits. */
const SHAPES: readonly (readonly number[])[] = [[4096], [4097], [129, 131], [4095], [71, 72]];

const build = (device: Gpu, seed: number): Parameter[] =>
  SHAPES.map((shape, i) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return new Parameter(device, `p${i}`, shape, noise(size, new RandomStream(seed, 0, i)));
  });

/** Gradients of many magnitudes, block 2 without any. */
const gradient = (seed: number, step: number, { name, size }: Parameter): Float32Array<ArrayBuffer> =>
  noise(size, new RandomStream(seed, step + 1, Number(name.slice(1)))).map((v, i) =>
    i >> 8 === 2 ? 0 : v * 10 ** -((i * 7) % 9),
  );

const as8bit = (state: AdamWState, name: string, kind: 'first' | 'second'): QuantisedMoment => {
  const moment = state.moments.get(name)![kind];
  if (moment instanceof Float32Array) throw new Error(`${name} has f32 moments`);
  return moment;
};
const valueOf = (kind: 'first' | 'second', { codes, absmax }: QuantisedMoment, i: number): number =>
  MAPS[kind][codes[i]!]! * absmax[i >> 8]!;

/** How much farther from `value` the level of `code` is than that of a code beside it; not above 0 for the nearest. */
function excess(map: Float32Array, code: number, value: number): number {
  const distance = (at: number): number => Math.abs(map[at]! - value);
  return Math.max(...[Math.max(0, code - 1), Math.min(255, code + 1)].map((at) => distance(code) - distance(at)));
}

function expectStep(
  [before, after]: readonly [AdamWState, AdamWState],
  { name, size }: Parameter,
  [was, is, g]: readonly [Float32Array, Float32Array, Float32Array],
  { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0 }: AdamWOptions,
  lr: number,
): void {
  const t = after.step;
  const [first, second] = KINDS.map((kind) => {
    const moment = as8bit(before, name, kind);
    const [beta, power] = kind === 'first' ? [b1, 1] : [b2, 2];
    return Float64Array.from({ length: size }, (_, i) => beta * valueOf(kind, moment, i) + (1 - beta) * g[i]! ** power);
  }) as [Float64Array, Float64Array];
  let worst = 0;
  for (let i = 0; i < size; i++) {
    const step = first[i]! / (1 - b1 ** t) / (Math.sqrt(second[i]! / (1 - b2 ** t)) + eps);
    const expected = was[i]! * (1 - lr * weightDecay) - lr * step;
    worst = Math.max(worst, Math.abs(is[i]! - expected) / (Math.abs(was[i]!) + lr * (1 + Math.abs(step))));
  }
  expect(worst, `${name} at step ${t}`).toBeLessThan(1e-6);
  for (const [k, kind] of KINDS.entries()) {
    const exact = [first, second][k]!;
    const moment = as8bit(after, name, kind);
    const { codes, absmax } = moment;
    expect([codes.length, absmax.length]).toEqual([size, Math.ceil(size / 256)]);
    for (const [block, greatest] of absmax.entries()) {
      const values = exact.subarray(256 * block, 256 * (block + 1));
      const expected = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      expect(Math.abs(greatest - expected), `absmax of block ${block}`).toBeLessThanOrEqual(1e-6 * expected);
      if (greatest === 0) continue;
      worst = 0;
      values.forEach((value, i) => {
        const farther = excess(MAPS[kind], codes[256 * block + i]!, value / greatest);
        if (farther > worst) worst = farther;
      });
      expect(worst, `${name} ${kind}, block ${block}`).toBeLessThan(1e-7);
    }
  }
}

/** The code of the level nearest to a value, the lower of two equally near: bisection in f32. */
function nearestCode(map: Float32Array, value: number): number {
  let at = 0;
  for (let stride = 128; stride > 0; stride >>= 1) if (value >= map[at + stride]!) at += stride;
  const next = Math.min(at + 1, 255);
  return Math.fround(value - map[at]!) > Math.fround(map[next]! - value) ? next : at;
}

/** A value and its two neighbours on either side in f32. */
function around(value: number): number[] {
  const bits = new Int32Array(Float32Array.of(value).buffer)[0]!;
  return [-2, -1, 0, 1, 2].map((by) => new Float32Array(Int32Array.of(bits + by).buffer)[0]!);
}

test('the code of every level, of what lies between two, and of the borders of decades', async () => {
  const borders = Object.values(MAPS).flatMap((map) =>
    [...map].flatMap((level, i) => [level, (level + (map[i + 1] ?? 1)) / 2]),
  );
  const decades = Array.from({ length: 9 }, (_, i) => 10 ** -i);
  const positive = [...borders, ...decades].filter((v) => v > 0 && v < 1).flatMap(around);
  const values = [...positive, ...positive.map((v) => -v), 0, -0, -1, 1e-30, -1e-30, 1e-45];
  // With β of 0 a moment is the gradient or its square; each block begins with a 1, so that nothing is scaled.
  const g = Float32Array.from({ length: 256 * Math.ceil(values.length / 255) }, (_, i) =>
    i % 256 === 0 ? 1 : (values[i - 1 - (i >> 8)] ?? 0),
  );
  const p = new Parameter(gpu, 'p', [g.length], null);
  const optimizer = new AdamW(gpu, [p], { betas: [0, 0], moments: '8bit' });
  for (const gradients of [g, g.map((v) => Math.sqrt(Math.abs(v)))]) {
    p.grad!.write(gradients);
    optimizer.step();
    const state = await optimizer.readState();
    expect([...as8bit(state, 'p', 'first').codes]).toEqual([...gradients].map((v) => nearestCode(MAPS.first, v)));
    expect([...as8bit(state, 'p', 'second').codes]).toEqual(
      [...gradients].map((v) => nearestCode(MAPS.second, Math.fround(v * v))),
    );
  }
  optimizer.dispose();
  p.dispose();
});

const SETTINGS: [string, AdamWOptions][] = [
  ['plain', {}],
  ['decayed, other betas', { weightDecay: 0.05, betas: [0.9, 0.98], eps: 1e-6 }],
  ['β of 0', { betas: [0, 0] }],
];

test.each(SETTINGS)('each of four steps equals float64 from the state before it: %s', async (_, options) => {
  const parameters = build(gpu, 11);
  const optimizer = new AdamW(gpu, parameters, { ...options, moments: '8bit' });
  let state = await optimizer.readState();
  expect([...state.moments].map(([, { first }]) => first instanceof Float32Array)).toEqual([
    true, // the small one, in buffers before the others
    false,
    false,
    false,
    false,
  ]);
  for (let step = 0; step < 4; step++) {
    const grads = parameters.map((p) => gradient(11, step, p));
    const was = await Promise.all(parameters.map((p) => p.read()));
    parameters.forEach((p, i) => p.grad!.write(grads[i]!));
    optimizer.step(0.01 * (step + 1));
    const is = await Promise.all(parameters.map((p) => p.read()));
    const after = await optimizer.readState();
    for (const [i, p] of parameters.entries()) {
      const values = [was[i] as Float32Array, is[i] as Float32Array, grads[i]!] as const;
      if (p.size >= 4096) expectStep([state, after], p, values, options, 0.01 * (step + 1));
    }
    state = after;
  }
  optimizer.dispose();
  for (const p of parameters) p.dispose();
});

const bitsOf = async (parameters: readonly Parameter[], optimizer: AdamW) => ({
  values: await Promise.all(parameters.map((p) => p.read())),
  state: await optimizer.readState(),
});

/** Four steps; at `stop` a new optimizer goes on from the state of the old one. */
async function run(device: Gpu, stop: number, maxGradNorm = 0) {
  const parameters = build(device, 12);
  const options: AdamWOptions = { maxGradNorm, moments: '8bit' };
  let optimizer = new AdamW(device, parameters, options);
  for (let step = 0; step < 4; step++) {
    if (step === stop) {
      const state = await optimizer.readState();
      optimizer.dispose();
      optimizer = new AdamW(device, parameters, options);
      optimizer.load(state);
    }
    parameters.forEach((p) => p.grad!.write(gradient(12, step, p)));
    optimizer.step(0.05);
  }
  const end = await bitsOf(parameters, optimizer);
  optimizer.dispose();
  for (const p of parameters) p.dispose();
  return end;
}

test('a run continued from its state has the bits of one that never stopped, on a device of small bindings too', async () => {
  const clipped = await run(gpu, -1, 1);
  expect(await run(gpu, 2, 1)).toEqual(clipped);
  expect(await run(gpu, 0, 1)).toEqual(clipped);
  const small = await openGpu({ bindingLimit: 65536 });
  expect(await run(small, 3)).toEqual(await run(gpu, -1)); // the norm is summed in other parts there
  small.close();
});

test('moments take 2 bytes per element and 8 per block, f32 ones 8 per element', () => {
  const bytes = (moments: 'f32' | '8bit'): number => {
    const p = new Parameter(gpu, 'p', [256, 256], null);
    const before = gpu.memoryReport().byPurpose.optimizer;
    const optimizer = new AdamW(gpu, [p], { moments });
    const took = gpu.memoryReport().byPurpose.optimizer - before;
    optimizer.dispose();
    p.dispose();
    return took;
  };
  expect(bytes('f32') - bytes('8bit')).toBe((8 - 2) * 65536 - 8 * 256 - 2048); // 2048: both maps
});

test('gradients that are not finite change neither values nor moments; blocks without gradients stay zeros', async () => {
  const parameters = build(gpu, 13);
  const optimizer = new AdamW(gpu, parameters, { moments: '8bit' });
  parameters.forEach((p) => p.grad!.write(gradient(13, 0, p)));
  optimizer.step(0.1);
  const before = await bitsOf(parameters, optimizer);
  expect([as8bit(before.state, 'p2', 'first'), as8bit(before.state, 'p2', 'second')].map((m) => m.absmax[2])).toEqual([
    0, 0,
  ]);
  expect((before.values[2] as Float32Array).slice(512, 768)).toEqual(
    noise(129 * 131, new RandomStream(13, 0, 2)).slice(512, 768),
  );
  for (const bad of [NaN, Infinity, -Infinity]) {
    parameters[1]!.grad!.write(new Float32Array(4097).fill(1).fill(bad, 4096));
    optimizer.step(0.1);
    expect(await optimizer.gradNorm.item()).not.toBeLessThan(Infinity);
    const after = await bitsOf(parameters, optimizer);
    expect(after.values).toEqual(before.values);
    expect(after.state.moments).toEqual(before.state.moments);
  }
  optimizer.dispose();
});

test('gradients whose squares are below the smallest normal number leave finite values', async () => {
  const p = new Parameter(gpu, 'p', [4096], new Float32Array(4096).fill(1));
  const optimizer = new AdamW(gpu, [p], { moments: '8bit', eps: 1e-30 });
  for (const scale of [1e-18, 1e-22, 1e-37, 1e-44]) {
    p.grad!.write(noise(4096, new RandomStream(14, 0, 0)).map((v) => v * scale));
    optimizer.step(1e-6);
  }
  const { first, second } = (await optimizer.readState()).moments.get('p')!;
  for (const { absmax } of [first, second] as QuantisedMoment[])
    expect(absmax.every((v) => v === 0 || v >= 2 ** -126)).toBe(true);
  expect(((await p.read()) as Float32Array).every(Number.isFinite)).toBe(true);
  optimizer.dispose();
});

test('moments of the other storage, of another size, and settings that are neither', async () => {
  const p = new Parameter(gpu, 'p', [4096], new Float32Array(4096));
  const stateOf = async (moments: 'f32' | '8bit'): Promise<AdamWState> => {
    const optimizer = new AdamW(gpu, [p], { moments });
    const state = await optimizer.readState();
    optimizer.dispose();
    return state;
  };
  const [plain, packed] = [await stateOf('f32'), await stateOf('8bit')];
  const load = (moments: 'f32' | '8bit', state: AdamWState) => () => {
    const optimizer = new AdamW(gpu, [p], { moments });
    try {
      optimizer.load(state);
    } finally {
      optimizer.dispose();
    }
  };
  expect(load('8bit', plain)).toThrow(
    "adamw: the state has f32 moments for 'p', and this optimizer keeps them as 8bit; create it with moments: 'f32', like the one that the state was read from.",
  );
  expect(load('f32', packed)).toThrow(
    "adamw: the state has 8-bit moments for 'p', and this optimizer keeps them as f32; create it with moments: '8bit', like the one that the state was read from.",
  );
  const { first, second } = packed.moments.get('p')! as { first: QuantisedMoment; second: QuantisedMoment };
  const state = (pair: { first: QuantisedMoment; second: QuantisedMoment }): AdamWState => ({
    step: 1,
    moments: new Map([['p', pair]]),
  });
  expect(load('8bit', state({ first, second: { ...second, codes: new Uint8Array(4095) } }))).toThrow(
    "adamw: the state has 4096 and 4095 moments for 'p'; it needs 4096 of each.",
  );
  expect(load('8bit', state({ first: { ...first, absmax: new Float32Array(15) }, second }))).toThrow(
    "adamw: the state has 15 and 16 block maxima for 'p'; it needs 16 of each, one per 256 moments.",
  );
  expect(() => new AdamW(gpu, [p], { moments: 'int8' as never })).toThrow(
    "adamw: moments is 'int8'; it must be one of f32, 8bit.",
  );
});
