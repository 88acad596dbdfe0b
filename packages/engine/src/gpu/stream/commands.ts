/** @file The parts of a stream: what accepts commands, and the prepared commands. */
import type { Storage } from '../memory/arena.ts';
import type { Binding, Block } from '../memory/block.ts';
import type { Grid } from '../kernel/grid.ts';
import type { Pipeline } from '../kernel/pipeline.ts';
import type { Timing } from './timing.ts';

/**
 * Rows of a buffer, the texels to copy of each, and their place in a texture. `pitch` is texels from row to row, a
 * multiple of 16, as WebGPU requires.
 */
export interface TextureRows {
  readonly pitch: number;
  readonly texels: number;
  readonly count: number;
  readonly x: number;
  readonly y: number;
}

/** Commands as they are recorded, to be done in this order. */
interface Commands {
  dispatch(pipeline: Pipeline, bindings: readonly Binding[], params: ArrayBuffer | null, grid: Grid): void;
  copy(from: Binding, to: Binding, bytes: number): void;
  copyRows(from: Binding, to: Block, rows: TextureRows): void;
  clear(to: Binding, bytes: number): void;
  /** Writes from the host; what was recorded earlier still sees the old content. */
  write(to: Block, offset: number, data: ArrayBufferView): void;
}

/** Collects commands instead of encoding them, while a step is recorded. */
export interface Recorder extends Commands {
  /** Throws: nothing can be read inside. */
  refuseRead(from: Binding): never;
  allocate(bytes: number, texels: number): Storage;
  /** Whether a command so far changes a block that was made outside. */
  changes(block: Block): boolean;
}

/** A dispatch that only has to be encoded. */
export interface ReadyDispatch {
  readonly pipeline: Pipeline;
  readonly group: GPUBindGroup;
  /** Null where params are none or a uniform buffer in the group. */
  readonly immediates: ArrayBuffer | null;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** What a profile reports about it. */
  readonly op: string | null;
  readonly params: ArrayBuffer | null;
  readonly bytes: number;
}

/** The arguments of a copy of rows to a texture; created once, since that takes a fifth of the call's time. */
export type RowsCall = readonly [
  from: GPUTexelCopyBufferInfo,
  to: GPUTexelCopyTextureInfo,
  size: readonly [width: number, height: number],
];

/** A part of a replay: dispatches of one pass, or a command between passes. */
export type ReadyPart =
  | { readonly kind: 'pass'; readonly dispatches: readonly ReadyDispatch[] }
  | { readonly kind: 'copy'; readonly from: Binding; readonly to: Binding; readonly bytes: number }
  | { readonly kind: 'copyRows'; readonly call: RowsCall }
  | { readonly kind: 'clear'; readonly to: Binding; readonly bytes: number };

/** Where a dispatch was recorded, when debugging. */
export interface RecordedAt {
  readonly label: string;
  readonly stack: string;
}

/** Where commands go that are not recorded: to a device or, in a dry run, nowhere. */
export interface CommandQueue extends Commands {
  /** Dispatches and submits since the start. */
  readonly counts: { readonly dispatches: number; readonly submits: number };
  /** Encodes a recorded list, in one batch with what comes before and after it. `blocks` are all that it uses. */
  replay(parts: readonly ReadyPart[], blocks: readonly Block[], stacks: readonly RecordedAt[]): void;
  /** A dispatch prepared for `replay`; its bind group belongs to the caller. */
  ready(
    pipeline: Pipeline,
    bindings: readonly Binding[],
    params: ArrayBuffer | null,
    grid: Grid,
    op: string | null,
  ): ReadyDispatch;
  /** A copy of rows prepared for `replay`. */
  readyRows(from: Binding, to: Block, rows: TextureRows): RowsCall;
  /** Copies to the host now; the promise gives the bytes. Reads requested together are submitted together. */
  read(from: Binding): Promise<ArrayBuffer>;
  /** Whether pending commands use `block`. */
  isPending(block: Block): boolean;
  /** Records the device's clock when everything recorded before is done. */
  mark(querySet: GPUQuerySet, index: number): void;
  /** Submits what is recorded. */
  flush(): void;
  /** Throws the first validation error of the batches submitted so far. */
  throwFirstError(): Promise<void>;
  /**
   * Forgets all bind groups, since some may name destroyed buffers; looking through them took longer than making them
   * again.
   */
  forgetBindGroups(): void;
  /** Times each dispatch from now on, in a pass of its own; null ends it. `Stream.timed` calls it. */
  timeInto(timing: Timing | null): void;
}

/** The calls that led here, without this one. */
export const stackHere = (): string =>
  (new Error().stack ?? '')
    .split('\n')
    .filter((line) => !/^Error|stackHere/.test(line))
    .join('\n');
