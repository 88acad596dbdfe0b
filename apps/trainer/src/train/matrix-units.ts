/** @file The option --matrix-units. */
import { enableSubgroupMatrix } from '@curio/engine';
import type { Gpu } from '@curio/engine';

/** The help text of the option. */
export const MATRIX_UNITS =
  'compute products and attention on matrix units (tensor cores) if the adapter has them and they pass a self-check: faster, operands rounded to f16';

/** Enables them after the self-check, and prints that or why not. */
export async function useMatrixUnits(gpu: Gpu): Promise<void> {
  const reason = await enableSubgroupMatrix(gpu);
  console.log(
    reason === null
      ? 'matrix units: on; products and attention round their operands to f16 and accumulate in f32, so results differ slightly from a run without them.'
      : `matrix units: off; ${reason}.`,
  );
}
