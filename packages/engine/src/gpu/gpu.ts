/**
 * @file The device with everything that belongs to it. There is no default one: it is passed in and tensors carry it.
 */
import type { AdapterReport } from './adapter.ts';
import type { Backing } from './backing.ts';
import { Arena, Storage } from './memory/arena.ts';
import type { Binding } from './memory/block.ts';
import { CurioError, DeviceError, KernelError } from './errors.ts';
import { packParams } from './kernel/kernel.ts';
import { KernelChoices } from './kernel/choices.ts';
import type { KernelSource, Tuning } from './kernel/kernel.ts';
import type { Grid } from './kernel/grid.ts';
import type { Memory, MemoryReport } from './memory/memory.ts';
import { noteWrite } from './memory/saved-part.ts';
import type { Pipeline, Pipelines } from './kernel/pipeline.ts';
import { Probe } from './probe.ts';
import { requireSync } from './sync.ts';
import { RandomState } from './random.ts';
import { deviceTime } from './stream/device-time.ts';
import { Stream } from './stream/stream.ts';
import { Tuner } from './kernel/tuner.ts';
import type { TuningStore } from './kernel/tuner.ts';

export interface GpuOptions {
  /** Keep the stack of each recording call for error messages. */
  readonly debug?: boolean;
  /**
   * `portable` opens the device with default limits and no features, and passes params in uniform buffers: the floor
   * that every kernel must run on.
   */
  readonly features?: 'all' | 'portable';
  /** Seed of the random ops. */
  readonly seed?: number;
  /**
   * All buffers together may take this many bytes; a step that needs more is refused before anything is allocated for
   * it, and no copies of frozen weights are kept.
   */
  readonly memoryLimit?: number;
  /**
   * `measured` times variants where the static table could be wrong, and remembers: see `gpu.kernels.tuner`. Default:
   * the table alone, so that the same run gives the same bits.
   */
  readonly tune?: 'static' | 'measured';
  /** Where measured choices are kept between processes. */
  readonly tuningStore?: TuningStore;
  /** Largest binding in bytes, to emulate a smaller device. Default: the adapter's limit. */
  readonly bindingLimit?: number;
  /**
   * Allocate and compute nothing, only do the accounting: how much memory a model, its optimizer and the plan of a
   * captured step would need.
   */
  readonly dryRun?: boolean;
  /**
   * Further toggles of Dawn, such as `disable_robustness`, to measure what its guards cost. In Node only: a browser
   * takes them on its command line.
   */
  readonly dawnToggles?: readonly string[];
  /** Called with warnings, such as a training loop without a scope. Default: `console.warn`. */
  readonly onWarning?: (sentence: string) => void;
}

export class Gpu {
  readonly memory: Memory;
  readonly pipelines: Pipelines;
  readonly stream: Stream;
  private currentArena = new Arena();
  readonly random: RandomState;
  /** Which kernels run: what is forced, tuned, replaced or measured. */
  readonly kernels: KernelChoices;
  /** For tests: counts, and filling outputs with NaN. */
  readonly probe = new Probe();
  /** Resolves with the reason when the device is lost, `close()` included. */
  readonly lost: Promise<DeviceError>;
  /** Opened with `dryRun`. */
  readonly isDry: boolean;
  readonly warn: (sentence: string) => void;
  /**
   * The first permanent error: nothing that the device computes after it can be trusted, so every later call throws it.
   */
  private failure: Error | null = null;

  /** `openGpu` chooses the backing: the device itself, or one that only counts. */
  constructor(
    readonly device: GPUDevice,
    readonly adapter: AdapterReport,
    options: GpuOptions,
    backing: Backing,
  ) {
    this.isDry = backing.isDry;
    this.warn = options.onWarning ?? ((sentence) => console.warn(sentence));
    this.stream = new Stream(backing.queue, options.debug ?? false);
    this.memory = backing.memory(this.stream, () => this.trim(), {
      limit: options.memoryLimit,
      bindingLimit: options.bindingLimit,
    });
    this.pipelines = backing.pipelines;
    this.random = new RandomState(this, options.seed ?? 0);
    this.kernels = new KernelChoices(
      options.tune === 'measured'
        ? new Tuner(this, options.tuningStore ?? null, (record) => deviceTime(this, record))
        : null,
    );
    this.lost = device.lost.then((info) => {
      const reason = this.isClosed
        ? CLOSED
        : new DeviceError(
            `gpu: the device was lost (${info.reason}): ${info.message || 'no message'}; open a new one and load the last checkpoint.`,
          );
      this.failure ??= reason;
      return reason;
    });
    backing.onError((error) => {
      const full = error.constructor.name === 'GPUOutOfMemoryError';
      this.failure ??= full
        ? new DeviceError(`gpu: out of memory with ${this.memory.describe()}: ${error.message}`)
        : new CurioError(`gpu: ${error.message}`);
    });
  }

