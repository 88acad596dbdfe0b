/** AdamW against the same arithmetic in float64: clipping, groups, bias correction, weight decay; and its state. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AdamW } from '../src/optim/adamw.ts';
import type { AdamWOptions } from '../src/optim/adamw.ts';
import { checkGroups, groupOf } from '../src/optim/groups.ts';
import { cosineSchedule } from '../src/optim/schedule.ts';
import { openGpu } from '../src/gpu/open.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import { RandomStream } from '../src/tensor/philox.ts';
import { Parameter } from '../src/tensor/parameter.ts';
import { zeros } from '../src/tensor/tensor.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.close());

const SIZES: Record<string, number[]> = {
  'language.0.lora_A': [3, 7],
  'projector.weight': [130],
  'language.0.lora_B': [5000],
  frozen: [4],
};
const GROUPS = [
  ['language.*lora_', 1],
  ['projector', 0.1],
] as const;
const sizeOf = (shape: number[]): number => shape.reduce((a, b) => a * b, 1);

function build(seed: number): Parameter[] {
  return Object.entries(SIZES).map(
    ([name, shape], i) => new Parameter(gpu, name, shape, noise(sizeOf(shape), new RandomStream(seed, 0, i))),
  );
}

/** Ten steps on the device; returns values by name and the norms. */
async function train(seed: number, options: AdamWOptions, scale = 1) {
  const parameters = build(seed);
  const optimizer = new AdamW(gpu, parameters, options);
  const norms: number[] = [];
  for (let step = 0; step < 10; step++) {
    optimizer.zeroGrad();
    for (const [i, p] of parameters.entries()) p.grad?.write(gradient(seed, step, i, p.size, scale));
    optimizer.step(0.01 * (step + 1));
    norms.push(await optimizer.gradNorm.item());
  }
  const values = new Map<string, Float32Array>();
  for (const p of parameters) values.set(p.name, (await p.read()) as Float32Array);
  const state = await optimizer.readState();
  optimizer.dispose();
  for (const p of parameters) p.dispose();
  return { values, norms, state };
}

const gradient = (seed: number, step: number, which: number, size: number, scale: number): Float32Array<ArrayBuffer> =>
  noise(size, new RandomStream(seed, step + 1, which)).map((v) => v * scale);

/** The same in float64. */
function reference(
  seed: number,
  { betas: [b1, b2] = [0.9, 0.999], eps = 1e-8, weightDecay = 0, maxGradNorm }: AdamWOptions,
  scale = 1,
) {
  const values = new Map<string, Float64Array>();
  const moments = new Map<string, [Float64Array, Float64Array]>();
  const names = Object.keys(SIZES);
  names.forEach((name, i) => {
    const size = sizeOf(SIZES[name]!);
    values.set(name, Float64Array.from(noise(size, new RandomStream(seed, 0, i))));
    moments.set(name, [new Float64Array(size), new Float64Array(size)]);
  });
  const norms: number[] = [];
  for (let step = 0; step < 10; step++) {
    const grads = names.map((name, i) => Float64Array.from(gradient(seed, step, i, sizeOf(SIZES[name]!), scale)));
    const trained = names.map((name) => groupOf(name, GROUPS));
    const norm = Math.sqrt(
      grads.reduce((sum, g, i) => sum + (trained[i]! < 0 ? 0 : g.reduce((a, v) => a + v * v, 0)), 0),
    );
    norms.push(norm);
    const clip = maxGradNorm ? Math.min(1, maxGradNorm / (norm + 1e-6)) : 1;
    names.forEach((name, i) => {
      if (trained[i]! < 0) return;
      const lr = 0.01 * (step + 1) * GROUPS[trained[i]!]![1];
      const x = values.get(name)!;
      const [m, v] = moments.get(name)!;
      for (let k = 0; k < x.length; k++) {
        const g = grads[i]![k]! * clip;
        m[k] = b1 * m[k]! + (1 - b1) * g;
        v[k] = b2 * v[k]! + (1 - b2) * g * g;
        const mHat = m[k]! / (1 - b1 ** (step + 1));
        const vHat = v[k]! / (1 - b2 ** (step + 1));
        x[k] = x[k]! * (1 - lr * weightDecay) - (lr * mHat) / (Math.sqrt(vHat) + eps);
      }
    });
  }
  return { values, norms };
}

const VARIANTS: [string, AdamWOptions, number][] = [
  ['plain', { groups: GROUPS }, 1],
  ['clipped', { groups: GROUPS, maxGradNorm: 1 }, 1],
  ['not reaching the clip', { groups: GROUPS, maxGradNorm: 1 }, 1e-3],
  ['decayed, other betas', { groups: GROUPS, weightDecay: 0.05, betas: [0.9, 0.98], eps: 1e-6 }, 1],
];

