/**
 * @file The commands of a device, in order: they go to the recorder of a step if one is being recorded, else to the
 * queue. Tape nodes that saved bytes which a command changes are notified here.
 */
import type { Binding, Block } from '../memory/block.ts';
import { noteWrite } from '../memory/saved-part.ts';
import type { Grid } from '../kernel/grid.ts';
import type { Pipeline } from '../kernel/pipeline.ts';
import type {
  CommandQueue,
  ReadyDispatch,
  ReadyPart,
  RecordedAt,
  Recorder,
  RowsCall,
  TextureRows,
} from './commands.ts';
import type { Timing } from './timing.ts';

export class Stream {
  private current: Recorder | null = null;
  /** The innermost last. */
  private readonly timings: Timing[] = [];

  /** @param debug the stack of each recording call is kept for messages */
  constructor(
    private readonly queue: CommandQueue,
    readonly debug: boolean,
  ) {}

  /** Collects the commands while a step is recorded. */
  get recorder(): Recorder | null {
    return this.current;
  }

  /** Dispatches and submits since the start. */
  get counts(): CommandQueue['counts'] {
    return this.queue.counts;
  }

  /** Whether each dispatch is timed now. */
  get isTimed(): boolean {
    return this.timings.length > 0;
  }

  /** Runs `fn` while commands go to `recorder`, or with null to the queue; then they go where they went before. */
  recordInto<T>(recorder: Recorder | null, fn: () => T): T {
    const before = this.current;
    this.current = recorder;
    try {
      return fn();
    } finally {
      this.current = before;
    }
  }

  /** Times each dispatch from now on, in a pass of its own, until the function that it returns is called. */
  timed(timing: Timing): () => void {
    const { timings, queue } = this;
    const show = (): void => queue.timeInto(timings.at(-1) ?? null);
    timings.push(timing);
    show();
    return () => {
      const at = timings.indexOf(timing);
      if (at >= 0) timings.splice(at, 1);
      show();
    };
  }

  dispatch(pipeline: Pipeline, bindings: readonly Binding[], params: ArrayBuffer | null, grid: Grid): void {
    const [x, y, z] = grid;
    if (x === 0 || y === 0 || z === 0) return;
    (this.current ?? this.queue).dispatch(pipeline, bindings, params, grid);
  }

  /** Runs a recorded list again; `blocks` are all that it uses. */
  replay(parts: readonly ReadyPart[], blocks: readonly Block[], stacks: readonly RecordedAt[]): void {
    this.queue.replay(parts, blocks, stacks);
  }

  /** `op` names the caller in messages, here and below. */
  copy(from: Binding, to: Binding, bytes: number, op = 'copy'): void {
    (this.current ?? this.queue).copy(from, to, bytes);
    to.block.mirrors?.follow();
    noteWrite(to.block, to.offset, bytes, op);
  }

  copyRows(from: Binding, to: Block, rows: TextureRows): void {
    (this.current ?? this.queue).copyRows(from, to, rows);
  }

  clear(to: Binding, bytes: number, op = 'clear'): void {
    (this.current ?? this.queue).clear(to, bytes);
    to.block.mirrors?.follow();
    noteWrite(to.block, to.offset, bytes, op);
  }

  /** Writes from the host. Commands recorded earlier still see the old content. */
  write(to: Block, offset: number, data: ArrayBufferView, op = 'write'): void {
    if (this.current) return this.current.write(to, offset, data);
    noteWrite(to, offset, data.byteLength, op);
    this.queue.write(to, offset, data);
    to.mirrors?.follow();
  }

  /** Records a copy to the host now; the promise gives the bytes. Reads requested together are submitted together. */
  read(from: Binding): Promise<ArrayBuffer> {
    this.current?.refuseRead(from);
    return this.queue.read(from);
  }

  /** A dispatch prepared for `replay`; its bind group belongs to the caller. */
  ready(
    pipeline: Pipeline,
    bindings: readonly Binding[],
    params: ArrayBuffer | null,
    grid: Grid,
    op: string | null,
  ): ReadyDispatch {
    return this.queue.ready(pipeline, bindings, params, grid, op);
  }

  /** A copy of rows prepared for `replay`. */
  readyRows(from: Binding, to: Block, rows: TextureRows): RowsCall {
    return this.queue.readyRows(from, to, rows);
  }

  /** Whether pending commands use `block`. */
  isPending(block: Block): boolean {
    return this.queue.isPending(block);
  }

  /** Records the device's clock when everything recorded before is done. */
  mark(querySet: GPUQuerySet, index: number): void {
    this.queue.mark(querySet, index);
  }

  /** Submits what is recorded. */
  flush(): void {
    this.queue.flush();
  }

  /** Throws the first validation error of the batches submitted so far. */
  throwFirstError(): Promise<void> {
    return this.queue.throwFirstError();
  }

  /** Some buffers were destroyed. */
  forgetBindGroups(): void {
    this.queue.forgetBindGroups();
  }
}
