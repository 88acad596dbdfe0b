import { KernelError } from '../../gpu/errors.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { tune } from '../../gpu/kernel/choose.ts';
import { noGrad } from '../../tensor/autograd.ts';
import type { DType } from '../../tensor/dtype.ts';
import { RandomStream } from '../../tensor/philox.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { attentionMatrixFault } from '../attention/matrix-fault.ts';
import { cast } from '../cast/cast.ts';
import { linear } from '../matmul/linear.ts';
import { matmul } from '../matmul/matmul.ts';
import { layoutOf } from '../matmul/product.ts';
import type { Layout } from '../matmul/plan.ts';
import { matrixTiles, smallTile, subgroupMatrix, subgroupMatrixHalves } from '../matmul/matrix-units.ts';
import { formatOf, groupSizeOf } from '../parts/weight-format.ts';
import type { WeightFormat } from '../parts/weight-format.ts';

/**
 * More than one tile, one of them without an edge, edges in every direction, and several steps of which the last is not
 * full.
 */
const [M, N, K] = [152, 144, 88];
/** Terms of the products with packed weights: whole steps. */
const PACKED_K = 128;
const STORAGES: readonly { readonly dtype: DType; readonly zeros?: boolean }[] = [
  { dtype: 'f32' },
  { dtype: 'f16' },
  { dtype: 'bf16' },
  { dtype: 'int8' },
  { dtype: 'int4' },
  { dtype: 'int4', zeros: true },
  { dtype: 'nf4' },
];
/**
 * How far a result may be off: exact operands leave only the rounding of sums, weights times their scale are rounded to
 * f16 first.
 */
const [EXACT, ROUNDED] = [1e-4, 0.25];

/**
 * Lets matmul, linear, loraLinear and scaledDotProductAttention round their operands to f16 and multiply on matrix
 * units (tensor cores), with sums in f32: many times faster where the adapter has them, and each operand off by up to
 * 2⁻¹¹ of itself; one above 65,504 becomes infinite, one below 6·10⁻⁵ may become zero, bf16 weights included. Products
 * of less than 16 rows, columns or terms, and of operands whose rows in memory are not a multiple of 16 bytes, stay in
 * f32; so do attention over less than 16 queries or keys or with heads wider than 128, and its gradients with heads
 * wider than 64 and fewer than 1,024 tokens (512 where all see each other).
 * `gpu.kernels.withHalfProducts(false, fn)` leaves a part of the work in f32.
 *
 * First checks the kernels, see `subgroupMatrixFault`.
 * @returns null if it is enabled now, else a sentence that says why not; all of it then stays in f32
 * Kernels: kernels/matmul/subgroup_matrix.wgsl, kernels/attention/forward_matrix.wgsl and backward_matrix.wgsl, on
 * Dawn's experimental feature chromium-experimental-subgroup-matrix (Chrome: behind a flag).
 */
export async function enableSubgroupMatrix(gpu: Gpu): Promise<string | null> {
  const fault = await subgroupMatrixFault(gpu);
  if (fault === null) gpu.kernels.enableHalfProducts();
  return fault;
}

/**
 * Compares the kernels for matrix units with sums in float64: products in all four layouts, with the large tile over
 * operands rounded beforehand and with the small one, and in every weight format; attention and its gradients in every
 * width. Drivers have been wrong here: Dawn itself disables f16 on some because of failing tests.
 * @returns null if the results are right, else a sentence that says why products stay in f32
 */
export async function subgroupMatrixFault(gpu: Gpu): Promise<string | null> {
  if (!gpu.adapter.subgroupMatrix)
    return `the adapter ${gpu.adapter.description || gpu.adapter.device} offers no matrix units for f16 with sums in f32`;
  const [tuned, forced] = [new Map(gpu.kernels.tuned), new Map(gpu.kernels.forced)];
  try {
    const fault = (await faultOfLayouts(gpu)) ?? (await faultOfStorages(gpu)) ?? (await attentionMatrixFault(gpu));
    if (fault) return `${fault}, so products stay in f32`;
  } catch (error) {
    if (error instanceof KernelError)
      return `the kernel for matrix units does not compile here, so products stay in f32: ${error.message}`;
    throw error;
  } finally {
    restore(gpu.kernels.tuned, tuned);
    restore(gpu.kernels.forced, forced);
  }
  return null;
}

function restore<T>(map: Map<string, T>, before: ReadonlyMap<string, T>): void {
  map.clear();
  for (const [key, value] of before) map.set(key, value);
}

