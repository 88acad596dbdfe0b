/** @file A size-class pool of storage buffers. The queue runs in order, so a freed buffer is reused at once. */
import { DeviceError } from './errors.ts';

export interface Block {
  readonly id: number;
  readonly buffer: GPUBuffer;
  /** Size of the class, which is at least what was asked for. */
  readonly bytes: number;
  /** Serial of the last recorded batch of commands that uses it. */
  lastUse: number;
  /** How often it was given back: who remembers a block can tell whether it is still the same one's. */
  returns: number;
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
}

/** Rounds up to a class: steps of a quarter of a power of two, 256 bytes at least. */
export function sizeClass(bytes: number): number {
  if (bytes <= 256) return 256;
  const step = 2 ** Math.max(8, Math.floor(Math.log2(bytes - 1)) - 2);
  return Math.ceil(bytes / step) * step;
}

export class Memory {
  private readonly free = new Map<number, Block[]>();
  private liveBytes = 0;
  private liveBuffers = 0;
  private allocatedBytes = 0;
  private peakBytes = 0;
  private created = 0;

  constructor(private readonly device: GPUDevice, private readonly onDestroy: (id: number) => void) {}

  acquire(bytes: number): Block {
    const size = sizeClass(bytes);
    const limit = Math.min(this.device.limits.maxBufferSize, this.device.limits.maxStorageBufferBindingSize);
    if (bytes > limit) throw new DeviceError(`memory: a tensor of ${bytes} bytes is larger than the adapter's limit of ${limit} bytes a binding; split it.`);
    this.liveBytes += size;
    this.liveBuffers++;
    const pooled = this.free.get(size)?.pop();
    if (pooled) return pooled;
    this.allocatedBytes += size;
    this.peakBytes = Math.max(this.peakBytes, this.allocatedBytes);
    const usage = 0x80 | 0x08 | 0x04; // STORAGE | COPY_DST | COPY_SRC
    const buffer = this.device.createBuffer({ size, usage, label: `pool ${size}` });
    return { id: this.created++, buffer, bytes: size, lastUse: -1, returns: 0 };
  }

  release(block: Block): void {
    this.liveBytes -= block.bytes;
    this.liveBuffers--;
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
        this.onDestroy(block.id);
        block.buffer.destroy();
      }
    }
    this.free.clear();
  }

  resetPeak(): void {
    this.peakBytes = this.allocatedBytes;
  }

  report(): MemoryReport {
    const { liveBytes, liveBuffers, allocatedBytes, peakBytes, created } = this;
    return { liveBytes, liveBuffers, allocatedBytes, peakBytes, created };
  }
}
