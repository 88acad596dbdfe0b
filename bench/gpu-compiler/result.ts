/** @file Requests to the compiling process, and its answers. */
import type { Tuning } from '@curio/engine';
import type { MachineCode } from './machine-code.ts';
import type { SpirvCounts } from './spirv.ts';

export interface Request {
  /** Kernels by name. */
  readonly kernels: readonly string[];
  /** Only this entry point. */
  readonly entry?: string;
  /** Values of tunables, in all combinations, on top of each tuning that GPUs ask for. */
  readonly values: Readonly<Record<string, readonly string[]>>;
  /** Further toggles of Dawn, such as `disable_robustness`, which shows what its guards cost. */
  readonly toggles: readonly string[];
  /** Whether the answer includes the machine code. */
  readonly withText: boolean;
}

/** Which code: the file as it is now, or, if that differs, what npm run codegen wrote last. */
export type Version = 'now' | 'committed';

export interface Compiled {
  /** `matmul/block:multiply ROWS=64u`, with the values that differ from the file's own. */
  readonly label: string;
  readonly kernel: string;
  readonly entry: string;
  readonly tuning: Tuning;
  readonly version: Version;
  /** GPUs that use it; empty if none does and the file's own values were used. */
  readonly askedBy: readonly string[];
  /** Subgroup size that the code is written for; null if it is for any. */
  readonly lanes: number | null;
  readonly spirv: SpirvCounts;
  /** RADV's statistics by its own names. */
  readonly statistics: Readonly<Record<string, number>>;
  readonly code: MachineCode;
  readonly text?: string;
}

/** A kernel that the chip cannot run and no GPU asks for. */
export interface PassedOver {
  readonly passedOver: string;
  /** The subgroup size that it is written for. */
  readonly lanes: number;
}

/** A line printed by the compiling process. */
export type Message =
  | { readonly total: number }
  | { readonly begins: string }
  | { readonly compiled: Compiled }
  | PassedOver
  | { readonly refused: string; readonly why: string };

/** The prefix of messages, since drivers write into the same stream. */
export const MARK = 'gpu-compiler ';
