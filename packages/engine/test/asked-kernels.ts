/** @file The kernels that a case of the op table asks for, found without running it. */
import { makeInputs, runCase } from '../src/check/run-case.ts';
import type { Gpu } from '../src/gpu/gpu.ts';
import type { Asked } from '../src/gpu/kernel/pipeline.ts';
import { openDry } from '../src/gpu/open.ts';
import type { Case, OpCases } from '../src/truth/cases.ts';
import { features } from './device.ts';

/**
 * @param choice a family and the variant that is forced there
 * @returns the kernels, and whether the forced variant fits anywhere
 */
export async function askedKernels(
  gpu: Gpu,
  table: OpCases<unknown>,
  c: Case<unknown>,
  choice: readonly [string, string],
): Promise<{ kernels: readonly Asked[]; fits: boolean }> {
  const kernels: Asked[] = [];
  const dry = openDry(gpu, { features }, { readsZeros: true, onPipeline: (asked) => void kernels.push(asked) });
  dry.kernels.forced.set(...choice);
  await runCase(dry, table, c, makeInputs(c, 1), 1);
  return { kernels, fits: dry.kernels.obeyed.has(choice[0]) };
}
