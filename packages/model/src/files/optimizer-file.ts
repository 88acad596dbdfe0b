/** @file The optimizer's moments beside an adapter, as one safetensors file, so that training can resume. */
import { WeightError } from '@curio/engine';
import type { AdamWState, StoredAdamWState } from '@curio/engine';
import { encodeSafetensors, openSafetensors } from '@curio/nn';
import type { ByteSource, TensorMap } from '@curio/nn';
import { momentTensors, readMoments, readMomentsOf } from './moment-tensors.ts';

/** The state as the chunks of a file. */
export const encodeOptimizer = ({ step, moments }: AdamWState): Uint8Array[] =>
  encodeSafetensors(momentTensors(moments), { format: 'pt', step: String(step) });

/** The state in a file written by `encodeOptimizer`; moments are read on request. @throws WeightError for any other */
export async function openOptimizer(source: ByteSource): Promise<StoredAdamWState> {
  const { tensors, step } = await open(source);
  return { step, momentsOf: (name) => readMomentsOf(name, source.name, tensors) };
}

/** The whole state in such a file. @throws WeightError for any other file */
export async function readOptimizer(source: ByteSource): Promise<AdamWState> {
  const { tensors, step } = await open(source);
  return { step, moments: await readMoments(source.name, tensors) };
}

async function open(source: ByteSource): Promise<{ tensors: TensorMap; step: number }> {
  const { tensors, metadata } = await openSafetensors(source);
  if (!metadata.step)
    throw new WeightError(`checkpoint: ${source.name} has no step in its metadata; it was not written by curio train.`);
  return { tensors, step: Number(metadata.step) };
}
