/** @file An adapter as a zip of a PEFT folder; unpacked, `curio ask --adapter` reads it. */
import { joinBytes } from '@curio/nn';

/** An adapter folder's files by path. */
export type AdapterFiles = Readonly<Record<string, Uint8Array>>;

/** A file that is not an adapter; the message continues the sentence that the file's name begins. */
export class AdapterFileError extends Error {
  override readonly name = 'AdapterFileError';
}

/** The folder inside the zip. */
export const FOLDER = 'curio-adapter';
/** Bytes of all files together; the small model's are 1.2 MB. */
const MOST_BYTES = 64e6;
const KNOWN =
  /(?:^|\/)((?:Vit-lora\/)?adapter_(?:config\.json|model\.(?:safetensors|bin))|config\.json|non_lora_trainables\.(?:safetensors|bin))$/;

export const joined = (files: Readonly<Record<string, Uint8Array[]>>): AdapterFiles =>
  Object.fromEntries(Object.entries(files).map(([name, chunks]) => [name, joinBytes(chunks)]));

export async function packAdapter(files: AdapterFiles): Promise<Blob> {
  const { zipSync } = await import('fflate');
  const entries = Object.entries(files).map(([name, bytes]) => [`${FOLDER}/${name}`, bytes] as const);
  return new Blob([zipSync(Object.fromEntries(entries)) as BlobPart], { type: 'application/zip' });
}

/** @throws {AdapterFileError} */
export async function unpackAdapter(file: Blob): Promise<AdapterFiles> {
  const { unzipSync } = await import('fflate');
  if (file.size > MOST_BYTES) throw new AdapterFileError(`has ${Math.round(file.size / 1e6)} MB, more than an adapter`);
  let bytes = 0;
  const isWanted = ({ name, originalSize }: { name: string; originalSize: number }): boolean =>
    KNOWN.test(name) && (bytes += originalSize) <= MOST_BYTES;
  let unpacked: Record<string, Uint8Array>;
  try {
    unpacked = unzipSync(new Uint8Array(await file.arrayBuffer()), { filter: isWanted });
  } catch {
    throw new AdapterFileError('is not a zip file, or it is damaged');
  }
  if (bytes > MOST_BYTES) throw new AdapterFileError(`unpacks to more than ${MOST_BYTES / 1e6} MB`);
  const files = Object.fromEntries(Object.entries(unpacked).map(([name, data]) => [KNOWN.exec(name)![1]!, data]));
  if (!files['adapter_config.json']) throw new AdapterFileError('holds no adapter_config.json');
  return files;
}
