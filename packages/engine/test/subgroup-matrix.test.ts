/**
 * Products on matrix units against the usual kernels. Where an adapter has none but subgroups of eight lanes, they are
 * emulated, which takes a second a kernel to compile: `npm test` has each layout and storage once, `npm run test:all`
 * everything.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  backward,
  cast,
  enableSubgroupMatrix,
  linear,
  loraLinear,
  matmul,
  RandomStream,
  tensor,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { subgroupMatrixFault } from '../src/ops/composed/enable-subgroup-matrix.ts';
import { halvesPay, subgroupMatrix } from '../src/ops/matmul/matrix-units.ts';
import type { KernelSource } from '../src/gpu/kernel/kernel.ts';
import type { MatmulPlan } from '../src/ops/matmul/plan.ts';
import type { KernelDevice } from '../src/gpu/kernel/variant.ts';
import { canEmulate, emulateMatrixUnits } from './emulated-matrix-units.ts';
import { matmulSubgroupMatrix } from '@curio/kernels/matmul_subgroup_matrix';
import { environment, openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
let reason: string | null;
let isEmulated = false;
/** Whether everything is run. */
let isWhole = false;
beforeAll(async () => {
  gpu = await openDevice();
  reason = await enableSubgroupMatrix(gpu);
  isEmulated = reason !== null && canEmulate(gpu);
  isWhole = !isEmulated || environment.CURIO_TUNINGS === 'all';
  if (isEmulated) emulateMatrixUnits(gpu);
});
afterAll(() => gpu.close());

const onUnits = (name: string, fn: () => Promise<void>) =>
  test(name, async (context) => (reason && !isEmulated ? context.skip(reason) : fn()));
const labels = (): string[] => gpu.pipelines.labels.filter((label) => label.startsWith(matmulSubgroupMatrix.name));

test('they are on if the adapter has them and they agree, else a sentence says why not', async () => {
  if (gpu.adapter.subgroupMatrix && !isEmulated) expect(reason).toBeNull();
  else expect(reason).toMatch(/offers no matrix units for f16/);
  expect(gpu.kernels.halfProducts).toBe(reason === null || isEmulated);
  const [a, b] = [new Float32Array(32 * 48).fill(1 + 2 ** -12), new Float32Array(48 * 32).fill(1)];
  const c = await matmul(tensor(gpu, a, [32, 48]), tensor(gpu, b, [48, 32])).read();
  // an operand that f16 cannot hold shows which kernel ran
  expect(c[0]).toBeCloseTo(reason && !isEmulated ? 48 + 48 * 2 ** -12 : 48, 4);
});

onUnits('the check at the start finds no fault, and finds one that is there', async () => {
  if (isWhole) expect(await subgroupMatrixFault(gpu)).toBeNull();
  const kernel = matmulSubgroupMatrix as KernelSource;
  const used = gpu.kernels.replacements.kernelFor(kernel);
  const code = used.code.replace(/(left, )right2, s02/, '$1right3, s02');
  expect(code).not.toBe(used.code);
  gpu.kernels.replacements.useKernel(kernel, { ...used, code });
  const fault = await subgroupMatrixFault(gpu);
  gpu.kernels.replacements.useKernel(kernel, used);
  expect(fault).toMatch(
    /^matrix units give \S+ where \S+ is right \(entry \d+ of a 152×144×88 product in layout nn\), so products/,
  );
});

