/**
 * @file Weights in a folder with Hugging Face's layout: safetensors or PyTorch's .bin, in one file or in shards with an
 * index.
 */
import { WeightError } from '@curio/engine';
import { isObject, MOST_JSON, parseJson } from './json.ts';
import { openSafetensors } from './safetensors.ts';
import { shownText } from './shown.ts';
import { readExactly, type ByteFolder, type ByteSource, type StoredTensor, type TensorMap } from './tensor-file.ts';

/** Opens a file of tensors by its extension; the reader for `.bin` is loaded only when needed. */
export async function openTensorFile(source: ByteSource): Promise<TensorMap> {
  if (!source.name.endsWith('.bin')) return (await openSafetensors(source)).tensors;
  const { openTorchFile } = await import('./torch-pickle.ts');
  return openTorchFile(source);
}

/** Opens `<stem>.safetensors`, else `<stem>.bin`; undefined if the folder has neither. */
export async function openWeightFile(folder: ByteFolder, stem: string): Promise<TensorMap | undefined> {
  const source = (await folder.open(`${stem}.safetensors`)) ?? (await folder.open(`${stem}.bin`));
  return source && openTensorFile(source);
}

/** In the order of transformers: if there are several formats, the first is used. */
const LAYOUTS = [
  { file: 'model.safetensors', index: 'model.safetensors.index.json' },
  { file: 'pytorch_model.bin', index: 'pytorch_model.bin.index.json' },
];

/**
 * Opens a model's weights: `model.safetensors` or the shards that an index beside it names, else `pytorch_model.bin` or
 * its shards.
 * @throws WeightError if there are none, a shard is missing or outside the folder, a shard lacks a tensor that the
 * index lists, or two shards hold one that it does not list
 */
export async function openWeightFolder(folder: ByteFolder): Promise<TensorMap> {
  for (const { file, index } of LAYOUTS) {
    const whole = await folder.open(file);
    if (whole) return openTensorFile(whole);
    const shards = await folder.open(index);
    if (shards) return openShards(folder, shards);
  }
  throw new WeightError(
    `weights: ${folder.name} has no model.safetensors, pytorch_model.bin or index of shards; one of them must be there.`,
  );
}

async function openShards(folder: ByteFolder, index: ByteSource): Promise<TensorMap> {
  const fail = (what: string): never => {
    throw new WeightError(`weights: ${index.name}: ${what}`);
  };
  const weightMap = await readWeightMap(index, fail);
  const shards = new Map<string, TensorMap>();
  for (const file of new Set(weightMap.values())) {
    if (!/^[^/\\:\p{Cc}]+\.(safetensors|bin)$/u.test(file))
      fail(`'${shownText(file)}' is not the name of a shard; a .safetensors or .bin file beside the index is needed.`);
    const source = await folder.open(file);
    if (!source) return fail(`shard '${shownText(file)}' not found in ${folder.name}.`);
    shards.set(file, await openTensorFile(source));
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, file] of weightMap) {
    const tensor = shards.get(file)!.get(name);
    if (!tensor)
      return fail(`tensor '${shownText(name)}' is listed in '${shownText(file)}', which has no such tensor.`);
    tensors.set(name, tensor);
  }
  // Tensors that a shard holds beyond the index are included, as in transformers, and appear in reports as unused.
  for (const [file, shard] of shards) {
    for (const [name, tensor] of shard) {
      if (weightMap.has(name)) continue;
      const other = tensors.get(name);
      if (other)
        fail(
          `tensor '${shownText(name)}' is in both '${other.file}' and '${shownText(file)}'; the index must list one of them.`,
        );
      tensors.set(name, tensor);
    }
  }
  return tensors;
}

async function readWeightMap(index: ByteSource, fail: (what: string) => never): Promise<Map<string, string>> {
  if (index.size > MOST_JSON) fail(`it has ${index.size} bytes; at most ${MOST_JSON} are read.`);
  const parsed = parseJson(await readExactly(index, 0, index.size), (what) => fail(`it ${what}.`));
  const map = isObject(parsed) ? parsed.weight_map : undefined;
  if (!isObject(map) || Object.values(map).some((file) => typeof file !== 'string'))
    return fail(`it has no 'weight_map' from tensor names to file names.`);
  return new Map(Object.entries(map) as [string, string][]);
}
