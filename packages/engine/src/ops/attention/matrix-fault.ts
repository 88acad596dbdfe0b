/** @file Compares attention's kernels for matrix units with float64 on the device that is to use them. */
import type { Gpu } from '../../gpu/gpu.ts';
import { tune } from '../../gpu/kernel/choose.ts';
import { backward } from '../../tensor/autograd.ts';
import { RandomStream } from '../../tensor/philox.ts';
import { tensor } from '../../tensor/tensor.ts';
import { scaledDotProductAttention } from './attention.ts';
import { attentionBackwardOnMatrixUnits, attentionOnMatrixUnits } from './matrix-units.ts';
import type { AttentionPlan } from './plan.ts';

/** Several tiles with edges, more keys than queries, two heads that share keys and values. */
const [HEADS, TOKENS, KEYS] = [2, 70, 150];
const WIDTHS = [32, 64, 128];
/** Of the largest value: rounding to f16 leaves a fifth of it at most, a wrong lane or tile many times as much. */
const TOLERANCE = 0.01;

interface Operands {
  readonly q: Float32Array<ArrayBuffer>;
  readonly k: Float32Array<ArrayBuffer>;
  readonly v: Float32Array<ArrayBuffer>;
  readonly dy: Float32Array<ArrayBuffer>;
}

/**
 * @returns null if forward and gradients are right in every width that the device has a kernel for, else what is wrong,
 * the beginning of a sentence
 */
export async function attentionMatrixFault(gpu: Gpu): Promise<string | null> {
  for (const width of WIDTHS) {
    const fault = await faultOf(gpu, width);
    if (fault) return `${fault} of attention with heads of ${width})`;
  }
  return null;
}

async function faultOf(gpu: Gpu, width: number): Promise<string | null> {
  const operands: Operands = {
    q: eighths(HEADS * TOKENS * width, 1),
    k: eighths(KEYS * width, 2),
    v: eighths(KEYS * width, 3),
    dy: eighths(HEADS * TOKENS * width, 4),
  };
  gpu.kernels.forced.set('attention', 'matrix');
  const run = () =>
    gpu.scope(() => {
      const [q, k, v] = [
        tensor(gpu, operands.q, [1, HEADS, TOKENS, width]),
        tensor(gpu, operands.k, [1, 1, KEYS, width]),
        tensor(gpu, operands.v, [1, 1, KEYS, width]),
      ];
      for (const x of [q, k, v]) x.requiresGrad = true;
      const y = scaledDotProductAttention(q, k, v, { causal: true });
      const read = y.read();
      backward(y, tensor(gpu, operands.dy, y.shape));
      return Promise.all([read, ...[q, k, v].map((x) => x.grad!.read())]);
    });
  const results = await gpu.kernels.withHalfProducts(true, async () => {
    await compileAhead(gpu, width);
    return run();
  });
  const right = inFloat64(operands, width);
  for (const [i, name] of ['the result', 'dq', 'dk', 'dv'].entries()) {
    const tolerance = TOLERANCE * right[i]!.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const off = right[i]!.findIndex((value, at) => !(Math.abs(results[i]![at]! - value) <= tolerance));
    if (off >= 0)
      return `matrix units give ${results[i]![off]} where ${right[i]![off]} is right (entry ${off} of ${name}`;
  }
  return null;
}

/** So that a kernel that does not compile leaves the device usable. */
async function compileAhead(gpu: Gpu, width: number): Promise<void> {
  const sizes = { batch: 1, heads: HEADS, group: HEADS, tokens: TOKENS, keys: KEYS, width, scale: 1, flags: 1 };
  const plan: AttentionPlan = { ...sizes, params: {}, inQuads: true };
  for (const [variant, entries] of [
    [attentionOnMatrixUnits, ['forward']],
    [attentionBackwardOnMatrixUnits, attentionBackwardOnMatrixUnits.entries],
  ] as const) {
    if (!variant.fits!(gpu, plan)) continue;
    const kernel = gpu.kernels.replacements.kernelFor(variant.kernel);
    for (const entry of entries) await gpu.prepare(kernel, entry, tune(gpu, variant, plan, entry).tuning);
  }
}

/** Multiples of an eighth, which f16 holds exactly. */
function eighths(size: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed, 0, 0);
  return Float32Array.from({ length: size }, () => Math.round(8 * random.normal()) / 8);
}

/** y, dq, dk and dv. */
function inFloat64({ q, k, v, dy }: Operands, width: number): Float64Array[] {
  const [y, dq, dk, dv] = [q, q, k, v].map(({ length }) => new Float64Array(length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const scale = 1 / Math.sqrt(width);
  const dot = (a: ArrayLike<number>, at: number, b: ArrayLike<number>, row: number): number => {
    let sum = 0;
    for (let d = 0; d < width; d++) sum += a[at + d]! * b[row + d]!;
    return sum;
  };
  for (let i = 0; i < HEADS * TOKENS; i++) {
    const at = i * width;
    const seen = KEYS - TOKENS + (i % TOKENS) + 1;
    const p = Array.from({ length: seen }, (_, j) => Math.exp(scale * dot(q, at, k, j * width)));
    const total = p.reduce((sum, each) => sum + each, 0);
    p.forEach((each, j) => (p[j] = each / total));
    const dp = p.map((_, j) => dot(dy, at, v, j * width));
    const along = p.reduce((sum, each, j) => sum + each * dp[j]!, 0);
    p.forEach((each, j) => {
      const ds = each * (dp[j]! - along) * scale;
      for (let d = 0; d < width; d++) {
        y[at + d]! += each * v[j * width + d]!;
        dq[at + d]! += ds * k[j * width + d]!;
        dk[j * width + d]! += ds * q[at + d]!;
        dv[j * width + d]! += each * dy[at + d]!;
      }
    });
  }
  return [y, dq, dk, dv];
}
