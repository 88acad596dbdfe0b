/** Kernels that walk a line in runs give the same bits with any length of run. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  add,
  AdamW,
  backward,
  dropout,
  isFinite,
  maximum,
  Parameter,
  sigmoid,
  sum,
  swiglu,
  tensor,
} from '../src/index.ts';
import type { Gpu, KernelSource, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const KERNELS = Object.values(
  import.meta.glob('../../../kernels/gen/*.ts', { eager: true }) as Record<string, Record<string, KernelSource>>,
)
  .flatMap((module) => Object.values(module))
  .filter(({ tunables }) => tunables.some(({ name, allowed }) => name === 'STEPS' && allowed.includes('16u')))
  .map(({ name }) => name);
/** More than one workgroup of runs, and a rest: 4 · 64 · STEPS elements each, 4096 or 16384. */
const SIZES = [4 * 1500, 4 * 1024 + 12, 4111, 4 * 4096 + 8];

/** Everything that walks a line, over tensors of n elements. */
async function allOf(n: number): Promise<number[]> {
  const p = new Parameter(gpu, 'p', [n], noise(n, 1));
  const optimizer = new AdamW(gpu, [p], { groups: [['p', 1]], lr: 0.1, maxGradNorm: 1 });
  const results: number[] = [];
  for (let step = 0; step < 2; step++) {
    gpu.random.setStep(0);
    const loss = gpu.scope(() => {
      const x = tensor(gpu, noise(n, 2), [n]);
      const y: Tensor = dropout(swiglu(add(p, sigmoid(p)), maximum(x, p)), { p: 0.3 });
      optimizer.zeroGrad();
      const total = sum(y);
      backward(total);
      optimizer.step();
      return [y.read(), isFinite(y).read()] as const;
    });
    results.push(...(await loss[0]), ...(await loss[1]), ...(await p.grad!.read()));
  }
  results.push(...(await p.read()));
  optimizer.dispose();
  p.dispose();
  return results;
}

test.each(SIZES)('%i elements: a lane takes one item, sixteen or sixty-four', async (n) => {
  const asChosen = await allOf(n);
  expect(asChosen.every(Number.isFinite)).toBe(true);
  expect(new Set(asChosen).size).toBeGreaterThan(n);
  for (const STEPS of ['1u', '16u', '64u']) {
    for (const kernel of KERNELS) gpu.kernels.tuned.set(kernel, { STEPS });
    expect(await allOf(n)).toEqual(asChosen);
    gpu.kernels.tuned.clear();
    for (const kernel of KERNELS)
      expect(
        gpu.pipelines.labels.some((label) => label.startsWith(`${kernel}:`) && label.includes(`STEPS=${STEPS}`)),
        `${kernel} with STEPS=${STEPS} has run`,
      ).toBe(true);
  }
});
