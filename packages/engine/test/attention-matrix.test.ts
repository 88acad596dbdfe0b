/**
 * Attention on matrix units against float64. Where an adapter has none they are emulated, so that all but the units'
 * own arithmetic is checked; where they cannot be, it is said.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attentionForwardMatrix } from '@curio/kernels/attention_forward_matrix';
import { matmulSubgroupMatrix } from '@curio/kernels/matmul_subgroup_matrix';
import { makeInputs, outputWeights, runCase } from '../src/check/run-case.ts';
import { attentionCases } from '../src/ops/attention/attention.cases.ts';
import { attentionMatrixFault } from '../src/ops/attention/matrix-fault.ts';
import { attentionBackwardOnMatrixUnits, attentionOnMatrixUnits } from '../src/ops/attention/matrix-units.ts';
import { labelOf, specOf } from '../src/truth/cases.ts';
import type { InputSpec } from '../src/truth/cases.ts';
import type { Array64 } from '../src/truth/oracle.ts';
import { affine } from '../src/index.ts';
import type { Gpu } from '../src/index.ts';
import type { KernelSource, Tuning } from '../src/gpu/kernel/kernel.ts';
import { canEmulateAttention, emulateAttention, replaceAttention } from './emulated-attention.ts';
import { SIDE } from './emulated-matrices.ts';
import { canEmulate, emulateMatrixUnits } from './emulated-matrix-units.ts';
import { gradientsOf, largest, UNIT } from './attention-bounds.ts';
import { environment, openDevice } from './device.ts';

type AttentionCase = (typeof attentionCases.cases)[number];

/** Lavapipe compiles the emulated kernels of one width for half a minute, the forward alone for some ten seconds. */
const isSweep = environment.CURIO_TUNINGS === 'all';

let gpu: Gpu;
let canRun = false;
let isEmulated = false;
beforeAll(async () => {
  gpu = await openDevice();
  gpu.probe.poison = true;
  canRun = gpu.adapter.subgroupMatrix !== null || canEmulateAttention(gpu);
  isEmulated = gpu.adapter.subgroupMatrix === null && canRun;
  if (isEmulated) emulateAttention(gpu);
});
afterAll(() => gpu.close());

/** The nearest that f16 holds, for normal values. */
function inHalf(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value)))) - 10);
  return Math.round(value / step) * step;
}

/** Operands that f16 holds, so that only p is rounded on the way to y. */
function inputsOf(c: AttentionCase): (Array64 | null)[] {
  const inputs = makeInputs(c, 1);
  for (const x of inputs.slice(0, 3)) x!.data.forEach((value, i) => (x!.data[i] = inHalf(value)));
  return inputs;
}

const filled = (tokens: number, d: number, value: (i: number) => number): InputSpec => ({
  shape: [1, 1, tokens, d],
  values: Array.from({ length: tokens * d }, (_, i) => value(Math.floor(i / d))),
});
const random = (tokens: number, d: number): InputSpec => ({ shape: [1, 1, tokens, d] });

/** Scores that rise, fall and stay from key to key, by query: up to 60, far more than a reference may lag behind. */
const rising = (d: number, causal: boolean): AttentionCase => ({
  label: `scores that rise from key to key, width ${d}${causal ? ', causal' : ''}`,
  inputs: [filled(40, d, (i) => (i % 3) - 1), filled(80, d, (j) => j / d), random(80, d), null, null],
  attrs: { scale: 0.75, causal },
});
const scaled = (scale: number): AttentionCase => ({
  label: `scale ${scale}`,
  inputs: [random(17, 32), random(45, 32), random(45, 32), null, null],
  attrs: { scale, causal: true },
});

const OWN_CASES: readonly AttentionCase[] = [
  ...[32, 64].flatMap((d) => [rising(d, false), rising(d, true)]),
  ...[-0.5, 0, 3].map(scaled),
  { label: 'many tiles', inputs: [random(70, 64), random(210, 64), random(210, 64), null, null], attrs: {} },
];