  /** Step arenas; a recorded step has its own. */
  get arena(): Arena {
    return this.currentArena;
  }

  /** Runs `fn` with its storages in `arena`, whose scopes are the caller's. Must not be async. */
  withArena<T>(arena: Arena, fn: () => T): T {
    requireSync('withArena', fn);
    const before = this.currentArena;
    this.currentArena = arena;
    try {
      return fn();
    } finally {
      this.currentArena = before;
    }
  }

  /** Runs `fn` in a step arena: what it makes is freed at the end, except what it returns. Must not be async. */
  scope<T>(fn: () => T): T {
    requireSync('scope', fn);
    this.arena.open();
    let result: T | undefined;
    try {
      result = fn();
      return result;
    } finally {
      this.arena.close(storagesIn(result));
    }
  }

  /**
   * Records one dispatch of `kernel`. `buffers` are keyed by the kernel's binding names, `op` names the caller in
   * messages.
   * @throws KernelError if WebGPU would refuse the whole batch; errors that only the device detects are thrown by
   * the next await and every call after it.
   */
  dispatch(
    kernel: KernelSource,
    entry: string,
    work: {
      buffers: Readonly<Record<string, Binding>>;
      params?: Readonly<Record<string, number>>;
      grid: Grid;
      tuning?: Tuning;
      op?: string;
    },
  ): void {
    if (this.failure) throw this.failure;
    const source = this.kernels.replacements.kernelFor(kernel);
    const pipeline = this.pipelines.get(source, entry, work.tuning);
    pipeline.op = work.op ?? null;
    const bindings = pipeline.bindings.map(({ name, isTexture }) => {
      const binding = work.buffers[name];
      if (binding && binding.block.texels > 0 !== isTexture)
        throw new CurioError(
          `${pipeline.label}: ${name} is a ${isTexture ? 'texture' : 'buffer'} and was given a ${isTexture ? 'buffer; fill a texture from it with stream.copyRows' : 'texture; give the buffer that it was filled from'}.`,
        );
      if (!binding)
        throw new CurioError(
          `${pipeline.label}: buffer ${name} was not given; it binds ${pipeline.bindings.map((b) => b.name).join(', ')}.`,
        );
      return binding;
    });
    checkDispatch(pipeline, bindings, work.grid, this.device.limits.maxComputeWorkgroupsPerDimension);
    const params = pipeline.params === 'none' ? null : packParams(source, work.params ?? {});
    this.stream.dispatch(pipeline, bindings, params, work.grid);
    bindings.forEach(({ block, offset, bytes }, i) => {
      if (!pipeline.bindings[i]!.writes) return;
      block.mirrors?.follow();
      noteWrite(block, offset, bytes, work.op ?? pipeline.label);
    });
  }

  /**
   * Compiles one entry of `kernel` now, so that its first use does not.
   * @throws KernelError as `file:line:column message`; the device stays usable.
   */
  async prepare(kernel: KernelSource, entry: string, tuning?: Tuning): Promise<void> {
    if (this.failure) throw this.failure;
    await this.pipelines.prepare(kernel, entry, tuning);
  }

  /** A storage of at least `bytes`, owned by the innermost scope: a buffer, or a texture of rows of `texels` texels. */
  allocate(bytes: number, texels = 0): Storage {
    if (this.failure) throw this.failure;
    const storage =
      this.stream.recorder?.allocate(bytes, texels) ??
      new Storage(this.memory.acquire(bytes, 'step', texels, true), this.memory);
    this.arena.adopt(storage);
    return storage;
  }

