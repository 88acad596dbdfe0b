/// <reference types="vite/client" />
/** @file The text of every kernel as in the repository, including comments. */
import type { Texts } from './messages.ts';

const files = import.meta.glob<string>('../../../../kernels/*/*.wgsl', {
  query: '?raw',
  import: 'default',
  eager: true,
});

export const texts: Texts = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.split('/kernels/')[1]!, text]),
);

/** By name, `rows/softmax_naive`, in order. */
export const kernelNames: readonly string[] = Object.keys(texts)
  .filter((file) => !file.startsWith('lib/') && !file.startsWith('test/'))
  .map((file) => file.slice(0, -'.wgsl'.length))
  .sort();

/** Curio's own text of a kernel. */
export const ownText = (kernel: string): string => texts[`${kernel}.wgsl`]!;
