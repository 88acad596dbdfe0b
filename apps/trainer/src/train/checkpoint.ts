/** @file Checkpoints of a run: what was trained as a PEFT folder, the optimizer's moments beside it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { WeightError } from '@curio/engine';
import type { AdamW, AdamWState } from '@curio/engine';
import { encodeTrained } from '@curio/model';
import type { SqLlava } from '@curio/model';
import { decodeFloats, encodeSafetensors, openSafetensors } from '@curio/nn';
import type { NamedTensor, TensorFormat } from '@curio/nn';
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

function encodeOptimizer({ step, moments }: AdamWState): Uint8Array[] {
  const tensors: NamedTensor[] = [...moments].flatMap(([name, { first, second }]) => [
    { name: `first.${name}`, dtype: 'F32' as const, shape: [first.length], data: first },
    { name: `second.${name}`, dtype: 'F32' as const, shape: [second.length], data: second },
  ]);
  return encodeSafetensors(tensors, { format: 'pt', step: String(step) });
}

/** The optimizer's state in a checkpoint folder; undefined at the end of a stage. */
export async function readOptimizer(folder: string): Promise<AdamWState | undefined> {
  const path = join(folder, OPTIMIZER);
  if (!existsSync(path)) return undefined;
  const { tensors, metadata } = await openSafetensors(fileSource(path));
  if (!metadata.step)
    throw new WeightError(`checkpoint: ${path} has no step in its metadata; it was not written by curio train.`);
  const floats = async (name: string): Promise<Float32Array<ArrayBuffer>> => {
    const tensor = tensors.get(name);
    if (!tensor) throw new WeightError(`checkpoint: ${path} has no '${name}'; moments come in pairs.`);
    return decodeFloats(await tensor.read(), tensor.dtype) as Float32Array<ArrayBuffer>;
  };
  const names = [...tensors.keys()].flatMap((name) => (name.startsWith('first.') ? [name.slice('first.'.length)] : []));
  const moments = new Map(
    await Promise.all(
      names.map(
        async (name) =>
          [name, { first: await floats(`first.${name}`), second: await floats(`second.${name}`) }] as const,
      ),
    ),
  );
  return { step: Number(metadata.step), moments };
}
