/**
 * @file A step recorded once and replayed: its commands as a list with bind groups made, in buffers of its own. While a
 * step is recorded nothing runs and nothing is allocated: storages are lifetimes, and their buffers are planned when
 * the whole list is known.
 */
import { Arena, Storage } from '../memory/arena.ts';
import { CurioError, DeviceError } from '../errors.ts';
import type { Gpu } from '../gpu.ts';
import type { Block, Slot } from '../memory/memory.ts';
import { showBytes, sizeClass } from '../memory/memory.ts';
import { noteWrite } from '../memory/saved-part.ts';
import type { Pipeline } from '../kernel/pipeline.ts';
import { peakBytes } from '../memory/plan-memory.ts';
import type { SharedSlots, SlotUser } from '../memory/shared-slots.ts';
import { stackHere } from './stream.ts';
import { deviceTime } from './timing.ts';
import type { Binding, Grid, ReadyDispatch, ReadyPart, Recorder, TextureRows } from './stream.ts';

function refuseEarly(): never {
  throw new CurioError(
    'capture: a tensor of a recorded step was used before the step had buffers; use what the step returns.',
  );
}

/** A block of a recorded step, before it has a buffer. */
class Planned implements Block {
  readonly id = -1;
  readonly bytes: number;
  readonly returns = 0;
  readonly purpose = 'step';
  readonly mirrors = null;
  saved: Block['saved'] = null;
  lastUse = -1;
  /** First and last command that uses it. */
  first = Infinity;
  last = -1;
  /** What the host wrote when the step was recorded: constants. */
  readonly host: { readonly offset: number; readonly data: Uint8Array<ArrayBuffer> }[] = [];
  /** A command changes it. */
  written = false;
  /** The same at every replay, or seen from outside: it shares its buffer with nothing. */
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

class CommandList implements Recorder {
  readonly commands: Command[] = [];
  readonly planned: Planned[] = [];
  readonly outside = new Set<Block>();
  /** Blocks from outside that a command changes, and the bytes from the first to the last. */
  readonly changed = new Map<Block, { start: number; end: number }>();
  readonly stacks: { label: string; stack: string }[] = [];

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

/** Bytes that a recorded step takes beside what it uses from outside. */
export interface StepBytes {
  /** Inputs, outputs and constants. */
  readonly fixed: number;
  /** The most that is kept at once between forward and backward. */
  readonly activations: number;
  /** All buffers of temporaries; activations lie in them. */
  readonly temporaries: number;
}

/** A recorded step that can be replayed. */
export class Plan implements SlotUser {
  /** Dispatches of one replay. */
  readonly dispatches: number;
  readonly bytes: StepBytes;
  /** Null until the next replay, where buffers have changed. */
  private parts: ReadyPart[] | null = null;
  /** Blocks that others may free, the plan's own outputs included. */
  private readonly outside: { readonly block: Block; readonly returns: number }[];
  private readonly own = new Set<Block>();
  readonly lifetimes: readonly Planned[];
  /** Inputs, outputs and constants. */
  private readonly fixed: readonly Planned[];
  /** Constants that the step itself changes. */
  private readonly restored: {
    readonly block: Block;
    readonly offset: number;
    readonly data: Uint8Array<ArrayBuffer>;
  }[] = [];
  private blocks: readonly Block[] = [];
  private readonly streams: number;
  private disposed = false;

