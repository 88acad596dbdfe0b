/** @file The state of random ops: seed and step are data on the device, the counter belongs to the recording. */
import type { Gpu } from './gpu.ts';
import type { Block } from './memory/memory.ts';
import type { Binding } from './stream/stream.ts';

export class RandomState {
  /**
   * Number of random streams drawn since the step or its last `rebase`; `checkpoint` restores it to recompute the same
   * numbers.
   */
  counter = 0;
  /** Streams drawn before: data, so that a recorded step can be replayed as a later part of a step. */
  private base = 0;
  private block: Block | null = null;
  private currentStep = 0;

  constructor(
    private readonly gpu: Gpu,
    private currentSeed: number,
  ) {}

  get seed(): number {
    return this.currentSeed;
  }

  get step(): number {
    return this.currentStep;
  }

  /** Starts step `step`: the counter begins at 0 and the same (seed, step) gives the same numbers. */
  setStep(step: number, seed: number = this.currentSeed): void {
    this.currentSeed = seed;
    this.currentStep = step;
    this.counter = 0;
    this.base = 0;
    if (this.block) this.upload(this.block);
  }

  /** Counts from 0 again without drawing any number twice. */
  rebase(): void {
    if (this.counter === 0) return;
    this.base += this.counter;
    this.counter = 0;
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
