/** @file A kernel: reflected WGSL, specialised by substituting the values of its declared tunables. */
import { ReflectError, reflectKernel } from '@curio/kernels/reflect';
import { KernelError } from '../errors.ts';

/** What `npm run codegen` writes into `kernels/gen` for each `.wgsl` file. */
export interface KernelSource {
  /** `softmax/rows` */
  readonly name: string;
  /** `kernels/rows/softmax_naive.wgsl` */
  readonly file: string;
  readonly code: string;
  /** Shared code, appended to `code` so that line numbers stay those of the file. */
  readonly lib: string;
  readonly params: readonly KernelParam[];
  readonly bindings: readonly KernelBinding[];
  readonly tunables: readonly Tunable[];
  readonly entries: { readonly [entry: string]: { readonly bindings: readonly string[] } };
  readonly subgroups: boolean;
  readonly f16: boolean;
}

export interface KernelParam {
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
  readonly offset: number;
}
export interface KernelBinding {
  readonly binding: number;
  readonly name: string;
  readonly type: 'storage' | 'read-only-storage' | 'read-only-texture' | 'uniform';
}
export interface Tunable {
  readonly name: string;
  readonly value: string;
  readonly allowed: readonly string[];
  readonly line: number;
}

/**
 * A kernel of your own, for `defineOp`. Its text is complete WGSL as in this repository's kernels: storage bindings in
 * group 0 (at most 8 an entry), sizes in `struct Params` of at most 16 scalars bound as `var<uniform> params: Params`,
 * tunables on lines `const WG = 64u; // tune: 64u 128u`.
 * @param name used in labels and messages, with `.wgsl` if followed by a line
 * @param readPiece text of a shared piece that the kernel's line `// uses:` names; null where there is none
 * @throws KernelError with file and line where the text breaks these rules; errors that only the compiler detects are
 * thrown by `gpu.prepare` or the first read
 */
export function defineKernel(
  name: string,
  code: string,
  readPiece: (file: string) => string | null = () => null,
): KernelSource {
  try {
    return reflectKernel(name, code, readPiece, `${name}.wgsl`) as KernelSource;
  } catch (error) {
    throw error instanceof ReflectError ? new KernelError(error.message) : error;
  }
}

/** Values for declared tunables: `{ WG: '64u' }`. */
export type Tuning = Readonly<Record<string, string>>;

/**
 * The kernel's text with the tuning's values on the declared lines and the shared code appended. Throws KernelError
 * for an undeclared name or value.
 */
export function specialise(kernel: KernelSource, tuning: Tuning = {}): string {
  const lines = kernel.code.split('\n');
  for (const [name, value] of Object.entries(tuning)) {
    const tunable = kernel.tunables.find((t) => t.name === name);
    if (!tunable)
      throw new KernelError(
        `${kernel.file}: has no tunable ${name}; it declares ${kernel.tunables.map((t) => t.name).join(', ') || 'none'}.`,
      );
    if (!tunable.allowed.includes(value))
      throw new KernelError(`${kernel.file}: tunable ${name} is ${value}; allowed are ${tunable.allowed.join(' ')}.`);
    const index = tunable.line - 1;
    lines[index] = lines[index]!.replace(/=\s*[^;]+;/, `= ${value};`);
  }
  return `${lines.join('\n')}\n${kernel.lib}`;
}

/**
 * The same text with every entry fixed to the subgroup size SG that the kernel declares, for devices that have
 * `subgroup-size-control`. Line numbers do not change.
 */
export const pinSubgroups = (code: string): string =>
  code
    .replace(/^enable subgroups;/m, 'enable subgroups; enable subgroup_size_control;')
    .replace(/@workgroup_size\([^)]*\)/g, '$& @subgroup_size(SG)');

/** `WG=64u S=8u`, the tuning's readable key. */
export const tuningKey = (tuning: Tuning = {}): string =>
  Object.entries(tuning)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

/** Bytes of the kernel's params block, rounded up to 16. */
export const paramBytes = (kernel: KernelSource): number => Math.ceil((4 * kernel.params.length) / 16) * 16;

/** Packs `values` as the kernel's `struct Params`. Throws KernelError when a name is missing or unknown. */
export function packParams(kernel: KernelSource, values: Readonly<Record<string, number>>): ArrayBuffer {
  const block = new ArrayBuffer(paramBytes(kernel));
  const view = new DataView(block);
  for (const { name, type, offset } of kernel.params) {
    const value = values[name];
    if (value === undefined)
      throw new KernelError(
        `${kernel.file}: parameter ${name} was not given; it takes ${kernel.params.map((p) => p.name).join(', ')}.`,
      );
    if (type === 'f32') view.setFloat32(offset, value, true);
    else if (type === 'i32') view.setInt32(offset, value, true);
    else view.setUint32(offset, value, true);
  }
  return block;
}
