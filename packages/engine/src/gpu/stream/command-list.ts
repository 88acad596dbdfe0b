/** @file The commands of a step while it is recorded: storages are lifetimes, which have no buffer yet. */
import { CurioError } from '../errors.ts';
import type { Binding, Block } from '../memory/block.ts';
import { Storage } from '../memory/arena.ts';
import { sizeClass } from '../memory/memory.ts';
import type { Grid } from '../kernel/grid.ts';
import type { Pipeline } from '../kernel/pipeline.ts';
import { stackHere } from './commands.ts';
import type { RecordedAt, Recorder, TextureRows } from './commands.ts';

function refuseEarly(): never {
  throw new CurioError(
    'capture: a tensor of a recorded step was used before the step had buffers; use what the step returns.',
  );
}

/** A block of a recorded step, before it has a buffer. */
export class Planned implements Block {
  readonly id = -1;
  readonly bytes: number;
  readonly returns = 0;
  readonly purpose = 'step';
  readonly mirrors = null;
  saved: Block['saved'] = null;
  known: Block['known'] = null;
  lastUse = -1;
  /** First and last command that uses it. */
  first = Infinity;
  last = -1;
  /** What the host wrote when the step was recorded: constants. */
  readonly host: { readonly offset: number; readonly data: Uint8Array<ArrayBuffer> }[] = [];
  /** A command changes it. */
  written = false;
  /** Constant across replays, or visible outside: it shares its buffer with nothing. */
  alone = false;
  slot: Block | null = null;
  readonly storage: Storage;

  constructor(
    bytes: number,
    readonly texels: number,
    memory: { release(block: Block): void },
  ) {
    this.bytes = texels === 0 ? sizeClass(bytes) : bytes;
    this.storage = new Storage(this, memory);
  }

  get buffer(): GPUBuffer {
    return refuseEarly();
  }

  get texture(): GPUTexture {
    return refuseEarly();
  }
}

type Command =
  | {
      readonly kind: 'dispatch';
      readonly pipeline: Pipeline;
      readonly bindings: readonly Binding[];
      readonly params: ArrayBuffer | null;
      readonly grid: Grid;
      readonly op: string | null;
    }
  | { readonly kind: 'copy'; readonly from: Binding; readonly to: Binding; readonly bytes: number }
  | { readonly kind: 'copyRows'; readonly from: Binding; readonly to: Block; readonly rows: TextureRows }
  | { readonly kind: 'clear'; readonly to: Binding; readonly bytes: number };

export class CommandList implements Recorder {
  readonly commands: Command[] = [];
  readonly planned: Planned[] = [];
  readonly outside = new Set<Block>();
  /** Blocks from outside that a command changes, and the bytes from the first to the last. */
  readonly changed = new Map<Block, { start: number; end: number }>();
  readonly stacks: RecordedAt[] = [];

  constructor(private readonly debug: boolean) {}

  allocate(bytes: number, texels: number): Storage {
    const block = new Planned(bytes, texels, { release() {} });
    this.planned.push(block);
    return block.storage;
  }

  dispatch(pipeline: Pipeline, bindings: readonly Binding[], params: ArrayBuffer | null, grid: Grid): void {
    bindings.forEach((binding, i) => this.use(binding.block, pipeline.bindings[i]!.writes ? binding : null));
    if (this.debug) this.stacks.push({ label: pipeline.label, stack: stackHere() });
    this.commands.push({ kind: 'dispatch', pipeline, bindings, params, grid, op: pipeline.op });
  }

  copy(from: Binding, to: Binding, bytes: number): void {
    this.use(from.block, null);
    this.use(to.block, { offset: to.offset, bytes });
    this.commands.push({ kind: 'copy', from, to, bytes });
  }

  copyRows(from: Binding, to: Block, rows: TextureRows): void {
    this.use(from.block, null);
    this.use(to, { offset: 0, bytes: to.bytes });
    this.commands.push({ kind: 'copyRows', from, to, rows });
  }

  clear(to: Binding, bytes: number): void {
    this.use(to.block, { offset: to.offset, bytes });
    this.commands.push({ kind: 'clear', to, bytes });
  }

  write(to: Block, offset: number, data: ArrayBufferView): void {
    if (!(to instanceof Planned) || to.last >= 0) {
      const what = to instanceof Planned ? 'a tensor that the step has used before' : 'a tensor made outside the step';
      throw new CurioError(
        `capture: the step writes ${data.byteLength} bytes from the host to ${what}, which a replay would not do; make it an input, or write before the step.`,
      );
    }
    to.alone = true;
    to.host.push({
      offset,
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice() as Uint8Array<ArrayBuffer>,
    });
  }

  refuseRead(from: Binding): never {
    throw new CurioError(
      `capture: the step reads ${from.bytes} bytes back, which a replay would not do; return the tensor and read it after the step.`,
    );
  }

  changes(block: Block): boolean {
    return this.changed.has(block);
  }

  private use(block: Block, writes: Pick<Binding, 'offset' | 'bytes'> | null): void {
    if (!(block instanceof Planned)) {
      this.outside.add(block);
      if (!writes) return;
      const known = this.changed.get(block) ?? { start: Infinity, end: 0 };
      const { offset, bytes } = writes;
      this.changed.set(block, { start: Math.min(known.start, offset), end: Math.max(known.end, offset + bytes) });
      return;
    }
    block.first = Math.min(block.first, this.commands.length);
    block.last = this.commands.length;
    block.written ||= writes !== null;
  }
}
