/** @file Checks one case: forward against float64, backward against measured gradients. */
import type { Gpu } from '../gpu/gpu.ts';
import { RandomStream } from '../tensor/philox.ts';
import { showShape } from '../tensor/shape.ts';
import type { Case, OpCases } from '../truth/cases.ts';
import { Array64 } from '../truth/oracle.ts';
import { makeInputs, outputWeights, runCase, wantedGradients } from './run-case.ts';

/**
 * Allowed error, relative to the largest magnitude compared (at least 1); for sums of n products it grows by √n.
 */
export const TOLERANCE = { forward: 1e-5, backward: 1e-4 } as const;

/** Below this many input elements every gradient is measured; above it a random choice of elements and directions. */
const FULL_GRADIENT = 512;

export interface Verdict {
  readonly ok: boolean;
  /** Worst error over tolerance, and where. */
  readonly worst: number;
  readonly message: string;
}

/** Checks forward and, where there is one, backward. Never throws for a wrong number: the verdict reports it. */
export async function checkCase<A>(gpu: Gpu, op: OpCases<A>, c: Case<A>, seed: number): Promise<Verdict> {
  const inputs = makeInputs(c, seed);
  const attrs = c.attrs as A;
  const expected = op.reference(inputs, attrs);
  const weights = new Array64(expected.shape, outputWeights(expected.data.length, seed));
  const wants = wantedGradients(op, c);
  const actual = await runCase(gpu, op, c, inputs, seed);
  const factor = (op.tolerance?.factor ?? 1) * (c.tolerance?.factor ?? 1);
  if (showShape(actual.shape) !== showShape(expected.shape))
    return fail(`shape is ${showShape(actual.shape)}, expected ${showShape(expected.shape)}`);
  const forward = compare('y', actual.y, expected.data, TOLERANCE.forward * factor);
  if (!forward.ok) return forward;
  let worst = forward.worst;
  for (let i = 0; i < inputs.length; i++) {
    if (!wants[i]) continue;
    const grad = actual.grads[i];
    if (!grad) return fail(`input ${i} received no gradient`);
    const verdict = checkGradient(op, c, { inputs, attrs, weights, which: i, grad, seed, factor });
    if (!verdict.ok) return verdict;
    worst = Math.max(worst, verdict.worst);
  }
  return { ok: true, worst, message: 'ok' };
}

/** Σ weights · reference: the scalar whose gradient is measured. */
function loss<A>(op: OpCases<A>, inputs: readonly (Array64 | null)[], attrs: A, weights: Array64): number {
  const y = op.reference(inputs, attrs);
  let sum = 0;
  for (let i = 0; i < y.data.length; i++) sum += y.data[i]! * weights.data[i]!;
  return sum;
}

/**
 * Measured gradients by case, seed and input, cached since every variant of a kernel needs the same ones and measuring
 * takes longest.
 */
const measuredGradients = new WeakMap<object, Map<string, readonly number[]>>();

function remember(c: object, key: string, measure: () => number[]): readonly number[] {
  let known = measuredGradients.get(c);
  if (!known) measuredGradients.set(c, (known = new Map()));
  let measured = known.get(key);
  if (!measured) known.set(key, (measured = measure()));
  return measured;
}

function checkGradient<A>(
  op: OpCases<A>,
  c: Case<A>,
  given: {
    readonly inputs: readonly (Array64 | null)[];
    readonly attrs: A;
    readonly weights: Array64;
    readonly which: number;
    readonly grad: ArrayLike<number>;
    readonly seed: number;
    readonly factor: number;
  },
): Verdict {
  const { inputs, attrs, weights, which, grad, seed, factor } = given;
  const x = inputs[which]!;
  const size = x.data.length;
  const step = op.step ?? 1e-4;
  const along = (direction: (i: number) => number): number => {
    const original = x.data.slice();
    const at = (sign: number): number => {
      for (let i = 0; i < size; i++) x.data[i] = original[i]! + sign * step * direction(i);
      return loss(op, inputs, attrs, weights);
    };
    const slope = (at(1) - at(-1)) / (2 * step);
    x.data.set(original);
    return slope;
  };
  const random = new RandomStream(seed, 2, which);
  const elements =
    size <= FULL_GRADIENT
      ? Array.from({ length: size }, (_, i) => i)
      : Array.from({ length: 64 }, () => Math.floor(random.uniform() * size));
  const norm = Math.sqrt(size);
  const directions = Array.from({ length: size > FULL_GRADIENT ? 8 : 0 }, () =>
    Float64Array.from({ length: size }, () => random.normal() / norm),
  );
  const got = [
    ...elements.map((i) => grad[i]!),
    ...directions.map((direction) => direction.reduce((sum, v, i) => sum + v * grad[i]!, 0)),
  ];
  const measured = remember(c, `${op.op} ${seed} ${which}`, () => [
    ...elements.map((i) => along((j) => (j === i ? 1 : 0))),
    ...directions.map((direction) => along((i) => direction[i]!)),
  ]);
  return compare(`gradient of input ${which}`, got, measured, TOLERANCE.backward * factor);
}

function compare(what: string, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): Verdict {
  if (actual.length !== expected.length)
    return fail(`${what} has ${actual.length} elements, expected ${expected.length}`);
  let scale = 1;
  for (let i = 0; i < expected.length; i++)
    if (Number.isFinite(expected[i]!)) scale = Math.max(scale, Math.abs(expected[i]!));
  let worst = 0;
  let at = -1;
  for (let i = 0; i < expected.length; i++) {
    const same = Object.is(actual[i], expected[i]) || actual[i] === expected[i];
    const error = same ? 0 : Math.abs(actual[i]! - expected[i]!) / (scale * tolerance);
    if (!(error <= worst)) [worst, at] = [Number.isNaN(error) ? Infinity : error, i];
  }
  if (worst <= 1) return { ok: true, worst, message: 'ok' };
  return {
    ok: false,
    worst,
    message: `${what}[${at}] is ${actual[at]}, expected ${expected[at]} (${worst.toFixed(1)} times the tolerance of ${(tolerance * scale).toExponential(1)})`,
  };
}

const fail = (message: string): Verdict => ({ ok: false, worst: Infinity, message });
