/** @file Checkpoints of a run: the trained weights as a PEFT folder, and the optimizer's moments. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AdamW, StoredAdamWState } from '@curio/engine';
import { encodeOptimizer, encodeTrained, openOptimizer } from '@curio/model';
import type { SqLlava } from '@curio/model';
import type { TensorFormat } from '@curio/nn';
import { fileSource } from '../run/files.ts';

const OPTIMIZER = 'optimizer.safetensors';

/** The files of a checkpoint, without moments if `optimizer` is undefined, as at the end of a run. */
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

/** The optimizer's state in a checkpoint folder; undefined if it has none. */
export async function optimizerOf(folder: string): Promise<StoredAdamWState | undefined> {
  const path = join(folder, OPTIMIZER);
  return existsSync(path) ? openOptimizer({ ...fileSource(path), name: path }) : undefined;
}
