/**
 * @file The model as the built page ships it: without what the page never reads, with the trained part in half
 * precision, and with a name for each file that changes with its bytes, so that caches may keep it forever.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { decodeFloats, encodeFloats, encodeSafetensors, joinBytes, memorySource, openSafetensors } from '@curio/nn';
import type { NamedTensor } from '@curio/nn';

/** `files.json`: where each file is and how many bytes it has, by its name in the model's folders. */
export type Listing = Readonly<Record<string, { readonly file: string; readonly size: number }>>;

export interface PageModel {
  readonly listing: Listing;
  /** By `file` of the listing. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The largest f16. */
const MOST_HALF = 65_504;
/** How a run or a base was made is of no use to the page. */
const UNREAD = /(?:^|\/)(?:training\.json|README\.md)$/;

/** @param paths of the files on disk by their names in the model's folders */
export async function pageModel(paths: ReadonlyMap<string, string>): Promise<PageModel> {
  const read = (name: string): Uint8Array | null => (paths.has(name) ? readFileSync(paths.get(name)!) : null);
  const blocks = blocksOf(read);
  const listing: Record<string, { file: string; size: number }> = {};
  const files = new Map<string, Uint8Array>();
  for (const name of paths.keys()) {
    if (UNREAD.test(name)) continue;
    const bytes = await asBrought(name, read(name)!, blocks);
    const file = hashedName(name, bytes);
    listing[name] = { file, size: bytes.length };
    files.set(file, bytes);
  }
  return { listing, files };
}

/** How many blocks of the image tower run: those up to the layer whose features are taken. */
function blocksOf(read: (name: string) => Uint8Array | null): number {
  const json = (name: string): Record<string, unknown> | null => {
    const bytes = read(name);
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>);
  };
  const run = json('run/config.json') as { model: { vision: { numLayers: number; selectLayer: number } } } | null;
  if (!run) return Number.POSITIVE_INFINITY;
  const { numLayers, selectLayer } = run.model.vision;
  return numLayers + 1 + selectLayer;
}

async function asBrought(name: string, bytes: Uint8Array, blocks: number): Promise<Uint8Array> {
  if (!name.endsWith('.safetensors')) return bytes;
  const isTower = name.startsWith('vision/');
  const { tensors, metadata } = await openSafetensors(memorySource(name, bytes));
  const kept: NamedTensor[] = [];
  for (const [tensor, { dtype, shape, read }] of tensors) {
    if (isTower && !isSeenWith(tensor, blocks)) continue;
    const data = await read();
    const values = name.startsWith('adapter/') && dtype === 'F32' ? decodeFloats(data, dtype) : null;
    if (values?.every((value) => Math.abs(value) <= MOST_HALF))
      kept.push({ name: tensor, dtype: 'F16', shape, data: encodeFloats(values, 'F16') });
    else kept.push({ name: tensor, dtype, shape, data });
  }
  return joinBytes(encodeSafetensors(kept, metadata));
}

/** Whether a tensor of CLIP is in the image tower, up to its last block that runs. */
function isSeenWith(tensor: string, blocks: number): boolean {
  const block = /^vision_model\.encoder\.layers\.(\d+)\./.exec(tensor);
  return block ? Number(block[1]) < blocks : /^vision_model\.(?:embeddings|pre_layrnorm)\./.test(tensor);
}

/** `language/model.safetensors` → `language/model-1f2e3d4c.safetensors`. */
function hashedName(name: string, bytes: Uint8Array): string {
  const { dir, name: stem, ext } = posix.parse(name);
  return posix.join(dir, `${stem}-${createHash('sha256').update(bytes).digest('hex').slice(0, 8)}${ext}`);
}
