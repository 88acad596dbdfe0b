/** @file The optimizer's moments beside an adapter, as one safetensors file, so that training can resume. */
import { WeightError } from '@curio/engine';
import type { AdamWState } from '@curio/engine';
import { encodeSafetensors, openSafetensors } from '@curio/nn';
import type { ByteSource } from '@curio/nn';
import { momentTensors, readMoments } from './moment-tensors.ts';

/** The state as the chunks of a file. */
export const encodeOptimizer = ({ step, moments }: AdamWState): Uint8Array[] =>
  encodeSafetensors(momentTensors(moments), { format: 'pt', step: String(step) });

/** The state in a file written by `encodeOptimizer`. @throws WeightError for any other file */
export async function readOptimizer(source: ByteSource): Promise<AdamWState> {
  const { tensors, metadata } = await openSafetensors(source);
  if (!metadata.step)
    throw new WeightError(`checkpoint: ${source.name} has no step in its metadata; it was not written by curio train.`);
  return { step: Number(metadata.step), moments: await readMoments(source.name, tensors) };
}
