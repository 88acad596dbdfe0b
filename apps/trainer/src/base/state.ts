/**
 * @file The state of a pretraining run: weights, optimizer and step in one file, written atomically, so that it can be
 * stopped at any time.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AdamW, AdamWState, Parameter } from '@curio/engine';
import { momentTensors, readMoments } from '@curio/model';
import { encodeSafetensors, openSafetensors } from '@curio/nn';
import type { NamedTensor, TensorMap } from '@curio/nn';
import { fileSource, writeAtomic } from '../run/files.ts';

export interface PretrainState {
  /** Steps done. */
  readonly step: number;
  readonly weights: TensorMap;
  readonly optimizer: AdamWState;
}

const FILE = 'state.safetensors';
const MOMENTS = ['m', 'v'] as const;

/** Writes the state of a run into its folder. */
export async function savePretrainState(
  folder: string,
  step: number,
  parameters: readonly Parameter[],
  optimizer: AdamW,
): Promise<void> {
  const { step: updates, moments } = await optimizer.readState();
  const tensors: NamedTensor[] = [];
  for (const parameter of parameters)
    tensors.push({
      name: `weights.${parameter.name}`,
      dtype: 'F32',
      shape: parameter.shape,
      data: (await parameter.read()) as Float32Array,
    });
  tensors.push(...momentTensors(moments, MOMENTS));
  writeAtomic(
    join(folder, FILE),
    encodeSafetensors(tensors, { format: 'pt', step: String(step), updates: String(updates) }),
  );
}

/** The state in a run's folder, or null if it has none. */
export async function openPretrainState(folder: string): Promise<PretrainState | null> {
  const path = join(folder, FILE);
  if (!existsSync(path)) return null;
  const { tensors, metadata } = await openSafetensors(fileSource(path));
  const weights = new Map(
    [...tensors].flatMap(([name, tensor]) =>
      name.startsWith('weights.') ? [[name.slice('weights.'.length), tensor] as const] : [],
    ),
  );
  const moments = await readMoments(path, tensors, MOMENTS);
  return { step: Number(metadata.step), weights, optimizer: { step: Number(metadata.updates), moments } };
}
