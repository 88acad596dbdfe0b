/** Lets an adapter without matrix units compute in attention what they would. */
import { attentionBackwardMatrix } from '@curio/kernels/attention_backward_matrix';
import { attentionForwardMatrix } from '@curio/kernels/attention_forward_matrix';
import type { Gpu } from '../src/index.ts';
import type { KernelSource } from '../src/gpu/kernel/kernel.ts';
import { emulateMatrices, SIDE } from './emulated-matrices.ts';

/** Each with the functions that read what a matrix was stored to. */
const KERNELS: readonly (readonly [KernelSource, readonly string[]])[] = [
  [attentionForwardMatrix, ['scale_pair', 'write_pair']],
  [attentionBackwardMatrix, ['write_dq', 'write_dk', 'write_dv']],
];

/** Whether all lanes that share a matrix are one subgroup, and tiles of f16 can be as small as they are. */
export const canEmulateAttention = ({ adapter: { subgroupSize: size, features } }: Gpu): boolean =>
  features.includes('shader-f16') && size?.min === size?.max && (size?.min === SIDE || size?.min === 2 * SIDE);

/**
 * A barrier carries out commands only where some stand between it and the one before in the text: each place where it
 * does is compiled anew. Commands of the end of a loop wait for the next such barrier, in their order.
 */
function withFewerCopies(text: string): string {
  const isCommand = /\b(?:clear|load|store|multiply_accumulate|multiply_rows|write_\w+|scale_pair)\(/;
  const parts = text.split(/carry_out\(\); (?=.*\bworkgroup)/);
  return parts.reduce((all, part, i) => `${all}${isCommand.test(parts[i - 1]!) ? 'carry_out(); ' : ''}${part}`);
}

/** Its tiles stay f16, since the device has no memory for others. */
function emulated(kernel: KernelSource, deferred: readonly string[]): KernelSource {
  const { code, lib, entries, ...rest } = emulateMatrices(kernel, { deferred, words: 768 });
  // One loop carries out what is deferred in any of them, so each binds what all do.
  const bindings = [...new Set(Object.values(entries).flatMap((entry) => entry.bindings))];
  const withHalves = (text: string): string =>
    withFewerCopies(text)
      .replaceAll(/(var<workgroup> \w+: array<)vec4f/g, '$1vec4<f16>')
      .replaceAll(/\b((?:rows|tile|weights)\[.*?\]) = (.*);/g, '$1 = vec4<f16>($2);')
      .replaceAll(/return ((?:rows|tile|weights)\[.*\]);/g, 'return f32($1);')
      .replaceAll(/alias (\w+) = subgroup_matrix_.*/g, 'alias $1 = u32;');
  return {
    ...rest,
    entries: Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, { ...entry, bindings }])),
    code: `enable f16;${withHalves(code)}`,
    lib: withHalves(lib),
  };
}

/**
 * Replaces attention's kernels for matrix units.
 * @param edit of their text, to see whether an error is found
 */
export function replaceAttention(gpu: Gpu, edit = (text: string): string => text): void {
  for (const [kernel, deferred] of KERNELS)
    gpu.kernels.replacements.useKernel(kernel, emulated({ ...kernel, lib: edit(kernel.lib) }, deferred));
}

/** Lets `gpu` report matrix units of 8 by 8 by 8, compute in attention what they would, and use them. */
export function emulateAttention(gpu: Gpu): void {
  (gpu.adapter as { subgroupMatrix: object | null }).subgroupMatrix = { M: SIDE, N: SIDE, K: SIDE };
  replaceAttention(gpu);
  gpu.kernels.enableHalfProducts();
}