test.each(VARIANTS)('ten steps equal the reference: %s', async (_, options, scale) => {
  const ours = await train(3, options, scale);
  const theirs = reference(3, options, scale);
  ours.norms.forEach((norm, i) => expect(Math.abs(norm / theirs.norms[i]! - 1)).toBeLessThan(1e-6));
  for (const [name, expected] of theirs.values) {
    const actual = ours.values.get(name)!;
    const worst = expected.reduce((top, v, i) => Math.max(top, Math.abs(v - actual[i]!)), 0);
    expect(worst, name).toBeLessThan(4e-6);
  }
});

test('the same seed gives the same bits, and what no pattern matches keeps its own', async () => {
  const options: AdamWOptions = { groups: GROUPS, maxGradNorm: 1, weightDecay: 0.01 };
  const [a, b] = [await train(5, options), await train(5, options)];
  for (const [name, values] of a.values)
    expect(new Uint32Array(b.values.get(name)!.slice().buffer)).toEqual(new Uint32Array(values.slice().buffer));
  expect(a.norms).toEqual(b.norms);
  const untouched = noise(4, new RandomStream(5, 0, 3));
  expect(a.values.get('frozen')).toEqual(untouched);
});

test('a gradient that is not finite changes nothing, shows in the norm and is found by name', async () => {
  const parameters = build(1);
  const before = await Promise.all(parameters.map((p) => p.read()));
  const optimizer = new AdamW(gpu, parameters, { groups: GROUPS, maxGradNorm: 1 });
  parameters[2]!.grad!.write(new Float32Array(5000).fill(1).fill(NaN, 4999));
  optimizer.step(0.1);
  expect(await optimizer.gradNorm.item()).toBeNaN();
  expect(await optimizer.findNonFiniteGradient()).toBe('language.0.lora_B');
  expect(await Promise.all(parameters.map((p) => p.read()))).toEqual(before);
  optimizer.dispose();
});

test('a run continued from its state equals one that never stopped; a second optimizer takes over the parameters', async () => {
  const options: AdamWOptions = { groups: GROUPS };
  const whole = build(2);
  const parts = build(2);
  const a = new AdamW(gpu, whole, options);
  let b = new AdamW(gpu, parts, options);
  for (let step = 0; step < 4; step++) {
    if (step === 2) {
      const state = await b.readState();
      expect(state.step).toBe(2);
      b.dispose();
      expect(parts[0]!.requiresGrad).toBe(false);
      b = new AdamW(gpu, parts, options);
      b.load(state);
    }
    for (const [optimizer, parameters] of [
      [a, whole],
      [b, parts],
    ] as const) {
      parameters.forEach((p, i) => p.grad?.write(gradient(2, step, i, p.size, 1)));
      optimizer.step(0.05);
    }
  }
  for (const [i, p] of whole.entries()) expect(await parts[i]!.read()).toEqual(await p.read());
  expect(() => b.load({ step: 1, moments: new Map() })).toThrow(
    "adamw: the state has no moments for 'language.0.lora_A'; it belongs to another choice of trained parameters.",
  );
  const live = gpu.memoryReport().liveBuffers;
  a.dispose();
  b.dispose();
  for (const p of [...whole, ...parts]) p.dispose();
  expect(gpu.memoryReport().liveBuffers).toBe(live - 2 * (2 * 4 + 3) - 2);
});

test('a parameter is trained by one optimizer at a time, and only with the gradient that this one reads', () => {
  const make = (name: string): Parameter => new Parameter(gpu, name, [2], Float32Array.of(1, 2));
  const [a, b] = [make('a'), make('b')];
  const first = new AdamW(gpu, [a, b], { groups: [['a', 1]] });
  const second = new AdamW(gpu, [a, b], { groups: [['b', 1]] });
  const live = gpu.memoryReport().liveBuffers;
  expect(() => new AdamW(gpu, [b, a], { groups: [['a', 1]] })).toThrow(
    "adamw: 'a' is trained by another optimizer; dispose() that one first, or exclude it from the patterns of groups.",
  );
  const c = make('c');
  expect(() => new AdamW(gpu, [c, c])).toThrow("adamw: 'c' is given twice; give each parameter once.");
  expect(gpu.memoryReport().liveBuffers).toBe(live + 1); // c's own
  const { grad } = b;
  b.grad = null;
  expect(() => second.step()).toThrow(
    "adamw: the gradient of 'b' was removed, so the step would not use it; start a new sum with zeroGrad().",
  );
  b.grad = zeros(gpu, [2]);
  expect(() => second.step()).toThrow(
    "adamw: the gradient of 'b' was replaced, so the step would not use it; start a new sum with zeroGrad().",
  );
  b.grad.dispose();
  b.grad = grad;
  second.step();
  expect(second.stepsDone).toBe(1);
  first.dispose();
  first.dispose();
  for (const call of [() => first.zeroGrad(), () => first.step(), () => first.update()])
    expect(call).toThrow(
      'adamw: the optimizer was used after dispose(); create a new one and load() the state that was read before.',
    );
  new AdamW(gpu, [a]).dispose();
  for (const each of [second, a, b, c]) each.dispose();
});

