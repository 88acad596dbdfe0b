/** @file A model's tensors as Hugging Face shards them: `model.safetensors`, or numbered files with an index. */
import { byteLength, safetensorsHeader } from '../files/safetensors.ts';
import type { StreamedFile, StreamedTensor } from './streamed.ts';
import { textFile } from './streamed.ts';

export interface ShardOptions {
  /** Bytes of tensors per file; a larger tensor gets a file to itself. Default 5 GB, as in transformers 4. */
  readonly mostBytes?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

const withCompanions = (tensor: StreamedTensor): StreamedTensor[] => [tensor, ...(tensor.companions ?? [])];
const bytesOf = (tensor: StreamedTensor): number =>
  withCompanions(tensor).reduce((sum, each) => sum + byteLength(each), 0);

/** The tensors in one safetensors file. */
export function streamSafetensors(
  name: string,
  tensors: readonly StreamedTensor[],
  metadata?: Readonly<Record<string, string>>,
): StreamedFile {
  const { header, sorted, size } = safetensorsHeader(tensors.flatMap(withCompanions), metadata);
  return {
    name,
    size,
    chunks: async function* () {
      yield header;
      for (const tensor of sorted) yield* tensor.pieces();
    },
  };
}

/** The tensors in order, split into files of at most `mostBytes`, with an index if there are several. */
export function shardSafetensors(
  tensors: readonly StreamedTensor[],
  { mostBytes = 5e9, metadata }: ShardOptions = {},
): StreamedFile[] {
  const shards: StreamedTensor[][] = [];
  let room = 0;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (bytes > room) {
      shards.push([]);
      room = mostBytes;
    }
    shards.at(-1)!.push(tensor);
    room -= bytes;
  }
  if (shards.length <= 1) return [streamSafetensors('model.safetensors', tensors, metadata)];
  const five = (n: number): string => String(n).padStart(5, '0');
  const files = shards.map((shard, i) =>
    streamSafetensors(`model-${five(i + 1)}-of-${five(shards.length)}.safetensors`, shard, metadata),
  );
  const index = {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0) },
    weight_map: Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, files[i]!.name]))),
  };
  return [...files, textFile('model.safetensors.index.json', `${JSON.stringify(index, null, 2)}\n`)];
}
