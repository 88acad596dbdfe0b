/** @file The state of random ops: seed and step are data on the device, the counter belongs to the recording. */
import { ConfigError } from './errors.ts';
import type { Binding, Block } from './memory/block.ts';
import type { Memory } from './memory/memory.ts';
import type { Stream } from './stream/stream.ts';

const LARGEST = 2 ** 32 - 1;

/** The device keeps it in 32 bits, and would take another number for it without a word. */
function requireWord(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > LARGEST)
    throw new ConfigError(`setStep: ${name} is ${value}; it must be a whole number from 0 to ${LARGEST}.`);
}

export class RandomState {
  private drawn = 0;
  /** Streams drawn before: data, so that a recorded step can be replayed as a later part of a step. */
  private base = 0;
  private block: Block | null = null;
  private currentStep = 0;

  constructor(
    private readonly gpu: { readonly memory: Pick<Memory, 'acquire'>; readonly stream: Pick<Stream, 'write'> },
    private currentSeed: number,
  ) {}

  get seed(): number {
    return this.currentSeed;
  }

  get step(): number {
    return this.currentStep;
  }

  /** Number of random streams drawn since the step or its last `rebase`. */
  get counter(): number {
    return this.drawn;
  }

  /** The number of the next stream, which is drawn now; `count` of them where a recorded step is replayed. */
  draw(count = 1): number {
    const first = this.drawn;
    this.drawn += count;
    return first;
  }

  /**
   * Runs `fn` with `counter` streams drawn, as `checkpoint` does to draw the same numbers again; later draws continue
   * from where it was.
   */
  drawnFrom<T>(counter: number, fn: () => T): T {
    const before = this.drawn;
    this.drawn = counter;
    try {
      return fn();
    } finally {
      this.drawn = before;
    }
  }

  /**
   * Starts step `step`: the counter begins at 0 and the same (seed, step) gives the same numbers.
   * @throws ConfigError unless both are whole numbers below 2³²
   */
  setStep(step: number, seed: number = this.currentSeed): void {
    requireWord('step', step);
    requireWord('seed', seed);
    this.currentSeed = seed;
    this.currentStep = step;
    this.drawn = 0;
    this.base = 0;
    if (this.block) this.upload(this.block);
  }

  /** Counts from 0 again without drawing any number twice. */
  rebase(): void {
    if (this.drawn === 0) return;
    this.base += this.drawn;
    this.drawn = 0;
    if (this.block) this.upload(this.block);
  }

  /**
   * `[seed, step, base, 0]` as u32 on the device: the key of the counter-based generator (kernels/lib/random.wgsl) and
   * what is added to its stream.
   */
  binding(): Binding {
    if (!this.block) {
      this.block = this.gpu.memory.acquire(16);
      this.upload(this.block);
    }
    return { block: this.block, offset: 0, bytes: 16 };
  }

  private upload(block: Block): void {
    this.gpu.stream.write(block, 0, new Uint32Array([this.currentSeed, this.currentStep, this.base, 0]));
  }
}
