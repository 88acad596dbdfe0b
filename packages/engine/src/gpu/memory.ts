/** @file A size-class pool of storage buffers. The queue runs in order, so a freed buffer is reused at once. */
import { DeviceError } from './errors.ts';

/** What a buffer is for; all that is neither a parameter nor the optimizer's is `step`. */
export type Purpose = 'weights' | 'gradients' | 'optimizer' | 'step';

export interface Block {
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** Size of the class, which is at least what was asked for. */
  readonly bytes: number;
  /** Serial of the last recorded batch of commands that uses it. */
  lastUse: number;
  /** How often it was given back: who remembers a block can tell whether it is still the same one's. */
  returns: number;
  purpose: Purpose;
}

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
  /** The largest buffer asked for since then. */
  readonly largestBytes: number;
}

export interface MemoryOptions {
  /** Count and plan, but create no buffer. */
  readonly dry?: boolean;
  /** All buffers together may take this many bytes. */
  readonly limit?: number;
  /** Bind at most so many bytes at a time. */
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

/** Stands for the buffers of a dry run, where no command reaches the device. */
const NO_BUFFER = {} as GPUBuffer;

export class Memory {
  private readonly free = new Map<number, Block[]>();
  private liveBytes = 0;
  private liveBuffers = 0;
  private allocatedBytes = 0;
  private peakBytes = 0;
  private created = 0;
  private largestBytes = 0;
  private readonly byPurpose: Record<Purpose, number> = { weights: 0, gradients: 0, optimizer: 0, step: 0 };

  constructor(private readonly device: GPUDevice, private readonly onTrim: () => void, readonly options: MemoryOptions = {}) {}

  /** Bytes that a kernel can be given at once. What a step makes must fit; weights, gradients and moments may be larger and are bound in parts. */
  get bindingLimit(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    return Math.min(maxBufferSize, maxStorageBufferBindingSize, this.options.bindingLimit ?? Infinity);
  }

  /** @throws DeviceError where it goes over a limit of the adapter or the one that was set; a dry run only counts. */
  acquire(bytes: number, purpose: Purpose = 'step'): Block {
    const size = sizeClass(bytes);
    const { dry, limit = Infinity } = this.options;
    const most = purpose === 'step' ? this.bindingLimit : this.device.limits.maxBufferSize;
    if (bytes > most && !dry) throw new DeviceError(`memory: a ${purpose === 'step' ? 'tensor' : `buffer of ${purpose}`} of ${bytes} bytes is larger than the adapter's limit of ${most} bytes a ${purpose === 'step' ? 'binding' : 'buffer'}; ${purpose === 'weights' ? 'store it as f16, int8, int4 or nf4' : 'split it'}.`);
    const pooled = this.free.get(size)?.pop();
    if (!pooled && this.allocatedBytes + size > limit && !dry) throw new DeviceError(`memory: ${showBytes(size)} more go over the limit of ${showBytes(limit)}: ${this.describe()}; make the batch smaller or raise the limit.`);
    this.liveBytes += size;
    this.liveBuffers++;
    this.byPurpose[purpose] += size;
    if (purpose === 'step') this.largestBytes = Math.max(this.largestBytes, bytes);
    if (pooled) {
      pooled.purpose = purpose;
      return pooled;
    }
    this.allocatedBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.allocatedBytes);
    const usage = 0x80 | 0x08 | 0x04; // STORAGE | COPY_DST | COPY_SRC
    const buffer = dry ? NO_BUFFER : this.device.createBuffer({ size, usage, label: `pool ${size}` });
    return { id: this.created++, buffer, bytes: size, lastUse: -1, returns: 0, purpose };
  }

  /** Bytes that acquiring blocks of these sizes would create, what the pool holds apart. */
  missing(sizes: readonly number[]): number {
    const left = new Map([...this.free].map(([size, list]) => [size, list.length]));
    return sizes.map(sizeClass).reduce((sum, size) => {
      const count = left.get(size) ?? 0;
      left.set(size, count - 1);
      return count > 0 ? sum : sum + size;
    }, 0);
  }

  release(block: Block): void {
    this.liveBytes -= block.bytes;
    this.liveBuffers--;
    this.byPurpose[block.purpose] -= block.bytes;
    block.returns++;
    const list = this.free.get(block.bytes);
    if (list) list.push(block);
    else this.free.set(block.bytes, [block]);
  }

  /** Destroys every pooled buffer that is not in use. */
  trim(): void {
    for (const list of this.free.values()) {
      for (const block of list) {
        this.allocatedBytes -= block.bytes;
        if (!this.options.dry) block.buffer.destroy();
      }
    }
    this.free.clear();
    this.onTrim();
  }

  resetPeak(): void {
    this.peakBytes = this.allocatedBytes;
    this.largestBytes = 0;
  }

  report(): MemoryReport {
    const { liveBytes, liveBuffers, allocatedBytes, peakBytes, created, largestBytes } = this;
    return { liveBytes, liveBuffers, allocatedBytes, peakBytes, created, largestBytes, byPurpose: { ...this.byPurpose } };
  }

  /** What lives now, in words. */
  describe(): string {
    return Object.entries(this.byPurpose).map(([purpose, bytes]) => `${purpose} ${showBytes(bytes)}`).join(', ');
  }
}
