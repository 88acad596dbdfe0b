/**
 * Attention on matrix units against float64. Where an adapter has none they are emulated, so that all but the units'
 * own arithmetic is checked; where they cannot be, it is said.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attentionForwardMatrix } from '@curio/kernels/attention_forward_matrix';
import { makeInputs, runCase } from '../src/check/run-case.ts';
import { attentionCases } from '../src/ops/attention/attention.cases.ts';
import { attentionOnMatrixUnits } from '../src/ops/attention/matrix-units.ts';
import { labelOf, specOf } from '../src/truth/cases.ts';
import type { InputSpec } from '../src/truth/cases.ts';
import type { Array64 } from '../src/truth/oracle.ts';
import type { Gpu } from '../src/index.ts';
import { canEmulateAttention, emulateAttention } from './emulated-attention.ts';
import { environment, openDevice } from './device.ts';

type AttentionCase = (typeof attentionCases.cases)[number];

let gpu: Gpu;
let canRun = false;
beforeAll(async () => {
  gpu = await openDevice();
  gpu.probe.poison = true;
  canRun = gpu.adapter.subgroupMatrix !== null || canEmulateAttention(gpu);
  if (gpu.adapter.subgroupMatrix === null && canRun) emulateAttention(gpu);
});
afterAll(() => gpu.close());

/** Rounding to f16, relative. */
const UNIT = 2 ** -11;

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

/** Runs a case on matrix units; null if it does not fit. */
async function onUnits(c: AttentionCase, inputs: readonly (Array64 | null)[]) {
  gpu.kernels.forced.set('attention', 'matrix');
  gpu.kernels.obeyed.clear();
  const run = await runCase(gpu, attentionCases, c, inputs, 1);
  gpu.kernels.forced.clear();
  return gpu.kernels.obeyed.has('attention') ? run : null;
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);

function expectWithin(actual: ArrayLike<number>, right: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(right.length);
  const worst = Array.from(right).reduce((most, value, i) => {
    const off = value === actual[i] ? 0 : Math.abs(value - actual[i]!);
    return off <= most ? most : Number.isNaN(off) ? Infinity : off;
  }, 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

/** Scores of -10³⁶ and the like, which f16 cannot hold. */
const isBeyondHalf = ({ inputs }: AttentionCase): boolean =>
  inputs.slice(0, 2).some((x) => largest(specOf(x!)!.values ?? []) > 65504);

/**
 * y = Σ p·v / Σ p: a rounded p is off by UNIT of itself in both sums, so y by UNIT of the largest |v - y|. A weight
 * below f16's normal values is off by 2⁻²⁵ where the largest is 1 at least.
 */
const toleranceOf = (v: Array64): number => 2 * UNIT * 1.1 * largest(v.data) + 1e-4;

describe('forward', () => {
  for (const c of [...attentionCases.cases, ...attentionCases.rare!, ...OWN_CASES]) {
    if (isBeyondHalf(c)) continue;
    test(labelOf(c), async ({ skip }) => {
      if (!canRun) return skip('this adapter has no matrix units and cannot emulate them');
      const inputs = inputsOf(c);
      const run = await onUnits(c, inputs);
      if (!run) return skip('does not fit, so it runs as without them');
      expectWithin(run.y, attentionCases.reference(inputs, c.attrs!).data, toleranceOf(inputs[2]!));
    });
  }

  test('every tile that fits', async ({ skip }) => {
    if (!canRun || environment.CURIO_TUNINGS !== 'all') return skip('npm run test:all runs them');
    const c = rising(32, true);
    const inputs = inputsOf(c);
    const right = attentionCases.reference(inputs, c.attrs!);
    const { kernel, free } = attentionOnMatrixUnits;
    const valuesOf = (name: string) => kernel.tunables.find((each) => each.name === name)!.allowed;
    for (const SUBGROUPS of valuesOf('SUBGROUPS')) {
      for (const COLUMNS of valuesOf('COLUMNS')) {
        for (const BUFFERS of valuesOf('BUFFERS')) {
          const tuning = { SUBGROUPS, COLUMNS, BUFFERS };
          if (free!.COLUMNS!(gpu, 0, { ...tuning, D: '32u' }) !== null) continue;
          gpu.kernels.tuned.set(kernel.name, tuning);
          expectWithin((await onUnits(c, inputs))!.y, right.data, toleranceOf(inputs[2]!));
        }
      }
    }
    gpu.kernels.tuned.clear();
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
});