/** Subgroups of 16 lanes: two share a row of scores. Lavapipe compiles for them even longer. */
const sharesRows = (): boolean => isEmulated && gpu.adapter.subgroupSize!.max > SIDE;

const checksGradients = (): boolean => isSweep || !isEmulated;

/** Runs a case on matrix units; null if it does not fit. */
async function onUnits(c: AttentionCase, inputs: readonly (Array64 | null)[]) {
  gpu.kernels.forced.set('attention', 'matrix');
  if (!checksGradients()) gpu.kernels.forced.set('attention backward', 'naive');
  gpu.kernels.obeyed.clear();
  const run = await runCase(gpu, attentionCases, c, inputs, 1);
  gpu.kernels.forced.clear();
  return gpu.kernels.obeyed.has('attention') ? run : null;
}

function expectWithin(actual: ArrayLike<number>, right: ArrayLike<number>, bound: (i: number) => number): void {
  expect(actual.length).toBe(right.length);
  let worst = 0;
  for (let i = 0; i < right.length; i++) {
    const off = right[i] === actual[i] ? 0 : Math.abs(right[i]! - actual[i]!) / bound(i);
    if (!(off <= worst)) worst = Number.isNaN(off) ? Infinity : off;
  }
  expect(worst).toBeLessThanOrEqual(1);
}

/** Scores of -10³⁶ and the like, which f16 cannot hold. */
const isBeyondHalf = ({ inputs }: AttentionCase): boolean =>
  inputs.slice(0, 2).some((x) => largest(specOf(x!)!.values ?? []) > 65504);

/**
 * y = Σ p·v / Σ p: a rounded p is off by UNIT of itself in both sums, so y by UNIT of the largest |v - y|. A weight
 * below f16's normal values is off by 2⁻²⁵ where the largest is 1 at least.
 */
const boundOf = (v: Array64): (() => number) => {
  const bound = 2 * UNIT * 1.1 * largest(v.data) + 1e-4;
  return () => bound;
};

/** Every combination of the allowed values of some tunables. */
const combinations = (kernel: KernelSource, names: readonly string[]): Tuning[] =>
  names.reduce<Tuning[]>(
    (all, name) =>
      all.flatMap((tuning) =>
        kernel.tunables.find((each) => each.name === name)!.allowed.map((value) => ({ ...tuning, [name]: value })),
      ),
    [{}],
  );

