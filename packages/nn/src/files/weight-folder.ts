/**
 * @file Weights in a folder of Hugging Face's layout: safetensors or PyTorch's .bin, in one file or in shards with an
 * index.
 */
import { WeightError } from '@curio/engine';
import { openSafetensors } from './safetensors.ts';
import type { ByteFolder, ByteSource, StoredTensor, TensorMap } from './tensor-file.ts';
import { openTorchFile } from './torch-pickle.ts';

/** Opens a file by its ending. */
const openTensors = async (source: ByteSource): Promise<TensorMap> =>
  source.name.endsWith('.bin') ? openTorchFile(source) : (await openSafetensors(source)).tensors;

/** Opens `<stem>.safetensors`, else `<stem>.bin`; undefined where the folder has neither. */
export async function openWeightFile(folder: ByteFolder, stem: string): Promise<TensorMap | undefined> {
  const source = (await folder.open(`${stem}.safetensors`)) ?? (await folder.open(`${stem}.bin`));
  return source && openTensors(source);
}

const INDICES = ['model.safetensors.index.json', 'pytorch_model.bin.index.json'];

/**
 * Opens a model's weights: `model.safetensors` or `pytorch_model.bin`, or the shards that an index beside them names.
 * @throws WeightError where there are none, a shard is missing, or a shard lacks a tensor that the index promises
 */
export async function openWeightFolder(folder: ByteFolder): Promise<TensorMap> {
  const whole = (await openWeightFile(folder, 'model')) ?? (await openWeightFile(folder, 'pytorch_model'));
  if (whole) return whole;
  for (const name of INDICES) {
    const index = await folder.open(name);
    if (index) return openShards(folder, index);
  }
  throw new WeightError(
    `weights: ${folder.name} has no model.safetensors, pytorch_model.bin or index of shards; one of them must be there.`,
  );
}

async function openShards(folder: ByteFolder, index: ByteSource): Promise<TensorMap> {
  const weightMap = await readWeightMap(index);
  const shards = new Map<string, TensorMap>();
  for (const file of new Set(weightMap.values())) {
    const source = await folder.open(file);
    if (!source) throw new WeightError(`weights: ${index.name}: shard '${file}' not found in ${folder.name}.`);
    shards.set(file, await openTensors(source));
  }
  const tensors = new Map<string, StoredTensor>();
  for (const [name, file] of weightMap) {
    const tensor = shards.get(file)!.get(name);
    if (!tensor)
      throw new WeightError(
        `weights: ${index.name}: tensor '${name}' is promised in '${file}', which has no such tensor.`,
      );
    tensors.set(name, tensor);
  }
  return tensors;
}

async function readWeightMap(index: ByteSource): Promise<Map<string, string>> {
  let parsed: { weight_map?: unknown } | null;
  try {
    parsed = JSON.parse(new TextDecoder().decode(await index.read(0, index.size)));
  } catch (cause) {
    throw new WeightError(`weights: ${index.name}: not JSON (${(cause as Error).message}).`, { cause });
  }
  const map = parsed?.weight_map;
  if (typeof map !== 'object' || map === null || Object.values(map).some((file) => typeof file !== 'string')) {
    throw new WeightError(`weights: ${index.name}: it has no 'weight_map' from tensor names to file names.`);
  }
  return new Map(Object.entries(map as Record<string, string>));
}
