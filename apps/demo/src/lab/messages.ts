/** @file Messages between the page and the lab's worker, and from the lab to the worker with the model. */
import type { KernelSource } from '@curio/engine';
import type { Choice } from '@curio/engine/check';
import type { Figures } from './timing.ts';

/** Text of every `.wgsl` file by its path below kernels/: `rows/softmax_naive.wgsl`, `lib/turns.wgsl`. */
export type Texts = Readonly<Record<string, string>>;

export type ToLab =
  | { readonly kind: 'texts'; readonly texts: Texts }
  | { readonly kind: 'judge'; readonly id: number; readonly kernel: string; readonly text: string }
  | { readonly kind: 'stop' };

/** Why a text is not used. */
export interface Fault {
  /** It does not compile, a result is wrong, or nothing on this device runs it. */
  readonly kind: 'compile' | 'wrong' | 'unused';
  /** The file below kernels/ and the line in it; null where no line is at fault. */
  readonly at: { readonly file: string; readonly line: number; readonly column: number } | null;
  readonly message: string;
}

export type Report =
  | { readonly kind: 'stage'; readonly stage: string }
  | { readonly kind: 'fault'; readonly fault: Fault }
  /** The cases so far agree with float64, forward and backward. */
  | { readonly kind: 'agrees'; readonly op: string; readonly checked: number; readonly worst: number }
  | { readonly kind: 'timed'; readonly figures: readonly Figures[] }
  /** Every case agrees: what the model may run. */
  | { readonly kind: 'right'; readonly swap: Swap };

export type FromLab =
  | { readonly kind: 'device'; readonly name: string; readonly isSoftware: boolean }
  | { readonly kind: 'report'; readonly id: number; readonly report: Report }
  | { readonly kind: 'done' | 'stopped'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: Failure; readonly message: string };

/** Why there is no verdict: it did not finish, the device was lost, there is none, or anything else. */
export type Failure = 'hung' | 'lost' | 'no-device' | 'error';

/** A kernel of the visitor's that replaces the one of its name, preferred in the families that it belongs to. */
export interface Swap {
  readonly kernel: KernelSource;
  readonly choices: readonly Choice[];
}

/** Null restores all of Curio's own kernels. */
export interface ToSwaps {
  readonly kind: 'swap';
  readonly swap: Swap | null;
}

/** Which of the visitor's kernels the model runs. */
export interface FromSwaps {
  readonly kind: 'swapped';
  readonly kernels: readonly {
    readonly name: string;
    /** The model has run it since. */
    readonly hasRun: boolean;
  }[];
  /** Why it could not be done. */
  readonly message?: string;
}