test('patterns: part of a name, * for anything, the first that matches', () => {
  expect(groupOf('model.language.layers.3.lora_A', GROUPS)).toBe(0);
  expect(groupOf('vision.layers.3.lora_A', GROUPS)).toBe(-1);
  expect(groupOf('anything', [['', 1]])).toBe(0);
  expect(groupOf('a.b', [['a*b', 1]])).toBe(0);
  expect(groupOf('axb', [['a.b', 1]])).toBe(-1);
});

test('a pattern that matches no parameter is an error that names it, before anything is moved', () => {
  const parameters = build(1);
  const make =
    (...groups: [string, number][]) =>
    () =>
      new AdamW(gpu, parameters, { groups });
  const rule = "it must be a part of a parameter's name, with * for any characters.";
  expect(make(['language', 1], ['projetcor', 1])).toThrow(
    `adamw: pattern 'projetcor' matches none of 4 parameters (nearest: 'projector.weight', 'frozen', 'language.0.lora_A'); ${rule}`,
  );
  expect(make(['lang*lora_C', 1])).toThrow(
    `adamw: pattern 'lang*lora_C' matches none of 4 parameters (nearest: 'language.0.lora_A', 'language.0.lora_B', 'projector.weight'); ${rule}`,
  );
  expect(make(['(lora_A|lora_B)', 1])).toThrow(
    `adamw: pattern '(lora_A|lora_B)' matches none of 4 parameters (nearest: 'language.0.lora_A', 'language.0.lora_B', 'projector.weight'); ${rule}`,
  );
  expect(make(['', 1], ['lora_', 0.5])).toThrow(
    "adamw: pattern 'lora_' has no effect, as earlier patterns, such as '', match all 2 of its parameters; put the narrower pattern first.",
  );
  expect(make(['lora_', 1], ['language.0', 1], ['projector', 1])).toThrow(
    "adamw: pattern 'language.0' has no effect, as earlier patterns, such as 'lora_', match all 2 of its parameters; put the narrower pattern first.",
  );
  expect(make()).toThrow(
    "adamw: there are 0 patterns, so none of 4 parameters would be trained; the pattern '' matches all of them.",
  );
  expect(() => new AdamW(gpu, [])).toThrow('adamw: there are 0 parameters; give at least one to train.');
  expect(parameters.map((p) => p.requiresGrad)).toEqual([false, false, false, false]);
  for (const p of parameters) p.dispose();
});

test('names that differ only in numbers are suggested once', () => {
  const names = Array.from({ length: 24 }, (_, i) => [`layers.${i}.q_proj.lora_A`, `layers.${i}.q_proj.lora_B`]).flat();
  expect(() => checkGroups('here', names, [['lora_AB', 1]])).toThrow(
    "here: pattern 'lora_AB' matches none of 48 parameters (nearest: 'layers.0.q_proj.lora_A', 'layers.0.q_proj.lora_B'); it must",
  );
});

test('without groups every parameter is trained, at factor 1', async () => {
  const bits = ({ values }: { values: Map<string, Float32Array> }) =>
    [...values].map(([name, v]) => [name, new Uint32Array(v.slice().buffer)]);
  const [all, named] = [await train(4, { maxGradNorm: 1 }), await train(4, { groups: [['', 1]], maxGradNorm: 1 })];
  expect(bits(all)).toEqual(bits(named));
  expect(all.norms).toEqual(named.norms);
  expect(all.values.get('frozen')).not.toEqual(noise(4, new RandomStream(4, 0, 3)));
});

test('step is beginStep, which counts, plus update, which does not', async () => {
  const [whole, parts] = [build(6), build(6)];
  const [a, b] = [new AdamW(gpu, whole), new AdamW(gpu, parts)];
  for (let step = 0; step < 3; step++) {
    for (const parameters of [whole, parts])
      parameters.forEach((p, i) => p.grad!.write(gradient(6, step, i, p.size, 1)));
    a.step(0.05);
    b.beginStep(0.05);
    expect([a.stepsDone, b.stepsDone]).toEqual([step + 1, step + 1]);
    b.update();
    expect(b.stepsDone).toBe(step + 1);
  }
  for (const [i, p] of whole.entries()) expect(await parts[i]!.read()).toEqual(await p.read());
  for (const each of [a, b]) each.dispose();
  for (const p of [...whole, ...parts]) p.dispose();
});

test('the cosine schedule: up in a line, down in half a cosine', () => {
  const lr = cosineSchedule({ lr: 2, steps: 110, warmup: 10 });
  expect(lr(0)).toBe(0);
  expect(lr(5)).toBe(1);
  expect(lr(10)).toBe(2);
  expect(lr(60)).toBeCloseTo(1, 12);
  expect(lr(85)).toBeCloseTo(1 + Math.cos(0.75 * Math.PI), 12);
  expect(lr(110)).toBe(0);
});
