/** @file Kernel texts as they are on disk now, while they are edited. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KernelSource } from '@curio/engine';
import { reflectKernel } from '@curio/kernels/reflect';

/** The folder of all GPU text. */
const KERNELS = fileURLToPath(new URL('../../../kernels/', import.meta.url));

const readText = (file: string): string | null =>
  existsSync(join(KERNELS, file)) ? readFileSync(join(KERNELS, file), 'utf8') : null;

/** Names of the shared pieces that a kernel's head asks for. */
const piecesOf = (code: string): string[] =>
  (/^\/\/ uses: *(.*)$/m.exec(code)?.[1] ?? '')
    .split(',')
    .map((piece) => piece.trim().replace(/\.$/, ''))
    .filter(Boolean);

/** The kernel `a/b` as kernels/…/b.wgsl says it now. @throws ReflectError with file and line where it does not read */
export const readKernel = (name: string): KernelSource =>
  reflectKernel(name, readText(`${name}.wgsl`) ?? '', readText) as KernelSource;

/** Whether the text of kernel `name` is made of this file, itself or a shared piece. */
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
 * Calls `onSave` with the files below kernels/ that were written since the last look. Files are looked at, since
 * editors replace them and watchers of a folder lose what was replaced.
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

/**
 * A compiler's `kernels/…/b.wgsl:120:3 …`, where line 120 lies in a shared piece behind the file's own text, with the
 * piece's own file and line.
 * @param readPiece text of a shared piece
 */
export function atPiece(
  message: string,
  kernel: Pick<KernelSource, 'file' | 'code'>,
  readPiece: (file: string) => string | null = readText,
): string {
  const match = /^(\S+\.wgsl):(\d+)(:\d+ .*)$/s.exec(message);
  if (!match || match[1] !== kernel.file) return message;
  let line = Number(match[2]) - kernel.code.split('\n').length;
  if (line <= 0) return message;
  for (const piece of piecesOf(kernel.code)) {
    const lines = (readPiece(piece) ?? '').split('\n').length;
    if (line <= lines) return `kernels/${piece}:${line}${match[3]}`;
    line -= lines;
  }
  return message;
}