  /**
   * Runs `fn` outside of a step that is being recorded: what it records runs once, before the step's first replay. Must
   * not be async.
   */
  aside<T>(fn: () => T): T {
    return this.stream.recordInto(null, () => this.scope(fn));
  }

  /** Records a read of `from` now; the promise gives its bytes, or throws the first error since the last wait. */
  async read(from: Binding): Promise<ArrayBuffer> {
    if (this.failure) throw this.failure;
    const pending = this.stream.read(from);
    pending.catch(() => {}); // a validation error explains a failed map better and is thrown first
    await this.throwFirstError();
    return pending.catch(async (error: Error) => {
      throw await this.reasonFor(error);
    });
  }

  /** Waits until the device has done everything recorded so far. */
  async synchronize(): Promise<void> {
    if (this.failure) throw this.failure;
    this.stream.flush();
    await Promise.race([this.device.queue.onSubmittedWorkDone(), this.lost]);
    await this.throwFirstError();
  }

  /** Submits what is recorded and destroys every pooled buffer that is not in use. */
  trim(): void {
    this.stream.flush();
    this.memory.trim();
  }

  memoryReport(): MemoryReport {
    return this.memory.report();
  }

  /** Destroys the device and frees everything it held. Other devices of the process are not affected. */
  close(): void {
    if (this.failure === null) this.failure = CLOSED;
    this.device.destroy();
  }

  private get isClosed(): boolean {
    return this.failure === CLOSED;
  }

  /** Throws the first compile or validation error so far, from now on at every call. */
  private async throwFirstError(): Promise<void> {
    try {
      await this.pipelines.throwFirstError();
      await this.stream.throwFirstError();
    } catch (error) {
      this.failure ??= await this.reasonFor(error as Error);
    }
    if (this.failure) throw this.failure;
  }

  /**
   * The real cause when WebGPU rejects a promise: the rejection arrives shortly before the loss of the device is
   * reported.
   */
  private async reasonFor(error: Error): Promise<Error> {
    if (!(error instanceof CurioError)) await Promise.race([this.lost, new Promise((wake) => setTimeout(wake, 100))]);
    return this.failure ?? error;
  }
}

const CLOSED = new DeviceError('gpu: the device was used after close(); open a new one with openGpu().');

/** Checks what WebGPU would refuse without naming the dispatch. Throws KernelError. */
function checkDispatch({ label, op, bindings }: Pipeline, bound: readonly Binding[], grid: Grid, most: number): void {
  const where = op ? `${op}: ${label}` : label;
  const tooLong = grid.findIndex((count) => !(count <= most));
  if (tooLong >= 0)
    throw new KernelError(
      `${where}: the grid is ${grid.join(' × ')} workgroups; each size must be at most ${most}, lineGrid() folds a longer line.`,
    );
  for (let i = 0; i < bound.length; i++) {
    if (!bindings[i]!.writes) continue;
    for (let j = 0; j < bound.length; j++) {
      const [a, b] = [bound[i]!, bound[j]!];
      if (i === j || a.block !== b.block) continue;
      const overlaps = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
      if (overlaps || !bindings[j]!.writes)
        throw new KernelError(
          `${where}: writes ${bindings[i]!.name} into the buffer that ${bindings[j]!.name} ${bindings[j]!.writes ? 'writes too' : 'is read from'}; give each its own storage.`,
        );
    }
  }
}

/** The storages of tensors in `value`: a tensor, or an array or plain object of them. */
function storagesIn(value: unknown, found: Storage[] = []): Storage[] {
  if (value === null || typeof value !== 'object') return found;
  const storage = (value as { storage?: unknown }).storage;
  if (storage instanceof Storage) {
    found.push(storage);
    const { quantisation } = value as { quantisation?: object | null };
    if (quantisation) storagesIn({ ...quantisation }, found);
  } else if (Array.isArray(value)) for (const item of value) storagesIn(item, found);
  else if (Object.getPrototypeOf(value) === Object.prototype)
    for (const item of Object.values(value)) storagesIn(item, found);
  return found;
}
