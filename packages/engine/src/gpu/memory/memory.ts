/**
 * @file A pool of storage buffers by size class, and of textures. The queue runs in order, so a freed buffer is reused
 * at once: for its own class, or for a short-lived tensor of more than half its size. Idle memory is limited by what
 * was in use; the buffer that has been idle longest is destroyed first.
 */
import { DeviceError } from '../errors.ts';
import type { Block, Purpose, Slot } from './block.ts';

export interface MemoryReport {
  /** Bytes and number of buffers in use. */
  readonly liveBytes: number;
  readonly liveBuffers: number;
  /** Bytes of all existing buffers, pooled ones included, and the largest value since the start or `resetPeak()`. */
  readonly allocatedBytes: number;
  readonly peakBytes: number;
  /** Number of buffers ever created. */
  readonly created: number;
  /** `liveBytes` by what they are for. */
  readonly byPurpose: Readonly<Record<Purpose, number>>;
  /** The largest buffer requested since then. */
  readonly largestBytes: number;
}

export interface MemoryOptions {
  /** All buffers together may take this many bytes. */
  readonly limit?: number;
  /** Largest binding in bytes. */
  readonly bindingLimit?: number;
}

/** Rounds up to a class: steps of a quarter of a power of two, 256 bytes at least. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** Math.max(8, Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / step) * step;
}

/** `1.5 MB`: powers of 1000. */
export function showBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]!}`;
}

/**
 * The class of a size: whole rows of a texture, no more than a texture may have unless more are needed, which the
 * device then refuses.
 */
function classOf({ bytes, texels }: Slot, maxRows: number): number {
  if (texels === 0) return sizeClass(bytes);
  const rows = (size: number): number => Math.ceil(size / (16 * texels));
  return 16 * texels * Math.max(rows(bytes), Math.min(rows(sizeClass(bytes)), maxRows));
}
const poolKey = (bytes: number, texels: number): string => `${bytes} ${texels}`;

/**
 * Idle buffers may take this share of the most that was in use since the last trim, and this many bytes in any case.
 */
const [IDLE_SHARE, IDLE_BYTES] = [0.25, 2 ** 25];

/** The classes that may serve one of `size` bytes, smallest first: those below twice its size. */
function* classesFor(size: number): Generator<number> {
  for (let each = size; each < 2 * size; each = sizeClass(each + 1)) yield each;
}

/** Bytes that all mirrors together may take. */
const MIRROR_LIMIT = 2 ** 28;

/** The buffer of blocks that are textures, and of those in a dry run, where no command reaches the device. */
export const NO_BUFFER = {} as GPUBuffer;

export class Memory {
  private readonly free = new Map<string, Block[]>();
  /** The free blocks, the longest idle first. */
  private readonly idle = new Set<Block>();
  private liveBytes = 0;
  /** The most `liveBytes` since the last trim. */
  private mostLive = 0;
  private liveBuffers = 0;
  private allocatedBytes = 0;
  private peakBytes = 0;
  private created = 0;
  private largestBytes = 0;
  private readonly mirrors = new Set<Block>();
  private readonly byPurpose: Record<Purpose, number> = { weights: 0, gradients: 0, optimizer: 0, step: 0 };

  /**
   * @param stream says whether pending commands use a block, and is notified when buffers are destroyed
   * @param makeRoom called before a limit would be exceeded: submits what uses pooled buffers, and trims
   */
  constructor(
    private readonly device: GPUDevice,
    private readonly stream: { isPending(block: Block): boolean; forgetBindGroups(): void },
    private readonly makeRoom: () => void,
    readonly options: MemoryOptions = {},
  ) {}

  /**
   * Bytes that a kernel can be given at once. What a step makes must fit; weights, gradients and moments may be larger
   * and are bound in parts.
   */
  get bindingLimit(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    return Math.min(maxBufferSize, maxStorageBufferBindingSize, this.options.bindingLimit ?? Infinity);
  }

  /**
   * @param isBrief it will soon be released, so a larger idle buffer may serve
   * @throws DeviceError where it exceeds a limit of the adapter or the one that was set
   */
  acquire(bytes: number, purpose: Purpose = 'step', texels = 0, isBrief = false): Block {
    // What stays is as large as it must be; what comes and goes has sizes in common.
    const size =
      purpose === 'step' || texels > 0
        ? classOf({ bytes, texels }, this.device.limits.maxTextureDimension2D)
        : Math.max(256, Math.ceil(bytes / 256) * 256);
    if (texels === 0) this.requireBindable(bytes, purpose);
    const pooled = this.takeFree(size, texels, isBrief && texels === 0);
    if (!pooled) this.requireRoom(size);
    const taken = pooled?.bytes ?? size;
    this.liveBytes += taken;
    this.mostLive = Math.max(this.mostLive, this.liveBytes);
    this.liveBuffers++;
    this.byPurpose[purpose] += taken;
    if (purpose === 'step' && texels === 0) this.largestBytes = Math.max(this.largestBytes, bytes);
    if (pooled) {
      pooled.purpose = purpose;
      return pooled;
    }
    this.allocatedBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.allocatedBytes);
    return {
      id: this.created++,
      ...this.create(size, texels),
      bytes: size,
      texels,
      lastUse: -1,
      returns: 0,
      purpose,
      mirrors: null,
      saved: null,
      known: null,
    };
  }

  private takeFree(size: number, texels: number, mayBeLarger: boolean): Block | undefined {
    for (const each of mayBeLarger ? classesFor(size) : [size]) {
      const block = this.free.get(poolKey(each, texels))?.pop();
      if (!block) continue;
      this.idle.delete(block);
      return block;
    }
    return undefined;
  }

  /** A texture for a mirror; null where mirrors would take more than they may: nothing where memory is limited. */
  acquireMirror(bytes: number, texels: number): Block | null {
    const taken = [...this.mirrors].reduce((sum, mirror) => sum + mirror.bytes, 0);
    if (this.options.limit !== undefined || taken + bytes > MIRROR_LIMIT) return null;
    const texture = this.acquire(bytes, 'weights', texels);
    this.mirrors.add(texture);
    return texture;
  }

  /** Refuses what the adapter cannot hold in one piece. */
  protected requireBindable(bytes: number, purpose: Purpose): void {
    const most = purpose === 'step' ? this.bindingLimit : this.device.limits.maxBufferSize;
    if (bytes <= most) return;
    throw new DeviceError(
      `memory: a ${purpose === 'step' ? 'tensor' : `buffer of ${purpose}`} of ${bytes} bytes is larger than the adapter's limit of ${most} bytes per ${purpose === 'step' ? 'binding' : 'buffer'}; ${purpose === 'weights' ? 'store it as f16, int8, int4 or nf4' : 'split it'}.`,
    );
  }

  /** Refuses `bytes` more if they exceed the limit, after freeing what can be freed. */
  protected requireRoom(size: number): void {
    const { limit = Infinity } = this.options;
    if (this.allocatedBytes + size > limit) this.makeRoom();
    if (this.allocatedBytes + size > limit)
      throw new DeviceError(
        `memory: ${showBytes(size)} more would exceed the limit of ${showBytes(limit)}: ${this.describe()}; make the batch smaller or raise the limit.`,
      );
  }

  /**
   * Before anything is allocated for a step: refuses it where it does not fit.
   * @param name of the step
   * @param slots what it needs, `freed` bytes of which are given back for it
   * @param activations the most that it keeps at once between forward and backward, for the message
   */
  requireStep(name: string, slots: readonly Slot[], freed: number, activations: number): void {
    const largest = Math.max(0, ...slots.map(({ bytes, texels }) => (texels === 0 ? bytes : 0)));
    if (largest > this.bindingLimit)
      throw new DeviceError(
        `${name}: the step needs a tensor of ${showBytes(largest)} and the adapter binds ${showBytes(this.bindingLimit)}; make the batch smaller.`,
      );
    const { limit = Infinity } = this.options;
    if (this.allocatedBytes - freed + this.missing(slots) <= limit) return;
    this.makeRoom();
    const taken = this.allocatedBytes - freed;
    const needed = this.missing(slots);
    if (taken + needed <= limit) return;
    throw new DeviceError(
      `${name}: the step needs ${showBytes(needed)} (activations ${showBytes(activations)}, scratch ${showBytes(needed - activations)}) in addition to ${this.describe()}, and ${showBytes(limit - taken)} of ${showBytes(limit)} are left; make the batch smaller, or recompute parts with checkpoint.`,
    );
  }

  protected create(size: number, texels: number): Pick<Block, 'buffer' | 'texture'> {
    const label = `pool ${size}`;
    if (texels === 0)
      return {
        buffer: this.device.createBuffer({
          size,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
          label,
        }),
        texture: null,
      };
    const texture = this.device.createTexture({
      size: [texels, size / (16 * texels)],
      format: 'rgba32float',
      usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_DST,
      label,
    });
    return { buffer: NO_BUFFER, texture };
  }

  /** Bytes that acquiring such blocks would create, beyond what the pool holds. */
  private missing(slots: readonly Slot[]): number {
    const left = new Map([...this.free].map(([key, list]) => [key, list.length]));
    return slots.reduce((sum, slot) => {
      const size = classOf(slot, this.device.limits.maxTextureDimension2D);
      const key = poolKey(size, slot.texels);
      const count = left.get(key) ?? 0;
      left.set(key, count - 1);
      return count > 0 ? sum : sum + size;
    }, 0);
  }

  release(block: Block): void {
    block.mirrors?.end();
    block.known = null;
    this.mirrors.delete(block);
    this.liveBytes -= block.bytes;
    this.liveBuffers--;
    this.byPurpose[block.purpose] -= block.bytes;
    block.returns++;
    const key = poolKey(block.bytes, block.texels);
    const list = this.free.get(key);
    if (list) list.push(block);
    else this.free.set(key, [block]);
    this.idle.add(block);
    this.boundIdle();
  }

  /** Destroys the buffers that have been idle longest while idle memory exceeds its limit. */
  private boundIdle(): void {
    const most = this.mostLive + Math.max(IDLE_BYTES, IDLE_SHARE * this.mostLive);
    if (this.allocatedBytes <= most) return;
    for (const block of this.idle) {
      if (this.stream.isPending(block)) continue;
      const list = this.free.get(poolKey(block.bytes, block.texels))!;
      list.splice(list.indexOf(block), 1);
      this.idle.delete(block);
      this.destroy(block);
      if (this.allocatedBytes <= most) return;
    }
  }

  private destroy(block: Block): void {
    this.allocatedBytes -= block.bytes;
    this.drop(block);
  }

  /** Gives its memory back to the device. */
  protected drop({ texture, buffer }: Block): void {
    (texture ?? buffer).destroy();
  }

  /** Destroys every pooled buffer that is not in use. */
  trim(): void {
    for (const block of this.idle) this.destroy(block);
    this.idle.clear();
    this.free.clear();
    this.mostLive = this.liveBytes;
    this.stream.forgetBindGroups();
  }

  resetPeak(): void {
    this.peakBytes = this.allocatedBytes;
    this.largestBytes = 0;
  }

  report(): MemoryReport {
    const { liveBytes, liveBuffers, allocatedBytes, peakBytes, created, largestBytes } = this;
    return {
      liveBytes,
      liveBuffers,
      allocatedBytes,
      peakBytes,
      created,
      largestBytes,
      byPurpose: { ...this.byPurpose },
    };
  }

  /** Live memory, as text. */
  describe(): string {
    return Object.entries(this.byPurpose)
      .map(([purpose, bytes]) => `${purpose} ${showBytes(bytes)}`)
      .join(', ');
  }
}