test('the tile is the largest that fills a device, and its memory', () => {
  const device = (memory: number): KernelDevice => {
    const limits = { maxComputeWorkgroupStorageSize: memory, maxComputeInvocationsPerWorkgroup: 1024 };
    const unit = { subgroupMatrix: { M: 16, N: 16, K: 16 }, subgroupSize: { min: 32, max: 32 } };
    const kernels = { forced: new Map(), tuned: new Map(), halfProducts: true };
    return { memory: gpu.memory, kernels, adapter: { ...gpu.adapter, ...unit, limits } };
  };
  const one = { layout: 'nt', K2: 0, hasBias: false, batches: 1, format: 'F32', groupSize: 0, isPart: false } as const;
  const plan = (M: number, N: number, K: number): MatmulPlan => ({ ...one, M, N, K, inRows: true });
  const tile = (memory: number, M: number, N: number): string => {
    const { DOWN, ACROSS, T, DEPTH } = subgroupMatrix.tuning!(device(memory), plan(M, N, 1024), 'multiply');
    return [DOWN, ACROSS, T, DEPTH].join(' ');
  };
  expect(tile(49152, 4096, 4096)).toBe('4u 2u 2u 64u');
  expect(tile(32768, 4096, 4096)).toBe('4u 2u 2u 32u');
  expect(tile(49152, 577, 4096)).toBe('4u 2u 2u 64u');
  expect(tile(49152, 577, 1024)).toBe('4u 1u 1u 64u');
  expect(tile(16384, 577, 1024)).toBe('4u 1u 1u 32u');
  expect(tile(49152, 64, 64)).toBe('4u 1u 1u 64u');
  expect(halvesPay(device(49152), plan(577, 8192, 1024))).toBe(true);
  expect(halvesPay(device(49152), plan(577, 4096, 1024))).toBe(false);
});

const random = new RandomStream(11, 0, 0);
/** Values that f16 holds exactly. */
const eighths = (shape: number[], requiresGrad = false): (() => Tensor) => {
  const data = noise(
    shape.reduce((a, b) => a * b, 1),
    random,
  ).map((v) => Math.round(8 * v) / 8);
  return () => {
    const x = tensor(gpu, data, shape);
    x.requiresGrad = requiresGrad;
    return x;
  };
};

/** What `fn` gives with matrix units and without. */
async function both(fn: () => Tensor[]): Promise<[ArrayLike<number>, ArrayLike<number>][]> {
  const results: ArrayLike<number>[][] = [];
  for (const halves of [true, false]) {
    const read = (): Promise<ArrayLike<number>[]> => Promise.all(gpu.scope(() => fn().map((x) => x.read())));
    results.push(await gpu.kernels.withHalfProducts(halves, read));
  }
  return results[0]!.map((half, i) => [half, results[1]![i]!]);
}

function expectClose([half, full]: [ArrayLike<number>, ArrayLike<number>], tolerance: number): void {
  const largest = (values: number[]): number =>
    values.reduce((most, value) => Math.max(most, Number.isNaN(value) ? Infinity : Math.abs(value)), 0);
  const scale = Math.max(1, largest(Array.from(full)));
  const worst = largest(Array.from(half, (value, i) => value - full[i]!));
  expect(half.length).toBe(full.length);
  expect(worst / scale).toBeLessThan(tolerance);
}

/**
 * Edges in every direction; rows that are not whole chunks stay with the usual kernels, and those of whole eights can
 * be rounded before the product.
 */
const SIZES = [
  [152, 272, 104],
  [16, 16, 16],
  [128, 128, 64],
  [64, 128, 32],
  [36, 132, 52],
  [37, 131, 53],
  [132, 68, 20],
] as const;
const TILES = [
  { DOWN: '4u', ACROSS: '1u', T: '1u', DEPTH: '32u', BUFFERS: '2u', GROUP: '8u' },
  { DOWN: '4u', ACROSS: '1u', T: '1u', DEPTH: '64u', BUFFERS: '1u', GROUP: '1u' },
  { DOWN: '4u', ACROSS: '2u', T: '2u', DEPTH: '32u', BUFFERS: '1u', GROUP: '8u' },
  { DOWN: '2u', ACROSS: '2u', T: '4u', DEPTH: '32u', BUFFERS: '1u', GROUP: '8u' },
] as const;
/** A tile, and whether operands are rounded before the product. */
const WAYS = TILES.flatMap((tile) => [
  { tile, rounded: 'within' },
  { tile, rounded: 'before' },
]);

