/**
 * @file A model with its adapters merged in, as Hugging Face folders: the language model with LLaVA's keys and the
 * projector among its tensors, and the image tower in a folder inside it. docs/sq-llava.md 4.7.
 *
 *     config.json                                     LLaMA's and LLaVA's keys
 *     generation_config.json, tokenizer.model, …      copied from the base
 *     model-00001-of-00003.safetensors, …             model.layers.…, lm_head.weight, model.mm_projector.…
 *     vision_tower/config.json, model.safetensors     vision_model.…
 *     vision_tower/preprocessor_config.json           copied from the tower
 */
import { copiedFile, shardSafetensors, textFile } from '@curio/nn';
import type { ByteFolder, StreamedFile } from '@curio/nn';
import { clipVisionToHf, llamaToHf } from './hf-config.ts';
import { llavaToHf } from './llava-config.ts';
import { mergedModel } from './merged-model.ts';
import type { MergeDevices, MergedModel } from './merged-model.ts';
import type { FolderConfig, ModelFiles } from './model-config.ts';

/** Folder of the image tower in it. */
export const TOWER_FOLDER = 'vision_tower';

/** Files copied from the base unchanged. */
const COPIED = [
  'generation_config.json',
  'tokenizer.model',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];

export interface MergeOptions extends MergeDevices {
  readonly storage: 'f32' | 'f16' | 'bf16';
  /** Maximum bytes of a file of weights. Default as in `shardSafetensors`. */
  readonly mostBytes?: number;
}

export interface MergedFolder extends Pick<MergedModel, 'lines'> {
  readonly files: readonly StreamedFile[];
  /** Matrices that have a branch. */
  readonly merged: number;
}

const DTYPES = { f32: ['F32', 'float32'], f16: ['F16', 'float16'], bf16: ['BF16', 'bfloat16'] } as const;

/**
 * The files of the merged model; their bytes are computed as they are written.
 * @throws as `mergedModel`
 */
export async function mergedFolder(
  found: FolderConfig,
  files: ModelFiles,
  { storage, mostBytes, ...devices }: MergeOptions,
): Promise<MergedFolder> {
  const { model: config, saysTemplate, imageAspect } = found;
  const [dtype, name] = DTYPES[storage];
  const { language, tower, projector, merged, lines } = await mergedModel(found, files, () => dtype, devices);
  const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  const { chat_template_name, ...llava } = llavaToHf(config, TOWER_FOLDER);
  const about = {
    ...llamaToHf(config.language),
    ...llava,
    ...(saysTemplate && { chat_template_name }),
    image_aspect_ratio: imageAspect === 'crop' ? 'square' : imageAspect,
    architectures: ['LlavaLlamaForCausalLM'],
    model_type: 'llava',
    torch_dtype: name,
  };
  return {
    files: [
      textFile('config.json', json(about)),
      textFile(`${TOWER_FOLDER}/config.json`, json({ ...clipVisionToHf(config.vision), torch_dtype: name })),
      ...(await copiedFiles(files.language, files.vision)),
      ...shardSafetensors([...language, ...projector], { mostBytes }),
      ...shardSafetensors(tower, { mostBytes }).map((file) => ({ ...file, name: `${TOWER_FOLDER}/${file.name}` })),
    ],
    merged: merged.language + merged.tower,
    lines,
  };
}

/** The files that are copied beside the weights. */
export async function copiedFiles(language: ByteFolder, vision: ByteFolder | null): Promise<StreamedFile[]> {
  const copied = await Promise.all([
    ...COPIED.map((file) => copiedFile(language, file)),
    vision && copiedFile(vision, 'preprocessor_config.json', `${TOWER_FOLDER}/preprocessor_config.json`),
  ]);
  return copied.filter((file) => file !== undefined && file !== null);
}
