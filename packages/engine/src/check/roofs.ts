/** @file A device's peak rates, of a copy and of multiply-adds, which kernels are compared with. */
import { roofMultiplyAdd } from '@curio/kernels/roof_multiply_add';
import type { Gpu } from '../gpu/gpu.ts';
import type { KernelSource } from '../gpu/kernel/kernel.ts';

/** Work at full rate, recorded once at each call. */
export interface RoofRun {
  readonly flops?: number;
  readonly bytes?: number;
  readonly record: () => void;
  /** Frees its buffers. */
  readonly close: () => void;
}

/** Copies `size` bytes on the device, which moves twice as many. */
export function copyRoof(gpu: Gpu, size: number): RoofRun {
  const blocks = [gpu.memory.acquire(size), gpu.memory.acquire(size)] as const;
  const [from, to] = blocks.map((block) => ({ block, offset: 0, bytes: size })) as [never, never];
  return {
    bytes: 2 * size,
    record: () => gpu.stream.copy(from, to, size),
    close: () => blocks.forEach((block) => gpu.memory.release(block)),
  };
}

/** The kernel's own numbers: eight chains of vectors of four, two operations each. */
const OPERATIONS = 8 * 4 * 2;
const WG = 256;

/** Multiply-adds of f32 in registers: `groups` workgroups, each lane `steps` times round, 64 or 1024. */
export function multiplyAddRoof(gpu: Gpu, groups: number, steps: 64 | 1024): RoofRun {
  const bytes = 4 * groups * WG;
  const block = gpu.memory.acquire(bytes);
  const kernel: KernelSource = roofMultiplyAdd;
  return {
    flops: groups * WG * steps * OPERATIONS,
    record: () =>
      gpu.dispatch(kernel, 'forward', {
        buffers: { y: { block, offset: 0, bytes } },
        params: { a: 0.999, b: 0.001 },
        grid: [groups, 1, 1],
        tuning: { STEPS: `${steps}u` },
        op: 'roof',
      }),
    close: () => gpu.memory.release(block),
  };
}
