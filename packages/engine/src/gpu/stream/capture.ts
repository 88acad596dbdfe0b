/**
 * @file A step recorded once and replayed: its commands as a list with bind groups made, in buffers of its own. While a
 * step is recorded nothing runs and nothing is allocated: storages are lifetimes, and their buffers are planned when
 * the whole list is known.
 */
import { CurioError } from '../errors.ts';
import { Arena } from '../memory/arena.ts';
import type { Storage } from '../memory/arena.ts';
import type { Binding, Block } from '../memory/block.ts';
import type { Memory } from '../memory/memory.ts';
import { noteWrite } from '../memory/saved-part.ts';
import { peakBytes } from '../memory/plan-memory.ts';
import type { SharedSlots, SlotUser } from '../memory/shared-slots.ts';
import { CommandList, Planned } from './command-list.ts';
import type { ReadyDispatch, ReadyPart } from './commands.ts';
import { deviceTime } from './device-time.ts';
import { boundBytes, recordedDispatch } from './timing.ts';
import type { RecordedDispatch } from './timing.ts';
import type { Stream } from './stream.ts';

/** What steps are recorded and replayed on. */
interface RecordingDevice {
  readonly device: GPUDevice;
  readonly memory: Memory;
  readonly stream: Stream;
  readonly random: {
    readonly counter: number;
    binding(): Binding;
    rebase(): void;
    draw(count: number): number;
    drawnFrom<T>(counter: number, fn: () => T): T;
  };
  withArena<T>(arena: Arena, fn: () => T): T;
  synchronize(): Promise<void>;
}

/** Bytes of a recorded step, besides what it uses from outside. */
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
  /** Blocks that may be freed from outside, the plan's own outputs included. */
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
    private readonly gpu: RecordingDevice,
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
    slots.admit(this, ({ slots: demanded, freed }) =>
      gpu.memory.requireStep(name, [...demanded, ...fixed], freed, activations),
    );
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

  /** What one replay dispatches, in order. */
  *work(): Generator<RecordedDispatch> {
    for (const command of this.list.commands) {
      if (command.kind !== 'dispatch') continue;
      const { op, pipeline, bindings, params, grid } = command;
      yield recordedDispatch(op, pipeline, boundBytes(bindings), params, grid);
    }
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
    gpu.random.draw(this.streams);
  }

  /**
   * Seconds of each dispatch, averaged over `repeat` runs in one pass: the cost of the step without gaps between
   * kernels. For benchmarks: afterwards the buffers, including those of parameters, hold garbage.
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

  /** Gives a lasting block a buffer of its own. What the step kept for later steps belongs to its keeper. */
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
    block.storage.setBlock(slot, memory);
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

/**
 * Records what `step` does instead of executing it. `step` receives a function that creates storages for its inputs,
 * and returns the storages that must be visible outside. @throws CurioError when the step reads back, writes to a
 * tensor from outside, or keeps what it computes.
 */
export function recordPlan(
  gpu: RecordingDevice,
  name: string,
  slots: SharedSlots,
  step: () => readonly Storage[],
): Plan {
  if (gpu.stream.recorder)
    throw new CurioError('capture: a step is being recorded already; call the inner one as a plain function.');
  const list = new CommandList(gpu.stream.debug);
  gpu.random.binding(); // created now, since it outlives the step
  gpu.random.rebase();
  const record = () => ({ outputs: step(), streams: gpu.random.counter });
  const { outputs, streams } = gpu.random.drawnFrom(0, () =>
    gpu.withArena(new Arena(), () => gpu.stream.recordInto(list, record)),
  );
  return new Plan(name, gpu, slots, list, outputs, streams);
}
