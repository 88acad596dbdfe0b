/** @file Writes the pretrained parts as folders in Hugging Face's layout, in half precision, with their history. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@curio/engine';
import { clipVisionToHf, llamaToHf, preprocessorConfig, PRESETS } from '@curio/model';
import { sceneTokenizerJson } from '@curio/scenes';
import { decodeFloats, encodeFloats, encodeSafetensors } from '@curio/nn';
import type { NamedTensor, TensorMap } from '@curio/nn';
import { writeFolderAtomic } from '../run/files.ts';
import { CLIP_TEXT, IMAGE } from './recipe.ts';
import { openPretrainState } from './state.ts';

/** What a pretraining run logged: the smoothed loss at its end and the last probe. */
export interface PartRecord {
  readonly command: string;
  readonly seed: number;
  readonly steps: number;
  readonly loss: number;
  readonly probe: Readonly<Record<string, number>> | null;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/**
 * Writes `<out>/language` and `<out>/vision` from the states of two runs.
 * @throws ConfigError when a run has no state
 */
export async function writeBase(
  out: string,
  runs: { clip: string; llama: string },
  seed: number,
): Promise<Record<string, PartRecord>> {
  const [clip, llama] = [await stateOf(runs.clip), await stateOf(runs.llama)];
  const { vision, language } = PRESETS.small.model;
  const records = {
    vision: recordOf(runs.clip, 'clip', seed, clip.step),
    language: recordOf(runs.llama, 'llama', seed, llama.step),
  };
  writeFolderAtomic(join(out, 'language'), {
    'config.json': json(llamaToHf(language)),
    'model.safetensors': encodeSafetensors(await halved(llama.weights, () => true)),
    'tokenizer.json': json(sceneTokenizerJson()),
    'training.json': json(records.language),
  });
  writeFolderAtomic(join(out, 'vision'), {
    'config.json': json({
      ...clipVisionToHf(vision),
      text_config: textToHf(),
      projection_dim: CLIP_TEXT.projectionSize,
    }),
    'model.safetensors': encodeSafetensors(await halved(clip.weights, (name) => !name.startsWith('patch_'))),
    'preprocessor_config.json': json(preprocessorConfig(IMAGE)),
    'training.json': json(records.vision),
  });
  return records;
}

async function stateOf(folder: string): Promise<NonNullable<Awaited<ReturnType<typeof openPretrainState>>>> {
  const state = await openPretrainState(folder);
  if (!state)
    throw new ConfigError(
      `base: ${folder} has no state.safetensors; pretrain it first with curio base clip or curio base llama.`,
    );
  return state;
}

async function halved(tensors: TensorMap, keep: (name: string) => boolean): Promise<NamedTensor[]> {
  const chosen = [...tensors].filter(([name]) => keep(name));
  return Promise.all(
    chosen.map(async ([name, stored]) => ({
      name,
      dtype: 'F16' as const,
      shape: stored.shape,
      data: encodeFloats(decodeFloats(await stored.read(), stored.dtype), 'F16'),
    })),
  );
}

interface Logged {
  readonly step: number;
  readonly loss?: number;
  readonly probe?: Record<string, number>;
  /** The base that it started from. */
  readonly start?: string;
}

function recordOf(folder: string, part: string, seed: number, step: number): PartRecord {
  const path = join(folder, 'metrics.jsonl');
  const lines = existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Logged)
    : [];
  const losses = lines.flatMap(({ step: at, loss }) =>
    loss !== undefined && at < step && at >= step - 100 ? [loss] : [],
  );
  const probes = lines.filter((line) => line.probe && line.step <= step);
  const start = lines.find((line) => line.start !== undefined)?.start;
  return {
    command: `npm run curio -- base ${part}${start === undefined ? '' : ` --start ${start}`}`,
    seed,
    steps: step,
    loss: losses.reduce((sum, x) => sum + x, 0) / Math.max(1, losses.length),
    probe: probes.at(-1)?.probe ?? null,
  };
}

const textToHf = (): object => ({
  vocab_size: CLIP_TEXT.vocabSize,
  hidden_size: CLIP_TEXT.hiddenSize,
  intermediate_size: CLIP_TEXT.intermediateSize,
  num_hidden_layers: CLIP_TEXT.numLayers,
  num_attention_heads: CLIP_TEXT.numHeads,
  max_position_embeddings: CLIP_TEXT.maxPositions,
  hidden_act: 'quick_gelu',
  layer_norm_eps: CLIP_TEXT.layerNormEps,
  bos_token_id: 1,
  eos_token_id: 2,
});