  constructor(
    private readonly name: string,
    private readonly gpu: Gpu,
    private readonly slots: SharedSlots,
    private readonly list: CommandList,
    outputs: readonly Storage[],
    streams: number,
  ) {
    const { commands, planned, outside } = list;
    this.streams = streams;
    this.dispatches = commands.filter(({ kind }) => kind === 'dispatch').length;
    const pinned = new Set(outputs);
    const used = planned.filter((block) => block.last >= 0 || block.alone || pinned.has(block.storage));
    for (const block of used) block.alone ||= pinned.has(block.storage);
    const kept = used.filter(({ storage }) => !storage.isFreed && !pinned.has(storage));
    const changed = kept.find(({ written }) => written);
    if (changed)
      throw new CurioError(
        `capture: the step keeps a tensor of ${changed.bytes} bytes that it computes, and every replay would write it anew; make it before the step (a parameter's gradient by an optimizer), or return it.`,
      );
    this.lifetimes = used.filter(({ alone }) => !alone);
    const fixed = used.filter(({ alone }) => alone);
    const activations = peakBytes(this.lifetimes.filter(({ storage }) => storage.isSaved));
    slots.admit(this, (demand) => refuseTooMuch(gpu, name, [...demand.slots, ...fixed], demand.freed, activations));
    this.fixed = fixed;
    for (const block of fixed) this.place(block, kept.includes(block));
    this.outside = [...outside, ...fixed.map(({ slot }) => slot!)].map((block) => ({ block, returns: block.returns }));
    this.bytes = {
      fixed: fixed.reduce((sum, { bytes }) => sum + bytes, 0),
      activations,
      temporaries: [...new Set(this.lifetimes.map(({ slot }) => slot!))].reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  takeSlots(slots: readonly Block[]): void {
    this.lifetimes.forEach((block, i) => (block.slot = slots[i]!));
    this.parts = null;
  }

  /** Why the plan can no longer run, or null: something that it uses from outside was freed. */
  get stale(): string | null {
    if (this.disposed) return 'the plan was let go';
    return this.outside.every(({ block, returns }) => block.returns === returns)
      ? null
      : 'a tensor that it uses was freed';
  }

  /** Runs the step again on what the inputs hold now. */
  replay(): void {
    const { gpu } = this;
    gpu.random.rebase();
    for (const { block, offset, data } of this.restored) gpu.stream.write(block, offset, data);
    this.parts ??= this.makeReady();
    gpu.stream.replay(this.parts, this.blocks, this.list.stacks);
    for (const [block, { start, end }] of this.list.changed) {
      block.mirrors?.follow();
      noteWrite(block, start, end - start, `a run of ${this.name}`);
    }
    for (const { slot, bytes, written } of this.fixed) if (written) noteWrite(slot!, 0, bytes, `a run of ${this.name}`);
    gpu.random.counter = this.streams;
  }

  /**
   * Seconds of each dispatch, run `repeat` times in one pass and divided by it: what the step costs when nothing is
   * between its kernels.
   * For benches: buffers hold nonsense afterwards, those of the parameters too.
   */
  async timeDispatches(repeat = 100): Promise<{ readonly label: string; readonly seconds: number }[]> {
    const { gpu } = this;
    this.replay();
    await gpu.synchronize();
    const times: { label: string; seconds: number }[] = [];
    for (const dispatch of this.parts!.flatMap((part) => (part.kind === 'pass' ? part.dispatches : []))) {
      const ms = await deviceTime(gpu, () =>
        gpu.stream.replay(
          [{ kind: 'pass', dispatches: new Array<ReadyDispatch>(repeat).fill(dispatch) }],
          this.blocks,
          [],
        ),
      );
      times.push({ label: dispatch.pipeline.label, seconds: ms / 1000 / repeat });
    }
    return times;
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.slots.leave(this);
    for (const block of this.list.planned)
      if (block.slot && !block.storage.isFreed && this.own.has(block.slot)) block.storage.release();
    this.parts = null;
  }

  /** Gives a block that stays a buffer of its own. What the step kept for later steps belongs to whoever keeps it. */
  private place(block: Planned, isKept: boolean): void {
    const { memory, stream } = this.gpu;
    const slot = memory.acquire(block.bytes);
    block.slot = slot;
    for (const { offset, data } of block.host) {
      stream.write(slot, offset, data);
      if (block.written) this.restored.push({ block: slot, offset, data });
    }
    if (!isKept) {
      this.own.add(slot);
      if (block.storage.isFreed) block.storage.hold(); // a constant that its scope let go: the plan holds it
    }
    block.storage.settle(slot, memory);
  }

  /** Bind groups for the buffers as they are now. */
  private makeReady(): ReadyPart[] {
    const { stream } = this.gpu;
    this.blocks = [...new Set([...this.lifetimes.map(({ slot }) => slot!), ...this.outside.map(({ block }) => block)])];
    const parts: ReadyPart[] = [];
    const slot = (block: Block): Block => (block instanceof Planned ? block.slot! : block);
    const real = ({ block, offset, bytes }: Binding): Binding => ({ block: slot(block), offset, bytes });
    let pass: ReadyDispatch[] | null = null;
    for (const command of this.list.commands) {
      if (command.kind === 'dispatch') {
        if (!pass) parts.push({ kind: 'pass', dispatches: (pass = []) });
        pass.push(stream.ready(command.pipeline, command.bindings.map(real), command.params, command.grid, command.op));
        continue;
      }
      pass = null;
      if (command.kind === 'copy') parts.push({ ...command, from: real(command.from), to: real(command.to) });
      else if (command.kind === 'copyRows')
        parts.push({ kind: 'copyRows', call: stream.readyRows(real(command.from), slot(command.to), command.rows) });
      else parts.push({ ...command, to: real(command.to) });
    }
    return parts;
  }
}

/** Before anything is allocated for a step: whether it fits. A dry run only counts. */
function refuseTooMuch(gpu: Gpu, name: string, slots: readonly Slot[], freed: number, activations: number): void {
  const { memory } = gpu;
  if (gpu.isDry) return;
  const largest = Math.max(0, ...slots.map(({ bytes, texels }) => (texels === 0 ? bytes : 0)));
  if (largest > memory.bindingLimit)
    throw new DeviceError(
      `${name}: the step needs a tensor of ${showBytes(largest)} and the adapter binds ${showBytes(memory.bindingLimit)}; make the batch smaller.`,
    );
  const { limit = Infinity } = memory.options;
  if (memory.report().allocatedBytes - freed + memory.missing(slots) <= limit) return;
  gpu.trim();
  const taken = memory.report().allocatedBytes - freed;
  const needed = memory.missing(slots);
  if (taken + needed <= limit) return;
  throw new DeviceError(
    `${name}: the step needs ${showBytes(needed)} (activations ${showBytes(activations)}, scratch ${showBytes(needed - activations)}) beside ${memory.describe()}, and ${showBytes(limit - taken)} of ${showBytes(limit)} are left; make the batch smaller, or recompute parts with checkpoint.`,
  );
}

/**
 * Records what `step` does instead of doing it. `step` gets a function that makes storages for its inputs and gives the
 * storages that are to be seen from outside. @throws CurioError when the step reads back, writes to a tensor from
 * outside, or keeps what it computes.
 */
export function recordPlan(gpu: Gpu, name: string, slots: SharedSlots, step: () => readonly Storage[]): Plan {
  if (gpu.stream.recorder)
    throw new CurioError('capture: a step is being recorded already; call the inner one as a plain function.');
  const list = new CommandList(gpu.stream.debug);
  const { arena } = gpu;
  gpu.random.binding(); // made now, for it outlives the step
  gpu.random.rebase();
  gpu.arena = new Arena();
  gpu.stream.recorder = list;
  let outputs: readonly Storage[];
  let streams: number;
  try {
    outputs = step();
  } finally {
    streams = gpu.random.counter;
    gpu.random.counter = 0;
    gpu.stream.recorder = null;
    gpu.arena = arena;
  }
  return new Plan(name, gpu, slots, list, outputs, streams);
}
