// Where Curio keeps what it unpacks: the user's own cache, never the system. Plain Node, so it runs before anything is
// installed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/**
 * The folder for unpacked drivers and browsers; in the temporary folder where the home is missing or read-only.
 * @returns {string}
 */
export function cacheFolder() {
  const wanted = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'curio');
  const fallback = path.join(os.tmpdir(), `curio-${process.getuid?.() ?? 'user'}`);
  for (const folder of [wanted, fallback]) {
    try {
      fs.mkdirSync(folder, { recursive: true });
      fs.accessSync(folder, fs.constants.W_OK);
      return folder;
    } catch {
      // not writable: the next one
    }
  }
  throw new Error(`cache: neither ${wanted} nor ${fallback} can be written; set XDG_CACHE_HOME to a folder of yours.`);
}

/**
 * Fills `name` in the cache once: `fill` writes into a temporary folder that is renamed when it is complete, so a
 * killed or a second process never leaves or sees half of it.
 * @param {string} name
 * @param {(folder: string, finalFolder: string) => boolean} fill returns false when it could not be done
 * @returns {string | null} the filled folder
 */
export function fillOnce(name, fill) {
  const folder = path.join(cacheFolder(), name);
  if (fs.existsSync(folder)) return folder;
  const part = `${folder}.part-${process.pid}`;
  fs.mkdirSync(part, { recursive: true });
  try {
    if (!fill(part, folder)) return null;
    try {
      fs.renameSync(part, folder);
    } catch (error) {
      if (!fs.existsSync(folder)) throw error; // another process was quicker
    }
    return folder;
  } finally {
    fs.rmSync(part, { recursive: true, force: true });
  }
}

/**
 * Unpacks a brotli-compressed tar archive (regular files, folders and links) into a folder.
 * @param {string} archive @param {string} folder @param {(name: string) => boolean} [wanted]
 */
export function unpackTarBrotli(archive, folder, wanted = () => true) {
  const tar = brotliDecompressSync(fs.readFileSync(archive));
  let offset = 0;
  while (offset + 512 <= tar.length) {
    const field = (/** @type {number} */ at, /** @type {number} */ length) =>
      tar.toString('utf8', offset + at, offset + at + length).replace(/\0.*$/s, '');
    if (!field(0, 100)) break;
    const size = parseInt(field(124, 12), 8) || 0;
    const name = path.join(field(345, 155), field(0, 100));
    const file = path.join(folder, name);
    const kind = field(156, 1);
    if (wanted(name)) {
      if (kind === '5') fs.mkdirSync(file, { recursive: true });
      else {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        if (kind === '2') fs.symlinkSync(field(157, 100), file);
        else if (kind === '0' || kind === '') {
          fs.writeFileSync(file, tar.subarray(offset + 512, offset + 512 + size), {
            mode: parseInt(field(100, 8), 8) || 0o644,
          });
        }
      }
    }
    offset += 512 + Math.ceil(size / 512) * 512;
  }
}
