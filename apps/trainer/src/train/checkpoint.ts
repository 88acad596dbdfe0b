/** @file Checkpoints of a run: what was trained as a PEFT folder, the optimizer's moments beside it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AdamW, AdamWState } from '@curio/engine';
import { encodeOptimizer, encodeTrained, readOptimizer } from '@curio/model';
import type { SqLlava } from '@curio/model';
import type { TensorFormat } from '@curio/nn';
import { fileSource } from '../run/files.ts';

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

/** The optimizer's state in a checkpoint folder; undefined at the end of a stage. */
export async function optimizerOf(folder: string): Promise<AdamWState | undefined> {
  const path = join(folder, OPTIMIZER);
  return existsSync(path) ? readOptimizer({ ...fileSource(path), name: path }) : undefined;
}