/** Multiples of an eighth, which f16 holds exactly. */
function eighths(size: number, seed: number): Float32Array<ArrayBuffer> {
  const random = new RandomStream(seed, 0, 0);
  return Float32Array.from({ length: size }, () => Math.round(16 * random.normal()) / 8);
}

/** x[rows, columns] as [columns, rows]. */
const transposed = (x: Float32Array<ArrayBuffer>, rows: number, columns: number): Float32Array<ArrayBuffer> =>
  x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)]!);

/** a[M, terms]·b[terms, N]. */
function truth(a: ArrayLike<number>, b: ArrayLike<number>, terms: number): Float64Array {
  const c = new Float64Array(M * N);
  for (let row = 0; row < M; row++) {
    for (let k = 0; k < terms; k++) {
      for (let column = 0; column < N; column++) c[row * N + column]! += a[row * terms + k]! * b[k * N + column]!;
    }
  }
  return c;
}

async function faultOfLayouts(gpu: Gpu): Promise<string | null> {
  const [a, b] = [eighths(M * K, 1), eighths(K * N, 2)];
  const right = truth(a, b, K);
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      const [left, layout] = [transposeA ? transposed(a, M, K) : a, layoutOf(transposeA, transposeB)];
      const across = transposeB ? transposed(b, K, N) : b;
      const run = (): Tensor =>
        matmul(tensor(gpu, left, transposeA ? [K, M] : [M, K]), tensor(gpu, across, transposeB ? [N, K] : [K, N]), {
          transposeA,
          transposeB,
        });
      for (const isLarge of [true, false]) {
        const fault = firstWrong(
          await onUnits(gpu, isLarge, isLarge, { layout, K, format: isLarge ? 'F16' : 'F32', groupSize: 0 }, run),
          right,
          EXACT,
        );
        if (fault) return `${fault} of a ${M}×${N}×${K} product in layout ${layout})`;
      }
    }
  }
  return null;
}

async function faultOfStorages(gpu: Gpu): Promise<string | null> {
  const [x, w] = [eighths(M * PACKED_K, 3), eighths(N * PACKED_K, 4)];
  for (const { dtype, zeros = false } of STORAGES) {
    const packed = (): Tensor => cast(tensor(gpu, w, [N, PACKED_K]), dtype, { zeros });
    const [format, groupSize, stored] = gpu.scope(() => {
      const weight = packed();
      return [formatOf('linear', weight), groupSizeOf(weight), cast(weight, 'f32').read()];
    });
    const right = truth(x, transposed(Float32Array.from(await stored), N, PACKED_K), PACKED_K);
    const run = (): Tensor => linear(tensor(gpu, x, [M, PACKED_K]), packed());
    const fault = firstWrong(
      await onUnits(gpu, true, false, { layout: 'nt', K: PACKED_K, format, groupSize }, run),
      right,
      ROUNDED,
    );
    if (fault) return `${fault} of a product with a weight in ${dtype})`;
  }
  return null;
}

/**
 * The results of `run` on matrix units, with the largest or the small tile, and operands rounded beforehand or within.
 */
async function onUnits(
  gpu: Gpu,
  isLarge: boolean,
  isBefore: boolean,
  plan: { layout: Layout; K: number; format: WeightFormat; groupSize: number },
  run: () => Tensor,
): Promise<ArrayLike<number>> {
  const { kernel } = subgroupMatrix;
  gpu.kernels.tuned.set(kernel.name, isLarge ? matrixTiles(gpu)[0]! : smallTile(gpu));
  gpu.kernels.forced.set('matmul halves', isBefore ? 'before' : 'within');
  // Compiled ahead, so that a kernel that does not compile leaves the device usable.
  const { tuning } = tune(
    gpu,
    isBefore ? subgroupMatrixHalves : subgroupMatrix,
    { M, N, K2: 0, hasBias: false, batches: 1, inRows: true, isPart: false, ...plan },
    'multiply',
  );
  await gpu.prepare(gpu.kernels.replacements.kernelFor(kernel), 'multiply', tuning);
  return gpu.kernels.withHalfProducts(true, () => gpu.scope(() => noGrad(run).read()));
}

function firstWrong(values: ArrayLike<number>, right: Float64Array, tolerance: number): string | null {
  const off = right.findIndex((value, i) => !(Math.abs(values[i]! - value) <= tolerance));
  return off < 0 ? null : `matrix units give ${values[off]} where ${right[off]} is right (entry ${off}`;
}
