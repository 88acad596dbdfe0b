/**
 * @file A model's folders with their matrices quantised once, so that they open as fast as they can be read. The
 * image tower is in `vision_tower` inside, as in a merged folder; `quantization_config` describes the numbers.
 */
import { ConfigError } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { openWeightFolder, quantisedMetadata, quantisedTensor, shardSafetensors, textFile, unchanged } from '@curio/nn';
import type { ByteFolder, QuantisedStorage, StreamedFile, TensorMap } from '@curio/nn';
import { FOREIGN, PLAIN, towerTensors } from '../checkpoint.ts';
import { clipVisionFromHf, llamaFromHf, quantisationOf } from './hf-config.ts';
import type { Json } from './hf-config.ts';
import { copiedFiles, TOWER_FOLDER } from './merged-folder.ts';
import { requireConfigFile } from './model-config.ts';

export interface QuantiseOptions {
  /** Quantises a matrix at a time. */
  readonly gpu: Gpu;
  readonly storage: QuantisedStorage;
  /** Maximum bytes of a file of weights. Default as in `shardSafetensors`. */
  readonly mostBytes?: number;
}

/**
 * The files of the quantised model; their bytes are computed as they are written, as `openModel` would compute them on
 * the device. A projector keeps its numbers.
 * @param files the language model or a merged model, and the tower that belongs to it, if any
 * @throws ConfigError for a model that cannot be opened, or is quantised already
 */
export async function quantisedFolder(
  { language, vision }: { readonly language: ByteFolder; readonly vision: ByteFolder | null },
  { gpu, storage, mostBytes }: QuantiseOptions,
): Promise<StreamedFile[]> {
  const configOf = async (folder: ByteFolder, read: (json: Json, where: string) => unknown): Promise<Json> => {
    const json = await requireConfigFile(folder);
    const where = `${folder.name}/config.json`;
    read(json, where);
    if (json.quantization_config)
      throw new ConfigError(`convert: ${where} is quantised already; convert the model that it was made from.`);
    return { ...json, quantization_config: quantisationOf(storage) };
  };
  const weights = (tensors: TensorMap, isBase: (name: string) => boolean): StreamedFile[] => {
    const streamed = [...tensors].map(([name, stored]) =>
      stored.shape.length === 2 && isBase(name) ? quantisedTensor(gpu, name, stored, storage) : unchanged(name, stored),
    );
    return shardSafetensors(streamed, { mostBytes, metadata: quantisedMetadata(storage) });
  };
  const config = await configOf(language, llamaFromHf);
  const inside = { ...config, ...(vision && { mm_vision_tower: TOWER_FOLDER }) };
  const json = (name: string, value: Json): StreamedFile => textFile(name, `${JSON.stringify(value, null, 2)}\n`);
  const files = [
    json('config.json', inside),
    ...(await copiedFiles(language, vision)),
    ...weights(
      new Map([...(await openWeightFolder(language))].filter(([name]) => !/rotary_emb|vision_tower/.test(name))),
      (name) => !FOREIGN.test(name),
    ),
  ];
  if (!vision) return files;
  const tower = new Map(
    [...towerTensors(await openWeightFolder(vision))].filter(([name]) => /^vision_model\./.test(name)),
  );
  return [
    ...files,
    json(`${TOWER_FOLDER}/config.json`, await configOf(vision, clipVisionFromHf)),
    ...weights(tower, (name) => !PLAIN.test(name)).map((file) => ({ ...file, name: `${TOWER_FOLDER}/${file.name}` })),
  ];
}
