/** @file How an optimizer keeps the two moments of its parameters: as f32, or in 8 bits by blocks. */
import { optimAdamwUpdate } from '@curio/kernels/optim_adamw_update';
import { optimAdamwUpdate8bit } from '@curio/kernels/optim_adamw_update_8bit';
import { Storage } from '../gpu/memory/arena.ts';
import { WeightError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { ceilDiv, lineGrid } from '../gpu/kernel/grid.ts';
import { lineWork } from '../gpu/kernel/line.ts';
import type { Binding } from '../gpu/memory/block.ts';
import { dynamicMap } from './dynamic-map.ts';

export const MOMENT_STORAGES = ['f32', '8bit'] as const;
export type MomentStorage = (typeof MOMENT_STORAGES)[number];

/** A moment in 8 bits: indices into the dynamic map, and the greatest absolute value of each 256 neighbours. */
export interface QuantisedMoment {
  readonly codes: Uint8Array<ArrayBuffer>;
  readonly absmax: Float32Array<ArrayBuffer>;
}
export type Moment = Float32Array<ArrayBuffer> | QuantisedMoment;
export interface MomentPair {
  readonly first: Moment;
  readonly second: Moment;
}

/** An update of the elements of a segment from `start` on. */
export interface Update {
  readonly start: number;
  readonly size: number;
  readonly buffers: { readonly x: Binding; readonly g: Binding; readonly rate: Binding; readonly norm: Binding };
  readonly params: Readonly<Record<'factor' | 'beta1' | 'rest1' | 'beta2' | 'rest2' | 'eps' | 'decay', number>>;
}

/** The moments of a segment; they begin as zeros. */
export interface Moments {
  /** Records the kernel that updates these elements and their moments. */
  update(work: Update): void;
  /** Those of each parameter, given its place in the segment: views of what was read once. */
  read(): Promise<(offset: number, size: number) => MomentPair>;
  /** Throws WeightError unless `pair` has the storage and the size of these. */
  check(name: string, size: number, pair: MomentPair): void;
  write(offset: number, pair: MomentPair): void;
  release(): void;
}

/** Elements that share an absmax. */
export const MOMENT_BLOCK = 256;
/** Smaller tensors keep f32 moments, as in bitsandbytes (`min_8bit_size`). */
const LEAST_8BIT = 4096;

/** What a parameter's moments are kept as under a setting. */
export const momentsOf = (size: number, asked: MomentStorage): MomentStorage => (size < LEAST_8BIT ? 'f32' : asked);

export const makeMoments = (gpu: Gpu, size: number, storage: MomentStorage): Moments =>
  storage === '8bit' ? new Moments8bit(gpu, size) : new MomentsF32(gpu, size);

const bufferOf = (gpu: Gpu, bytes: number): Storage => new Storage(gpu.memory.acquire(bytes, 'optimizer'), gpu.memory);

function cleared(gpu: Gpu, bytes: number): Storage {
  const storage = bufferOf(gpu, bytes);
  gpu.stream.clear({ block: storage.block, offset: 0, bytes }, bytes);
  return storage;
}

function refuse(name: string, size: number, { first, second }: MomentPair, mine: MomentStorage): void {
  const isF32 = [first, second].map((moment) => moment instanceof Float32Array);
  if (isF32.some((each) => each !== (mine === 'f32')))
    throw new WeightError(
      `adamw: the state has ${isF32[0] ? 'f32' : '8-bit'} moments for '${name}', and this optimizer keeps them as ${mine}; create it with moments: '${isF32[0] ? 'f32' : '8bit'}', like the one that the state was read from.`,
    );
  const [a, b] = [first, second].map((moment) => (moment instanceof Float32Array ? moment : moment.codes).length);
  if (a !== size || b !== size)
    throw new WeightError(`adamw: the state has ${a} and ${b} moments for '${name}'; it needs ${size} of each.`);
  const blocks = ceilDiv(size, MOMENT_BLOCK);
  const [c, d] = [first, second].map((moment) => (moment instanceof Float32Array ? blocks : moment.absmax.length));
  if (c !== blocks || d !== blocks)
    throw new WeightError(
      `adamw: the state has ${c} and ${d} block maxima for '${name}'; it needs ${blocks} of each, one per ${MOMENT_BLOCK} moments.`,
    );
}

/** Lanes of a workgroup of optim/adamw_update. */
const UPDATE_WG = 64;
/** What adamw_update reads and writes: x, m and v both ways, and g. */
const STREAMS = 7;

class MomentsF32 implements Moments {
  private readonly first: Storage;
  private readonly second: Storage;

  constructor(
    private readonly gpu: Gpu,
    private readonly size: number,
  ) {
    this.first = cleared(gpu, 4 * size);
    this.second = cleared(gpu, 4 * size);
  }

  update({ start, size, buffers, params }: Update): void {
    const of = ({ block }: Storage): Binding => ({ block, offset: 4 * start, bytes: 4 * size });
    this.gpu.dispatch(optimAdamwUpdate, 'update', {
      buffers: { ...buffers, m: of(this.first), v: of(this.second) },
      params: { vectors: size / 4, ...params },
      ...lineWork(this.gpu, optimAdamwUpdate, size / 4, UPDATE_WG, {}, STREAMS),
      op: 'adamw',
    });
  }

  async read() {
    const [first, second] = await Promise.all(
      [this.first, this.second].map(
        async ({ block }) => new Float32Array(await this.gpu.read({ block, offset: 0, bytes: 4 * this.size })),
      ),
    );
    return (offset: number, size: number): MomentPair => ({
      first: first!.subarray(offset, offset + size),
      second: second!.subarray(offset, offset + size),
    });
  }

  check(name: string, size: number, pair: MomentPair): void {
    refuse(name, size, pair, 'f32');
  }

  write(offset: number, { first, second }: MomentPair): void {
    this.gpu.stream.write(this.first.block, 4 * offset, first as Float32Array<ArrayBuffer>);
    this.gpu.stream.write(this.second.block, 4 * offset, second as Float32Array<ArrayBuffer>);
  }

  release(): void {
    for (const storage of [this.first, this.second]) storage.release();
  }
}

/** Blocks that a workgroup of optim/adamw_update_8bit updates. */
const BLOCKS = 4;
/** The codes of 0 in the signed and in the unsigned map: those of the padding. */
const ZERO_CODES = { first: 127, second: 0 } as const;

/**
 * 2 bytes an element and 8 a block, instead of 8 an element. As in bitsandbytes' AdamW8bit, whose kernel on CUDA also
 * keeps the sign of a first moment that is nearest to 0; here it becomes 0, as in its kernel on the CPU.
 */
class Moments8bit implements Moments {
  private readonly first: Storage;
  private readonly second: Storage;
  /** float[blocks, 2]: of the first and of the second moment. */
  private readonly absmax: Storage;
  /** float[512]: both maps. */
  private readonly levels: Storage;

  constructor(
    private readonly gpu: Gpu,
    private readonly size: number,
  ) {
    this.first = cleared(gpu, size);
    this.second = cleared(gpu, size);
    this.absmax = cleared(gpu, (8 * size) / MOMENT_BLOCK);
    this.levels = bufferOf(gpu, 4 * 512);
    gpu.stream.write(this.levels.block, 0, Float32Array.of(...dynamicMap(true), ...dynamicMap(false)));
  }

  update({ start, size, buffers, params }: Update): void {
    const codes = ({ block }: Storage): Binding => ({ block, offset: start, bytes: size });
    const blocks = size / MOMENT_BLOCK;
    this.gpu.dispatch(optimAdamwUpdate8bit, 'update', {
      buffers: {
        ...buffers,
        m: codes(this.first),
        v: codes(this.second),
        absmax: { block: this.absmax.block, offset: (8 * start) / MOMENT_BLOCK, bytes: 8 * blocks },
        levels: { block: this.levels.block, offset: 0, bytes: 4 * 512 },
      },
      params: { blocks, ...params },
      grid: lineGrid(ceilDiv(blocks, BLOCKS)),
      op: 'adamw',
    });
  }

  async read() {
    const blocks = this.size / MOMENT_BLOCK;
    const [first, second, pairs] = await Promise.all([
      this.gpu.read({ block: this.first.block, offset: 0, bytes: this.size }),
      this.gpu.read({ block: this.second.block, offset: 0, bytes: this.size }),
      this.gpu.read({ block: this.absmax.block, offset: 0, bytes: 8 * blocks }),
    ]);
    const absmax = new Float32Array(pairs);
    return (offset: number, size: number): MomentPair => {
      const from = offset / MOMENT_BLOCK;
      const part = (bytes: ArrayBuffer, which: number): QuantisedMoment => ({
        codes: new Uint8Array(bytes, offset, size),
        absmax: Float32Array.from({ length: ceilDiv(size, MOMENT_BLOCK) }, (_, i) => absmax[2 * (from + i) + which]!),
      });
      return { first: part(first, 0), second: part(second, 1) };
    };
  }

  check(name: string, size: number, pair: MomentPair): void {
    refuse(name, size, pair, '8bit');
  }

  write(offset: number, pair: MomentPair): void {
    const [first, second] = [pair.first as QuantisedMoment, pair.second as QuantisedMoment];
    const blocks = first.absmax.length;
    for (const [storage, { codes }, zero] of [
      [this.first, first, ZERO_CODES.first],
      [this.second, second, ZERO_CODES.second],
    ] as const) {
      const whole = new Uint8Array(blocks * MOMENT_BLOCK).fill(zero);
      whole.set(codes);
      this.gpu.stream.write(storage.block, offset, whole);
    }
    const pairs = Float32Array.from({ length: 2 * blocks }, (_, i) => (i % 2 ? second : first).absmax[i >> 1]!);
    this.gpu.stream.write(this.absmax.block, (8 * offset) / MOMENT_BLOCK, pairs);
  }

  release(): void {
    for (const storage of [this.first, this.second, this.absmax, this.levels]) storage.release();
  }
}
