/** @file What is asked of the compiling process, and what it answers. */
import type { Tuning } from '@curio/engine';
import type { MachineCode } from './machine-code.ts';
import type { SpirvCounts } from './spirv.ts';

export interface Request {
  /** Kernels by name. */
  readonly kernels: readonly string[];
  /** That entry alone. */
  readonly entry?: string;
  /** Values of tunables, in all their combinations, on top of each tuning that GPUs ask for. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** Further toggles of Dawn, such as `disable_robustness`: what its guards cost. */
  readonly toggles: readonly string[];
  /** Whether the machine code comes with the answer. */
  readonly withText: boolean;
}

/** Whose text: the file's as it is now, or, where that differs, what npm run codegen wrote last. */
export type Version = 'now' | 'committed';

export interface Compiled {
  /** `matmul/block:multiply ROWS=64u`, with the values that differ from the file's own. */
  readonly label: string;
  readonly kernel: string;
  readonly entry: string;
  readonly tuning: Tuning;
  readonly version: Version;
  /** GPUs that ask for it; empty where none does and the file's own values were taken. */
  readonly askedBy: readonly string[];
  /** Lanes of a subgroup that the text is written for; null where it is for any. */
  readonly lanes: number | null;
  readonly spirv: SpirvCounts;
  /** RADV's statistics by its own names. */
  readonly statistics: Readonly<Record<string, number>>;
  readonly code: MachineCode;
  readonly text?: string;
}

/** A line of the compiling process. */
export type Message =
  | { readonly total: number }
  | { readonly begins: string }
  | { readonly compiled: Compiled }
  | { readonly refused: string; readonly why: string };

/** What messages begin with, since drivers write into the same stream. */
export const MARK = 'gpu-compiler ';
