/** @file Kernel sources as they are on disk, while they are edited. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KernelSource } from '@curio/engine';
import { piecesOf } from '@curio/engine/check';
import { reflectKernel } from '@curio/kernels/reflect';

/** The folder of all GPU text. */
const KERNELS = fileURLToPath(new URL('../../../kernels/', import.meta.url));

/** The text of a file under kernels/; null if there is none. */
export const readText = (file: string): string | null =>
  existsSync(join(KERNELS, file)) ? readFileSync(join(KERNELS, file), 'utf8') : null;

/** The kernel `a/b`, parsed from kernels/…/b.wgsl. @throws ReflectError with file and line */
export const readKernel = (name: string): KernelSource =>
  reflectKernel(name, readText(`${name}.wgsl`) ?? '', readText) as KernelSource;

/** Whether kernel `name` consists of this file or includes it. */
export const isMadeOf = (name: string, file: string): boolean =>
  file === `${name}.wgsl` || piecesOf(readText(`${name}.wgsl`) ?? '').includes(file);

/** Every kernel by name. */
export const kernelNames = (): string[] =>
  readdirSync(KERNELS, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.wgsl') && !/^(lib|node_modules|test|gen)\//.test(file))
    .map((file) => file.slice(0, -'.wgsl'.length))
    .sort();

const LOOK_MS = 100;

/**
 * Calls `onSave` with the files under kernels/ that changed since the last poll. Polls, since editors replace files and
 * folder watchers lose track of replaced ones.
 */
export function watchTexts(onSave: (files: readonly string[]) => void): void {
  const written = (): Map<string, number> => {
    const files = readdirSync(KERNELS, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.wgsl') && !file.startsWith('node_modules'),
    );
    return new Map(
      files.map((file) => [
        file.replaceAll('\\', '/'),
        statSync(join(KERNELS, file), { throwIfNoEntry: false })?.mtimeMs ?? 0,
      ]),
    );
  };
  let before = written();
  setInterval(() => {
    const now = written();
    const saved = [...now].filter(([file, time]) => before.get(file) !== time).map(([file]) => file);
    before = now;
    if (saved.length > 0) onSave(saved);
  }, LOOK_MS);
}
