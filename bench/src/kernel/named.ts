/** @file Resolves a name on the command line to kernels. */
import { opTables } from '@curio/engine/check';
import { kernelNames } from './source.ts';

/**
 * The kernels that `what` names: a folder (`matmul`), a kernel (`matmul/tile`), a prefix of names (`rows/norm`), or an
 * op (`softmax`).
 */
export function kernelsNamed(what: string): string[] {
  const names = kernelNames();
  const found = names.filter((name) => name === what || name.startsWith(`${what}/`) || name.startsWith(`${what}_`));
  if (found.length > 0) return found;
  const table = opTables.find(({ op }) => op === what);
  const used = new Set(
    Object.values(table?.families ?? {}).flatMap((family) => Object.values(family).map(({ kernel }) => kernel.name)),
  );
  return names.filter((name) => used.has(name));
}
