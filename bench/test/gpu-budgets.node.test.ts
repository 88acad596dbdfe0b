/**
 * What a GPU's compiler makes of the kernels for GPUs: `npm run test:all` holds them to their budgets. It takes a Mesa
 * with RADV and a C compiler, and runs without a GPU.
 */
import { expect, test } from 'vitest';
import { costsOf, EXCEPTIONS, HOT, needless, overBudget } from '../gpu-compiler/budgets.ts';
import type { Cost } from '../gpu-compiler/budgets.ts';
import { NoGpuCompiler, prepareDriver } from '../gpu-compiler/driver.ts';
import type { GpuDriver } from '../gpu-compiler/driver.ts';

const MINUTES = 60_000;

function driverOrWhy(): GpuDriver | string {
  try {
    return prepareDriver(console.log);
  } catch (error) {
    if (error instanceof NoGpuCompiler) return error.message;
    throw error;
  }
}

test.runIf(process.env.CURIO_GPU_BUDGETS)(
  'hot kernels stay within their budgets on a GPU',
  async ({ skip }) => {
    const driver = driverOrWhy();
    if (typeof driver === 'string') {
      console.log(`budgets of kernels on a GPU: SKIPPED, ${driver}`);
      return skip(driver);
    }
    const costs = new Map<string, Cost>();
    for (const request of HOT) for (const each of await costsOf(driver, request)) costs.set(...each);
    for (const kernel of HOT.flatMap(({ kernels }) => kernels))
      expect([...costs.keys()].filter((label) => label.startsWith(`${kernel}:`))).not.toEqual([]);
    expect([...costs].flatMap(([label, cost]) => overBudget(label, cost)).join('\n')).toBe('');
    expect(needless(costs).join('\n')).toBe('');
    expect(EXCEPTIONS.every(({ because }) => because.length > 0)).toBe(true);
  },
  30 * MINUTES,
);