for (const [transposeA, transposeB] of [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const) {
  onUnits(
    `matmul, transposeA ${transposeA}, transposeB ${transposeB}: every size, tile and number of batches`,
    async () => {
      // one kernel, for terms that end inside a step: a small tile or a large one
      const ways = isWhole ? WAYS : [transposeB ? WAYS[0]! : WAYS.at(-1)!];
      for (const [M, N, K] of SIZES.filter(([, , K]) => isWhole || K % 64 > 0)) {
        for (const batches of [1, 3]) {
          const a = eighths(transposeA ? [batches, K, M] : [batches, M, K]);
          const b = eighths(transposeB ? [batches, N, K] : [batches, K, N]);
          for (const { tile, rounded } of ways) {
            gpu.kernels.tuned.set(matmulSubgroupMatrix.name, tile);
            gpu.kernels.forced.set('matmul halves', rounded);
            for (const pair of await both(() => [matmul(a(), b(), { transposeA, transposeB })]))
              expectClose(pair, 1e-5);
            gpu.kernels.tuned.clear();
            gpu.kernels.forced.clear();
          }
        }
      }
      expect(labels().some((label) => label.includes(`TRANSPOSE_A=${transposeA} TRANSPOSE_B=${transposeB}`))).toBe(
        true,
      );
    },
  );
}

onUnits('linear over weights of every storage, forward and dx', async () => {
  const [x, w, bias, dy] = [eighths([70, 128], true), eighths([48, 128]), eighths([48]), eighths([70, 48])];
  for (const storage of ['f32', 'f16', 'bf16', 'int8', 'int4', 'nf4'] as const) {
    const pairs = await both(() => {
      const input = x();
      const y = linear(input, storage === 'f32' ? w() : cast(w(), storage), bias());
      if (isWhole) backward(y, dy()); // in another layout, so by kernels of its own
      return isWhole ? [y, input.grad!] : [y];
    });
    for (const pair of pairs) expectClose(pair, storage === 'f32' || /16$/.test(storage) ? 1e-5 : 1e-3);
  }
  for (const format of ['F32', 'F16', 'BF16', 'INT8', 'INT4', 'NF4'])
    expect(
      labels().some((label) => label.includes(`FORMAT=${format} `)),
      format,
    ).toBe(true);
});

onUnits('a weight above 65,504 is infinite and one far below 6e-5 zero, in f32 and in bf16', async () => {
  const [x, w] = [new Float32Array(16 * 32), new Float32Array(16 * 32)];
  const given = [1e38, -70_000, 65_024, -65_024, 2 ** -14, 1e-8, -1e-38, 0, Infinity, -Infinity, NaN];
  given.forEach((value, row) => (w[32 * row] = value));
  for (let row = 0; row < 16; row++) x[32 * row] = 1;
  for (const storage of ['f32', 'bf16'] as const) {
    const weight = cast(tensor(gpu, w, [16, 32]), storage);
    const y = await gpu.kernels.withHalfProducts(true, () => linear(tensor(gpu, x, [16, 32]), weight).read());
    const wanted = [Infinity, -Infinity, 65_024, -65_024, 2 ** -14, 0, 0, 0, Infinity, -Infinity, NaN];
    expect(Array.from(y.subarray(0, given.length), (v) => v + 0)).toEqual(wanted);
  }
});

onUnits('loraLinear, forward and every gradient', async () => {
  const [x, w, a, b, dy] = [
    eighths([50, 64], true),
    eighths([72, 64]),
    eighths([16, 64], true),
    eighths([72, 16], true),
    eighths([50, 72]),
  ];
  const pairs = await both(() => {
    const [input, A, B] = [x(), a(), b()];
    const y = loraLinear(input, w(), null, { a: A, b: B, scale: 0.5 });
    if (isWhole) backward(y, dy());
    return isWhole ? [y, input.grad!, A.grad!, B.grad!] : [y];
  });
  for (const pair of pairs) expectClose(pair, 2e-3);
});
