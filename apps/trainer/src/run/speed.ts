/** @file Measures the adapter's speed, for `curio doctor` and as the roofline of a profile. */
import { linear, matmul, neg, Parameter, RandomStream, slice, store, tensor } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import type { DeviceRates } from '@curio/model';
import { dtypeOf } from '@curio/nn';
import type { BaseStorage } from '@curio/nn';

export const MATMUL_SIZE = 512;
const COPY_BYTES = 32 << 20;
const SECONDS_EACH = 0.4;

export interface Speed {
  readonly matmulGflops: number;
  readonly copyGigabytes: number;
}

/** Rates of engine ops: the best of several rounds, after a first use that compiles the kernels. */
export async function measureSpeed(gpu: Gpu): Promise<Speed> {
  const random = new RandomStream(1);
  const noise = (count: number) => Float32Array.from({ length: count }, () => random.uniform() - 0.5);
  const a = tensor(gpu, noise(MATMUL_SIZE ** 2), [MATMUL_SIZE, MATMUL_SIZE]);
  const x = tensor(gpu, new Float32Array(COPY_BYTES / 4), [COPY_BYTES / 4]);
  try {
    return {
      matmulGflops: (2 * MATMUL_SIZE ** 3 * (await perSecond(gpu, () => matmul(a, a)))) / 1e9,
      copyGigabytes: (2 * COPY_BYTES * (await perSecond(gpu, () => neg(x)))) / 1e9,
    };
  } finally {
    a.dispose();
    x.dispose();
    gpu.trim();
  }
}

/** Rows of the product that represents those of a training step. */
const ROWS = 256;

/** Rates for predicting a training step: a product of 256 positions with a weight as it is stored, and a copy. */
export async function measureRates(gpu: Gpu, width: number, storage: BaseStorage): Promise<DeviceRates> {
  const dtype = dtypeOf(storage);
  const random = new RandomStream(1);
  const noise = (count: number) => Float32Array.from({ length: count }, () => random.uniform() - 0.5);
  const x = tensor(gpu, noise(ROWS * width), [ROWS, width]);
  const weight = new Parameter(gpu, 'rate', [width, width], null, dtype);
  store(weight, noise(width ** 2));
  const copied = tensor(gpu, new Float32Array(COPY_BYTES / 4), [COPY_BYTES / 4]);
  try {
    return {
      operations: 2 * ROWS * width ** 2 * (await perSecond(gpu, () => linear(x, weight))),
      bytes: 2 * COPY_BYTES * (await perSecond(gpu, () => neg(copied))),
    };
  } finally {
    for (const each of [x, weight, copied]) each.dispose();
    gpu.trim();
  }
}

/** How often `work` runs per second, when it is recorded many times and read back once. */
async function perSecond(gpu: Gpu, work: () => Tensor): Promise<number> {
  const seconds = async (count: number): Promise<number> => {
    const began = performance.now();
    await gpu.scope(() => {
      let last = work();
      for (let i = 1; i < count; i++) {
        last.dispose(); // on a fast device, thousands of results would take gigabytes
        last = work();
      }
      return slice(last.shape.length > 1 ? slice(last, { axis: 0, start: 0, end: 1 }) : last, {
        axis: last.shape.length - 1,
        start: 0,
        end: 1,
      }).read();
    });
    return (performance.now() - began) / 1000;
  };
  await seconds(1);
  const count = Math.max(1, Math.round(SECONDS_EACH / 4 / (await seconds(1))));
  let best = 0;
  for (let round = 0; round < 4; round++) best = Math.max(best, count / (await seconds(count)));
  return best;
}
