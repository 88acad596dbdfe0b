/** @file The unit of measurement is a cell. A group is one op at one shape; its cells are timed in turn. */
import type { Gpu } from '@curio/engine';
import type { Work } from './statistics.ts';

/** The roofline of a cell: OpenBLAS at [M, N, K], or a copy on the device. */
export type Roof =
  | { readonly kind: 'openblas'; readonly size: readonly [M: number, N: number, K: number] }
  | { readonly kind: 'copy' };

/** PyTorch on the CPU: not a peer on the same device, so it has a column of its own. */
export const CPU_LIBRARY = 'pytorch-cpu';

/** The key of a roof's best rate. */
export const roofName = (roof: Roof): string => (roof.kind === 'copy' ? 'copy' : `OpenBLAS ${roof.size.join('x')}`);

export interface Cell {
  /** `curio` or the name on npm. */
  readonly library: string;
  /** `default` is what the op itself chooses. */
  readonly variant: string;
  /** If it differs from the group's. */
  readonly work?: Work;
  readonly open: () => Promise<Session> | Session;
}

/** An opened cell: inputs are on the device. */
export interface Session {
  /**
   * Runs once and compares at least 256 entries, corners included, with float64. Returns a sentence about a wrong
   * entry, or null.
   */
  check(): Promise<string | null>;
  /** Runs `count` times in sequence and waits. Returns the total milliseconds. */
  time(count: number): Promise<number>;
  /** Records one run, if it can be captured, which only our engine can. */
  readonly record?: () => unknown;
  close(): void;
}

export interface Group {
  /** `matmul`, `attention forward causal` … */
  readonly op: string;
  /** `MxNxK`, `HxTxD` or the sizes of the main input. */
  readonly shape: string;
  readonly work: Work;
  readonly roof: Roof | null;
  readonly cells: readonly Cell[];
  /** The origin of the sizes. */
  readonly label?: string;
  /** The work of our own engine's cells, to record it on another device. */
  readonly source?: { rehearse(dry: Gpu, backward: boolean): void };
}

export interface Row {
  readonly op: string;
  readonly shape: string;
  readonly library: string;
  readonly variant: string;
  readonly bestMs: number | null;
  readonly medianMs: number | null;
  readonly gflops: number | null;
  readonly gbps: number | null;
  readonly percentOfRoof: number | null;
  /** Why there is no time. */
  readonly skipped?: string;
}