describe('forward and gradients', () => {
  for (const c of [...attentionCases.cases, ...attentionCases.rare!, ...OWN_CASES]) {
    if (isBeyondHalf(c)) continue;
    test(labelOf(c), async ({ skip }) => {
      if (!canRun) return skip('this adapter has no matrix units and cannot emulate them');
      if (sharesRows() && specOf(c.inputs[0]!)!.shape[3]! > 32) return skip('subgroups of 8 lanes run wide heads');
      const inputs = inputsOf(c);
      const run = await onUnits(c, inputs);
      if (!run) return skip('does not fit, so it runs as without them');
      expectWithin(run.y, attentionCases.reference(inputs, c.attrs!).data, boundOf(inputs[2]!));
      if (!checksGradients() || run.grads.every((grad) => grad === null)) return;
      const dy = Float64Array.from(outputWeights(run.y.length, 1));
      gradientsOf(inputs, dy, c.attrs!).forEach(({ value, bound }, i) => {
        if (run.grads[i]) expectWithin(run.grads[i], value, (at) => bound[at]! + 1e-30);
      });
    });
  }

  test('every tile that fits', async ({ skip }) => {
    if (!canRun || !isSweep || sharesRows()) return skip('npm run test:all runs them with subgroups of 8 lanes');
    const c = rising(32, true);
    const inputs = inputsOf(c);
    const right = attentionCases.reference(inputs, c.attrs!);
    const dy = Float64Array.from(outputWeights(right.data.length, 1));
    const gradients = gradientsOf(inputs, dy, c.attrs!);
    for (const { kernel, free } of [attentionOnMatrixUnits, attentionBackwardOnMatrixUnits]) {
      for (const tuning of combinations(kernel, Object.keys(free!))) {
        if (free!.COLUMNS!(gpu, 0, { ...tuning, D: '32u' }) !== null) continue;
        gpu.kernels.tuned.set(kernel.name, tuning);
        const run = (await onUnits(c, inputs))!;
        expectWithin(run.y, right.data, boundOf(inputs[2]!));
        gradients.forEach(({ value, bound }, i) => {
          if (run.grads[i]) expectWithin(run.grads[i], value, (at) => bound[at]! + 1e-30);
        });
        gpu.kernels.tuned.clear();
      }
    }
  });

  test('they come first where they are allowed, and only there', async ({ skip }) => {
    if (!canRun) return skip('this adapter has no matrix units and cannot emulate them');
    const c = attentionCases.cases.find((each) => labelOf(each) === '1x1x17x32')!;
    const inputs = inputsOf(c);
    // A weight that f16 cannot hold shows which kernel ran.
    const yOf = (allowed: boolean) =>
      gpu.kernels.withHalfProducts(allowed, async () => (await runCase(gpu, attentionCases, c, inputs, 1)).y);
    const right = attentionCases.reference(inputs, c.attrs!);
    const offBy = async (allowed: boolean): Promise<number> => {
      const y = await yOf(allowed);
      return largest(right.data.map((value, i) => value - y[i]!));
    };
    expect(await offBy(true)).toBeGreaterThan(1e-5);
    expect(await offBy(false)).toBeLessThan(1e-5);
    expect(gpu.pipelines.labels.some((label) => label.startsWith(attentionForwardMatrix.name))).toBe(true);
  });

  test('the check before they are used passes, and says what is wrong with a kernel', async ({ skip }) => {
    if (!canRun || !isSweep || sharesRows()) return skip('npm run test:all runs it with subgroups of 8 lanes');
    expect(await attentionMatrixFault(gpu)).toBeNull();
    gpu.kernels.forced.clear();
    if (!isEmulated) return;
    replaceAttention(gpu, (text) => text.replace('total += dot(', 'total += 1.02 * dot('));
    expect(await attentionMatrixFault(gpu)).toMatch(
      /^matrix units give \S+ where \S+ is right \(entry \d+ of the result of attention with heads of 32\)$/,
    );
    gpu.kernels.forced.clear();
    replaceAttention(gpu);
  });
});

/** Gradients by whole products on `device`, of dy and of a tiny dy. */
async function checkWholeProducts(device: Gpu): Promise<void> {
  const c = attentionCases.cases.find((each) => labelOf(each) === '1x1x37x64 causal')!;
  const inputs = inputsOf(c);
  const bounds = gradientsOf(inputs, Float64Array.from(outputWeights(37 * 64, 1)), c.attrs!);
  device.kernels.forced.set('attention backward', 'products');
  for (const factor of [1, 2 ** -60]) {
    const run = await device.kernels.withHalfProducts(true, () =>
      runCase(
        device,
        { ...attentionCases, run: (x, attrs) => affine(attentionCases.run(x, attrs), factor, 0) },
        c,
        inputs,
        1,
      ),
    );
    bounds.forEach(({ value, bound }, i) =>
      expectWithin(
        run.grads[i]!.map((grad) => grad / factor),
        value,
        (at) => bound[at]! + 1e-30,
      ),
    );
  }
  expect(device.pipelines.labels.some((label) => label.startsWith('attention/weights'))).toBe(true);
}

test('gradients by whole products stay right where half products are allowed, however small they are', async () => {
  // An adapter without matrix units computes the products in f32, of operands that are brought near 1 all the same.
  const device = await openDevice();
  await checkWholeProducts(device);
  device.close();
});

test('the same on emulated matrix units, with operands of f16', async ({ skip }) => {
  const device = await openDevice();
  if (device.adapter.subgroupMatrix === null && canEmulate(device)) {
    emulateMatrixUnits(device);
    await checkWholeProducts(device);
    expect(device.pipelines.labels.some((label) => label.startsWith(matmulSubgroupMatrix.name))).toBe(true);
  } else skip('this adapter has matrix units, or cannot emulate them');
  device.close();
});
