/** @file AdamW over flat buffers. */
import { optimAdamwNorm } from '@curio/kernels/optim_adamw_norm';
import { Storage } from '../gpu/memory/arena.ts';
import { ConfigError, WeightError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { ceilDiv, lineGrid } from '../gpu/kernel/grid.ts';
import { requireGpu } from '../tensor/host-values.ts';
import { requireOptions } from '../tensor/options.ts';
import type { Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';
import { flatten } from './flat.ts';
import { checkSettings, requireAtLeast0 } from './settings.ts';
import type { Segment } from './flat.ts';
import { checkGroups } from './groups.ts';
import type { Trainable } from './groups.ts';
import type { Moment, MomentPair, MomentStorage } from './moments.ts';

export interface AdamWOptions {
  /**
   * Which parameters are trained, and the factor of each group on the learning rate; what no pattern matches stays
   * frozen. Default: all, at factor 1.
   */
  readonly groups?: Trainable;
  /** Learning rate of `step()` without one. Default 1e-3. */
  readonly lr?: number;
  /** Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
  /** Default 0. */
  readonly weightDecay?: number;
  /** Gradients are clipped to this global norm. Default: no clipping. */
  readonly maxGradNorm?: number;
  /**
   * How the moments are kept: '8bit' takes a quarter of the memory, with rounding errors as of bitsandbytes' AdamW8bit;
   * tensors of fewer than 4,096 elements keep f32. Default 'f32'.
   */
  readonly moments?: MomentStorage;
}

/** What a resumed run needs besides the parameters. */
export interface AdamWState {
  /** Steps done. */
  readonly step: number;
  /** First and second moment of each trained parameter, by name. */
  readonly moments: ReadonlyMap<string, MomentPair>;
}

/** A state whose moments are read when they are asked for, such as one in a file. */
export interface StoredAdamWState {
  readonly step: number;
  /** Those of a parameter; undefined where the state has none. */
  momentsOf(name: string): Promise<MomentPair | undefined>;
}

/** Bytes handed to the device before it is waited for: what is uploaded stays in memory until the device has it. */
const MOST_STAGED = 2 ** 26;

const EVERYTHING: Trainable = [['', 1]];

/** Vectors of four elements that one workgroup of optim/adamw_norm sums. */
const NORM_CHUNK = 64 * 64;

/**
 * AdamW with decoupled weight decay, bias correction and clipping by global norm, as torch.optim.AdamW and
 * clip_grad_norm_.
 * The constructor moves the trained parameters into flat buffers and lets them require gradients; `dispose()` freezes
 * them again.
 * Kernels: kernels/optim, 28 bytes an element a step, with 8-bit moments 16. Throws ConfigError when a pattern matches
 * no parameter and for a setting out of its range, or a parameter that another one trains; DTypeError for packed
 * parameters and for anything that is not a Parameter. Where a parameter's gradient was replaced or taken away,
 * `update` throws ConfigError.
 */
export class AdamW {
  /**
   * Norm of all gradients in the last `step`, before clipping: float[]. Read it asynchronously; where it is not finite
   * the step changed nothing.
   */
  readonly gradNorm: Tensor;
  /** The trained parameters. */
  readonly parameters: readonly Parameter[];
  private readonly segments: readonly Segment[];
  /** Σ g² of each chunk, and [learning rate, 1 - β₁ᵗ, √(1 - β₂ᵗ)]. */
  private readonly sums: Storage;
  private readonly rate: Storage;
  private readonly options: Required<AdamWOptions>;
  private steps = 0;
  private isDisposed = false;

  constructor(
    private readonly gpu: Gpu,
    parameters: readonly Parameter[],
    options: AdamWOptions = {},
  ) {
    requireGpu('adamw', gpu);
    requireOptions('adamw', options, ['groups', 'lr', 'betas', 'eps', 'weightDecay', 'maxGradNorm', 'moments']);
    checkSettings(parameters, options);
    this.options = {
      lr: 1e-3,
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0,
      moments: 'f32',
      ...options,
      groups: options.groups ?? EVERYTHING,
      maxGradNorm: options.maxGradNorm ?? 0,
    };
    checkGroups(
      'adamw',
      parameters.map(({ name }) => name),
      this.options.groups,
    );
    this.segments = flatten(gpu, parameters, this.options.groups, this.options.moments);
    this.parameters = this.segments.flatMap((s) => s.parameters);
    const slots = this.segments.reduce((sum, s) => sum + chunksOf(s), 0);
    const make = (bytes: number): Storage => new Storage(gpu.memory.acquire(bytes, 'optimizer'), gpu.memory);
    this.sums = make(4 * slots);
    this.rate = make(16);
    this.gradNorm = new Tensor(gpu, [], 'f32', make(16));
  }

  /** Steps done so far. */
  get stepsDone(): number {
    return this.steps;
  }

  /** Sets all gradients to zero. */
  zeroGrad(): void {
    this.requireLive();
    for (const s of this.segments) this.gpu.stream.clear(s.binding(s.gradient), 4 * s.size, 'zeroGrad');
  }

  /** Updates the parameters from their gradients. Where the norm of the gradients is not finite it changes nothing. */
  step(lr: number = this.options.lr): void {
    this.requireReady(); // before the step is counted
    this.beginStep(lr);
    this.update();
  }

  /**
   * Begins the next step: counts it, and writes what its `update` reads as data, the learning rate and the bias
   * corrections. Once a step. Throws ConfigError unless lr is finite and at least 0.
   */
  beginStep(lr: number): void {
    this.requireLive();
    requireAtLeast0('adamw', 'lr', lr);
    const {
      betas: [beta1, beta2],
    } = this.options;
    this.steps++;
    this.gpu.stream.write(
      this.rate.block,
      0,
      new Float32Array([lr, 1 - beta1 ** this.steps, Math.sqrt(1 - beta2 ** this.steps)]),
    );
  }

  /**
   * The update itself, the same commands at every step, so that it can be part of a captured step; call `beginStep`
   * before it.
   */
  update(): void {
    this.requireReady();
    const {
      betas: [beta1, beta2],
      eps,
      weightDecay,
      maxGradNorm,
    } = this.options;
    const { gpu } = this;
    const slots = this.segments.reduce((sum, s) => sum + chunksOf(s), 0);
    const sums = whole(this.sums, 4 * slots);
    const norm = whole(this.gradNorm.storage, 8);
    let slot = 0;
    const parts = this.segments.flatMap((s) =>
      s.parts(4 * NORM_CHUNK).map(({ start, size }) => ({
        s,
        start,
        size,
        of: ({ block }: Storage) => ({ block, offset: 4 * start, bytes: 4 * size }),
      })),
    );
    for (const { s, size, of } of parts) {
      const chunks = ceilDiv(size / 4, NORM_CHUNK);
      gpu.dispatch(optimAdamwNorm, 'partial', {
        buffers: { g: of(s.gradient), sums },
        params: { vectors: size / 4, slot, slots, max_norm: maxGradNorm },
        grid: lineGrid(chunks),
        op: 'adamw',
      });
      slot += chunks;
    }
    gpu.dispatch(optimAdamwNorm, 'finish', {
      buffers: { sums_done: sums, result: norm },
      params: { vectors: 0, slot: 0, slots, max_norm: maxGradNorm },
      grid: [1, 1, 1],
      op: 'adamw',
    });
    for (const { s, start, size, of } of parts) {
      s.moments.update({
        start,
        size,
        buffers: { x: of(s.value), g: of(s.gradient), rate: whole(this.rate, 12), norm },
        params: {
          factor: s.lrFactor,
          beta1,
          rest1: 1 - beta1,
          beta2,
          rest2: 1 - beta2,
          eps,
          decay: weightDecay,
        },
      });
    }
  }

  /** The state to write into a checkpoint. */
  async readState(): Promise<AdamWState> {
    this.requireLive();
    const { steps } = this;
    const moments = new Map<string, MomentPair>();
    // One segment after the other: each passes through as much memory of the host's and the device's again.
    for (const s of this.segments) {
      const pairAt = await s.moments.read();
      s.parameters.forEach(({ name, offset, size }) => moments.set(name, pairAt(offset, size)));
    }
    return { step: steps, moments };
  }

  /**
   * Continues from a state. Throws WeightError where it lacks a trained parameter, has another size for it, or moments
   * of the other storage.
   */
  load(state: AdamWState): void {
    this.requireLive();
    const each = this.places().map((place) => ({ place, pair: state.moments.get(place.name) }));
    for (const { place, pair } of each) requirePair(place, pair);
    for (const { place, pair } of each) place.s.moments.write(place.offset, pair!);
    this.steps = state.step;
  }

  /**
   * `load` from a state of which one parameter's moments are in memory at a time. After an error some parameters have
   * the moments of the state and others their own.
   */
  async loadStored(state: StoredAdamWState): Promise<void> {
    let staged = 0;
    for (const place of this.places()) {
      const pair = requirePair(place, await state.momentsOf(place.name));
      this.requireLive();
      place.s.moments.write(place.offset, pair);
      staged += bytesOf(pair.first) + bytesOf(pair.second);
      if (staged < MOST_STAGED) continue;
      await this.gpu.synchronize();
      staged = 0;
    }
    this.steps = state.step;
  }

  private places(): Place[] {
    return this.segments.flatMap((s) => s.parameters.map(({ name, offset, size }) => ({ s, name, offset, size })));
  }

  /** Name of the first trained parameter whose gradient has a value that is not finite, or null: for error messages. */
  async findNonFiniteGradient(): Promise<string | null> {
    this.requireLive();
    for (const s of this.segments) {
      const values = new Float32Array(await this.gpu.read(s.binding(s.gradient)));
      const bad = s.parameters.find(({ offset, size }) =>
        values.subarray(offset, offset + size).some((v) => !Number.isFinite(v)),
      );
      if (bad) return bad.name;
    }
    return null;
  }

  /** Frees gradients and moments and freezes the parameters, which keep their values. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    for (const s of this.segments) s.dispose();
    this.sums.release();
    this.rate.release();
    this.gradNorm.dispose();
  }

  private requireReady(): void {
    this.requireLive();
    for (const s of this.segments) s.requireWhole();
  }

  private requireLive(): void {
    if (this.isDisposed)
      throw new ConfigError(
        'adamw: the optimizer was used after dispose(); create a new one and load() the state that was read before.',
      );
  }
}

/** A trained parameter in its segment. */
interface Place {
  readonly s: Segment;
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

/** @throws WeightError unless the moments are there and fit */
function requirePair({ s, name, size }: Place, pair: MomentPair | undefined): MomentPair {
  if (!pair)
    throw new WeightError(
      `adamw: the state has no moments for '${name}'; it belongs to another choice of trained parameters.`,
    );
  s.moments.check(name, size, pair);
  return pair;
}

const bytesOf = (moment: Moment): number =>
  moment instanceof Float32Array ? moment.byteLength : moment.codes.byteLength;

const chunksOf = (s: Segment): number => ceilDiv(s.size / 4, NORM_CHUNK);
const whole = ({ block }: Storage, bytes: number) => ({
  block,
  offset: 0,
  bytes: Math.max(16, Math.ceil(bytes / 16) * 16),
});
