/** @file Products on matrix units, for who asks for them on the command line. */
import { enableSubgroupMatrix } from '@curio/engine';
import type { Gpu } from '@curio/engine';

/** The help of the option, the same for every command. */
export const MATRIX_UNITS =
  'multiply on matrix units (tensor cores) where the adapter has them and they compute rightly: faster, operands rounded to f16';

/** Switches them on after the self-check and says so, or why not. */
export async function useMatrixUnits(gpu: Gpu): Promise<void> {
  const reason = await enableSubgroupMatrix(gpu);
  console.log(
    reason === null
      ? 'matrix units: on; products round their operands to f16 (eleven bits) and add up in f32, so numbers differ a little from a run without.'
      : `matrix units: off; ${reason}.`,
  );
}
