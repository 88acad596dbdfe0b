/** @file The files of a repository that are needed to open a model: settings, tokenizer, and weights in one format. */
import type { Listing, RepoFile } from './listing.ts';
import { HubError } from './request.ts';

const SETTINGS = [
  'config.json',
  'adapter_config.json',
  'generation_config.json',
  'preprocessor_config.json',
  'tokenizer.model',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];

/** From each row the first that exists, in the order in which they are opened. */
const WEIGHTS = [
  ['model.safetensors', 'model.safetensors.index.json', 'pytorch_model.bin', 'pytorch_model.bin.index.json'],
  ...['adapter_model', 'non_lora_trainables', 'mm_projector'].map((stem) => [`${stem}.safetensors`, `${stem}.bin`]),
];

/**
 * @param readJson reads a file that the rest depends on: `config.json`, or an index of shards
 * @throws HubError where an index names a shard that the repository lacks, or there is nothing to open
 */
export async function neededFiles(
  { files }: Listing,
  name: string,
  weights: boolean,
  readJson: (file: RepoFile) => Promise<unknown>,
): Promise<RepoFile[]> {
  const config = files.get('config.json');
  const settings = (config && (await readJson(config))) as { mm_vision_tower?: unknown } | null | undefined;
  const tower = `${settings?.mm_vision_tower}/`; // in a merged model
  const inside = files.has(`${tower}config.json`) ? [tower] : [];
  const needed: RepoFile[] = [];
  for (const folder of ['', 'Vit-lora/', ...inside]) {
    const present = (file: string): RepoFile | undefined => files.get(folder + file);
    needed.push(...SETTINGS.flatMap((file) => present(file) ?? []));
    if (!weights) continue;
    for (const kinds of WEIGHTS) {
      const first = kinds.flatMap((file) => present(file) ?? [])[0];
      if (!first) continue;
      needed.push(first);
      if (!first.path.endsWith('.index.json')) continue;
      const index = (await readJson(first)) as { weight_map?: object } | null;
      for (const shard of new Set(Object.values(index?.weight_map ?? {}))) {
        const file = present(String(shard));
        if (!file)
          throw new HubError(
            `${name}: ${first.path} names the shard '${shard}', which the repository does not have`,
            'ask its owner, or give another revision',
          );
        needed.push(file);
      }
    }
  }
  if (needed.length === 0)
    throw new HubError(
      `${name} has no config.json, adapter or weights among its ${files.size} files`,
      'give a repository in Hugging Face layout',
    );
  return needed;
}
