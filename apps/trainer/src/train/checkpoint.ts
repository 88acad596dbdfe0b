/** @file Checkpoints of a run: what was trained as a PEFT folder, the optimizer's moments beside it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WeightError } from '@curio/engine';
import type { AdamW, AdamWState } from '@curio/engine';
import { encodeTrained } from '@curio/model';
import type { SqLlava } from '@curio/model';
import { encodeSafetensors, openSafetensors } from '@curio/nn';
import type { TensorFormat } from '@curio/nn';
import { fileSource } from '../run/files.ts';
import { momentTensors, readMoments } from './moment-tensors.ts';

const OPTIMIZER = 'optimizer.safetensors';

/** The files of a checkpoint. `optimizer` is left out at the end of a stage. */
export async function checkpointFiles(
  model: SqLlava,
  base: { language: string; vision: string },
  format: TensorFormat,
  optimizer?: AdamW,
): Promise<Record<string, Uint8Array[]>> {
  const trained = await encodeTrained(model, base, format);
  const files = Object.fromEntries(Object.entries(trained).map(([name, content]) => [`adapter/${name}`, content]));
  return optimizer ? { ...files, [OPTIMIZER]: encodeOptimizer(await optimizer.readState()) } : files;
}

/** The file of an optimizer's state. */
export function encodeOptimizer({ step, moments }: AdamWState): Uint8Array[] {
  return encodeSafetensors(momentTensors(moments), { format: 'pt', step: String(step) });
}

/** The optimizer's state in a checkpoint folder; undefined at the end of a stage. */
export async function readOptimizer(folder: string): Promise<AdamWState | undefined> {
  const path = join(folder, OPTIMIZER);
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = await openSafetensors(fileSource(path));
  if (!metadata.step)
    throw new WeightError(`checkpoint: ${path} has no step in its metadata; it was not written by curio train.`);
  return { step: Number(metadata.step), moments: await readMoments(path, tensors) };
}
