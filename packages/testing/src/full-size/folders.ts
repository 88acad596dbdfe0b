/**
 * @file Folders of a model in its full size, with random values: what `curio train --model` opens, and two samples to
 * train on. All tensors are views of one block of values, so that writing 13.5 GB takes the memory of the largest.
 */
import { ConfigError, openGpu, RandomStream, sizeOf } from '@curio/engine';
import { clipVisionToHf, llamaToHf, preprocessorConfig, SqLlava, CLIP_MEAN, CLIP_STD } from '@curio/model';
import { sceneTokenizerJson } from '@curio/scenes';
import type { ModelConfig } from '@curio/model';
import { encodeSafetensors, floatToHalf, Weights } from '@curio/nn';
import type { NamedTensor } from '@curio/nn';

/** Writes one file, of text or of chunks, under the folder. */
export type WriteFile = (path: string, content: string | Iterable<Uint8Array>) => void;

/** As LLaMA is initialised. */
const STD = 0.02;
/** Values drawn; a prime, so that rows of a tensor do not repeat at its width. */
const DRAWN = 8_388_593;
const ONE = 0x3c00;
const SHARDS = 2;
/** Ids of a caption: with the 576 rows of a picture and the first id, 700 positions. */
const CAPTION = 122;

/** A model with fewer layers of language, given as text. */
export function withLayers(config: ModelConfig, layers: string | undefined): ModelConfig {
  if (layers === undefined) return config;
  const numLayers = Number(layers);
  const most = config.language.numLayers;
  if (!(Number.isInteger(numLayers) && numLayers >= 1 && numLayers <= most))
    throw new ConfigError(`full-size: ${layers} layers are asked for and the preset has ${most}; give 1 to ${most}.`);
  return { ...config, language: { ...config.language, numLayers } };
}

/** The folders `language` and `vision` of a model in f16, and `data.json` with pictures under `images`. */
export async function writeFullSize(config: ModelConfig, seed: number, write: WriteFile): Promise<void> {
  const gpu = await openGpu({ dryRun: true });
  const bare = new SqLlava(new Weights(gpu, { bare: () => 'f16' }), config);
  const parameters = bare.parameters.filter(({ name }) => !/lora_|^projector/.test(name));
  const values = drawBlock(seed, Math.max(...parameters.map(({ size }) => size)) + DRAWN);
  const ones = new Uint16Array(Math.max(config.language.hiddenSize, config.vision.hiddenSize)).fill(ONE);
  let at = 0;
  const tensorsOf = (part: string): NamedTensor[] =>
    parameters
      .filter(({ name }) => name.startsWith(`${part}.`))
      .map(({ name, shape }) => {
        const size = sizeOf(shape);
        at = (at + size + 1009) % DRAWN;
        const isNorm = /norm.*weight$|layrnorm.*weight$/.test(name);
        return {
          name: name.slice(part.length + 1),
          dtype: 'F16',
          shape,
          data: isNorm ? ones.subarray(0, size) : values.subarray(at, at + size),
        };
      });
  const language = tensorsOf('language');
  const total = language.reduce((sum, { data }) => sum + data.byteLength, 0);
  const files: Record<string, string> = {};
  let done = 0;
  const shards: NamedTensor[][] = Array.from({ length: SHARDS }, () => []);
  for (const tensor of language) {
    const shard = Math.min(SHARDS - 1, Math.floor((done * SHARDS) / total));
    shards[shard]!.push(tensor);
    files[tensor.name] = shardName(shard);
    done += tensor.data.byteLength;
  }
  const json = (value: unknown): string => `${JSON.stringify(value)}\n`;
  shards.forEach((tensors, i) => write(`language/${shardName(i)}`, encodeSafetensors(tensors)));
  write('language/model.safetensors.index.json', json({ metadata: { total_size: total }, weight_map: files }));
  write('language/config.json', json(llamaToHf(config.language)));
  write('language/tokenizer.json', json(sceneTokenizerJson()));
  write('vision/model.safetensors', encodeSafetensors(tensorsOf('vision')));
  write('vision/config.json', json(clipVisionToHf(config.vision)));
  const image = { size: config.vision.imageSize, mean: CLIP_MEAN, std: CLIP_STD, mode: 'pad' as const };
  write('vision/preprocessor_config.json', json(preprocessorConfig(image)));
  const samples = Array.from({ length: 2 }, (_, i) => ({
    id: `${i}`,
    image: `${i}.ppm`,
    conversations: [
      { from: 'human', value: '<image>' },
      { from: 'gpt', value: Array.from({ length: CAPTION }, (_, k) => (k % 3 ? 'red' : 'blue')).join(' ') },
    ],
  }));
  write('data.json', json(samples));
  for (const { image: name } of samples) write(`images/${name}`, [noisePicture(64, new RandomStream(seed, 1, 2))]);
  gpu.close();
}

const shardName = (i: number): string =>
  `model-${String(i + 1).padStart(5, '0')}-of-${String(SHARDS).padStart(5, '0')}.safetensors`;

/** `length` halves of standard deviation STD: DRAWN of them, again and again. */
function drawBlock(seed: number, length: number): Uint16Array {
  const random = new RandomStream(seed, 0, 1);
  const block = new Uint16Array(length);
  block.set(floatToHalf(Float32Array.from({ length: DRAWN }, () => STD * random.normal())));
  for (let filled = DRAWN; filled < length; filled *= 2) block.copyWithin(filled, 0, Math.min(filled, length - filled));
  return block;
}

function noisePicture(side: number, random: RandomStream): Uint8Array {
  const header = new TextEncoder().encode(`P6 ${side} ${side} 255\n`);
  const out = new Uint8Array(header.length + 3 * side * side);
  out.set(header);
  for (let i = header.length; i < out.length; i++) out[i] = random.integer(256);
  return out;
}
