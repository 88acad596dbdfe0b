/** @file Writes host values into a parameter of any storage type. */
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { Storage } from '../../gpu/memory/arena.ts';
import { byteLength, isPacked } from '../../tensor/dtype.ts';
import type { DType } from '../../tensor/dtype.ts';
import { requireOptions } from '../../tensor/options.ts';
import type { Parameter } from '../../tensor/parameter.ts';
import { showShape, sizeOf } from '../../tensor/shape.ts';
import type { Shape } from '../../tensor/shape.ts';
import { empty, Tensor, tensor } from '../../tensor/tensor.ts';
import { canNest, packScales, SCALE_BLOCK } from '../parts/nested-scales.ts';
import { cast } from './cast.ts';
import { columnFactors, halfAt, scaleColumns } from './columns.ts';

/** Elements that are on the device as f32 at a time. */
const CHUNK = 2 ** 22;

export interface StoreOptions {
  /** As `cast` takes it; default 64, or a smaller power of two that divides the last axis. */
  readonly groupSize?: number;
  /** As `cast` takes it. */
  readonly nested?: boolean;
  /**
   * Whether columns of an int8 matrix whose size is unlike the others' are divided by powers of two (columns.ts).
   * Default true.
   */
  readonly columns?: boolean;
}

/** Writes a parameter piece by piece, so that no more than a piece of it has to be in memory. */
export interface StoreWriter {
  /** Elements of a piece, except the last one: at most 16 MiB of f32. */
  readonly piece: number;
  /**
   * The values from element `begin` on, a multiple of `piece`: f32 as they are, f16 and bf16 as words of two, which
   * the device converts where the parameter is stored otherwise. Subnormal halves may then come out as 0.
   */
  write(begin: number, values: Float32Array<ArrayBuffer> | HalfWords): void;
  /** To be called once, after the last piece: the scales of a quantised parameter become its own. */
  finish(): void;
}
export interface HalfWords {
  readonly dtype: 'f16' | 'bf16';
  /** Two per word, the first in the low bits; with an odd number the last word is half empty. */
  readonly words: Uint32Array<ArrayBuffer>;
  readonly count: number;
}

/**
 * Opens a parameter for writing; what it held is lost piece by piece.
 * @throws ShapeError when groups do not fit its last axis, DTypeError when it is neither f32 nor packed
 */
export function openStore(parameter: Parameter, options: StoreOptions = {}): StoreWriter {
  requireOptions('store', options, ['groupSize', 'nested', 'columns']);
  const { gpu, dtype, size, name, storage, offset } = parameter;
  if (dtype !== 'f32' && !isPacked(dtype))
    throw new DTypeError(`store: '${name}' is ${dtype}; only f32 and packed parameters can be stored.`);
  const group = dtype === 'f32' ? 8 : groupOf(parameter, options);
  const most = Math.min(CHUNK, gpu.memory.bindingLimit / 4);
  const cols = scalesColumns(parameter, options) && parameter.shape[1]! <= most ? parameter.shape[1]! : 0;
  const unit = cols || group;
  const piece = unit * Math.max(1, Math.floor(most / unit));
  /** What the columns are multiplied by before they are quantised, and what their features are. */
  let [inverses, columns]: (Tensor | null)[] = [null, null];
  const scales = dtype === 'f32' || dtype === 'f16' || dtype === 'bf16' ? null : permanent(gpu, [size / group]);
  const onDevice = (values: Float32Array<ArrayBuffer> | HalfWords, shape: readonly number[]): Tensor => {
    if (values instanceof Float32Array) return tensor(gpu, values, shape);
    const halves = empty(gpu, shape, values.dtype);
    gpu.stream.write(halves.storage.block, halves.offset * 4, values.words);
    return halves;
  };
  const write = (begin: number, values: Float32Array<ArrayBuffer> | HalfWords): void => {
    const count = values instanceof Float32Array ? values.length : values.count;
    if (begin % piece !== 0 || count !== Math.min(piece, size - begin))
      throw new ShapeError(
        `store: ${count} values from element ${begin} of '${name}'; every piece but the last must start at a multiple of ${piece} and have ${piece} values.`,
      );
    if (cols && begin === 0) {
      const at = values instanceof Float32Array ? (i: number) => values[i]! : halfAt(values.dtype, values.words);
      const factors = columnFactors(at, count / cols, cols);
      if (factors) {
        [inverses, columns] = [permanent(gpu, [cols]), permanent(gpu, [cols])];
        inverses.write(factors.map((factor) => 1 / factor));
        columns.write(factors);
      }
    }
    const raw = values instanceof Float32Array ? dtype === 'f32' && values : values.dtype === dtype && values.words;
    const at = byteLength(dtype, offset + begin); // an optimizer's parameters share a buffer
    if (raw) return gpu.stream.write(storage.block, at, raw);
    gpu.scope(() => {
      const given = onDevice(values, scales ? [count / group, group] : [count]);
      const isPlain = inverses !== null || !scales;
      const source = isPlain ? cast(given, 'f32') : given;
      if (inverses) scaleColumns(source, inverses);
      const stored = cast(source, dtype, { groupSize: group });
      copyBytes(stored, parameter, at, byteLength(dtype, count));
      if (scales) copyBytes(stored.quantisation!.scales, scales, (4 * begin) / group, (4 * count) / group);
    });
  };
  const finish = (): void => {
    dropScales(parameter);
    inverses?.dispose();
    parameter.quantisation = scales && { scales, zeros: null, groupSize: group, columns };
    if (!scales || !isNested(parameter, group, options)) return;
    const packed = packScales(scales, (shape, type) => permanent(gpu, shape, type));
    parameter.quantisation = { ...packed, zeros: null, groupSize: group };
    scales.dispose();
  };
  return { piece, write, finish };
}

/**
 * Writes f32 values into `parameter` as its type stores them: rounded to f16 or bf16, or quantised with scales. At most
 * 16 MiB of f32 are on the device at a time, whatever the size.
 * @param values row-major, as many as the parameter has elements
 * Throws ShapeError when their number or the groups do not fit, DTypeError when the parameter is neither f32 nor
 * packed.
 */
export function store(parameter: Parameter, values: Float32Array<ArrayBuffer>, options: StoreOptions = {}): void {
  requireOptions('store', options, ['groupSize', 'nested', 'columns']);
  const { dtype, size, shape, name } = parameter;
  if (values.length !== size)
    throw new ShapeError(
      `store: ${values.length} values for '${name}' of shape ${showShape(shape)}; it needs ${size}.`,
    );
  if (dtype === 'f32') return parameter.write(values);
  const writer = openStore(parameter, options);
  for (let begin = 0; begin < size; begin += writer.piece)
    writer.write(begin, values.subarray(begin, begin + writer.piece));
  writer.finish();
}

/** Writes a quantised parameter as it was read: the words that `read` gave, and the scales; `begin` in bytes. */
export interface PackedWriter {
  /** Bytes of all words. */
  readonly bytes: number;
  words(begin: number, words: Uint32Array<ArrayBuffer>): void;
  /** f32 numbers, as words; of nested ones 8 bits each. */
  scales(begin: number, words: Uint32Array<ArrayBuffer>): void;
  /** Least value and step of the blocks of nested scales, f32 numbers as words. */
  blocks(begin: number, words: Uint32Array<ArrayBuffer>): void;
  /** Factors of the columns, all at once, where there are any. */
  columns(factors: Float32Array<ArrayBuffer>): void;
  /** To be called once, at the end. */
  finish(): void;
}

/**
 * Opens a quantised parameter for the words and scales of one like it.
 * @param nested whether its scales are quantised, as `cast` takes it
 * @throws DTypeError when it has no scales, ShapeError when groups, or blocks of scales, do not fit its last axis
 */
export function openPackedStore(parameter: Parameter, groupSize: number, nested = false): PackedWriter {
  const { gpu, dtype, size, name, storage, offset } = parameter;
  if (!isPacked(dtype) || dtype === 'f16' || dtype === 'bf16')
    throw new DTypeError(`store: '${name}' is ${dtype}; only int8, int4 and nf4 parameters have words with scales.`);
  const count = size / groupOf(parameter, { groupSize });
  if (nested && !isNested(parameter, groupSize, { nested }))
    throw new ShapeError(
      `store: '${name}' is ${dtype} ${showShape(parameter.shape)} in groups of ${groupSize}; only scales of nf4 of which 64 rows hold whole blocks of ${SCALE_BLOCK} are nested.`,
    );
  const { scales, blocks } = nested ? nestedScales(gpu, count) : { scales: permanent(gpu, [count]), blocks: null };
  let columns: Tensor | null = null;
  const put = (to: Tensor, begin: number, words: Uint32Array<ArrayBuffer>): void =>
    gpu.stream.write(to.storage.block, byteLength(to.dtype, to.offset) + begin, words);
  return {
    bytes: byteLength(dtype, size),
    words: (begin, words) => gpu.stream.write(storage.block, byteLength(dtype, offset) + begin, words),
    scales: (begin, words) => put(scales, begin, words),
    blocks: (begin, words) => {
      if (!blocks) throw new DTypeError(`store: '${name}' has no nested scales, so it takes no blocks of them.`);
      put(blocks, begin, words);
    },
    columns: (factors) => {
      if (factors.every((factor) => factor === 1)) return;
      columns = permanent(gpu, [factors.length]);
      columns.write(factors);
    },
    finish: () => {
      dropScales(parameter);
      parameter.quantisation = { scales, blocks, zeros: null, groupSize, columns };
    },
  };
}

/** Creates the scales of a quantised parameter without their values, for a dry run. */
export function reserveScales(parameter: Parameter, options: StoreOptions = {}): void {
  const { gpu, dtype, size, shape } = parameter;
  if (!isPacked(dtype) || dtype === 'f16' || dtype === 'bf16') return;
  const groupSize = groupOf(parameter, options);
  const count = size / groupSize;
  parameter.quantisation = isNested(parameter, groupSize, options)
    ? { ...nestedScales(gpu, count), zeros: null, groupSize }
    : {
        scales: permanent(gpu, [count]),
        zeros: null,
        groupSize,
        // Whether a weight has them is known when it is read; a prediction must not be too small.
        columns: scalesColumns(parameter, options) ? permanent(gpu, [shape[1]!]) : null,
      };
}

const nestedScales = (gpu: Gpu, count: number) => ({
  scales: permanent(gpu, [count], 'int8'),
  blocks: permanent(gpu, [Math.ceil(count / SCALE_BLOCK), 2]),
});

const scalesColumns = ({ dtype, shape }: Parameter, { columns = true }: StoreOptions): boolean =>
  columns && dtype === 'int8' && shape.length === 2;

function dropScales({ quantisation }: Parameter): void {
  quantisation?.scales.dispose();
  quantisation?.blocks?.dispose();
  quantisation?.columns?.dispose();
}

/** What belongs to a weight, and is counted with it. */
const permanent = (gpu: Gpu, shape: Shape, dtype: DType = 'f32'): Tensor =>
  new Tensor(
    gpu,
    shape,
    dtype,
    new Storage(gpu.memory.acquire(byteLength(dtype, sizeOf(shape)), 'weights'), gpu.memory),
  );

const isNested = ({ dtype, shape }: Parameter, groupSize: number, { nested = false }: StoreOptions): boolean =>
  nested && dtype === 'nf4' && canNest(shape.at(-1)!, groupSize);

function groupOf({ name, dtype, shape }: Parameter, { groupSize }: StoreOptions): number {
  const group = dtype === 'f16' || dtype === 'bf16' ? 8 : groupFor(shape.at(-1) ?? 0, groupSize);
  if (group === 0)
    throw new ShapeError(
      `store: '${name}' is ${showShape(shape)} and ${dtype} needs groups of a multiple of 8 that divide the last axis; store it as f16, bf16 or f32.`,
    );
  return group;
}

/** The group asked for, or the largest power of two up to 64 that divides the axis; 0 where groups do not fit. */
function groupFor(cols: number, asked?: number): number {
  const candidates = asked === undefined ? [64, 32, 16, 8] : [asked];
  return candidates.find((group) => group >= 8 && group % 8 === 0 && cols % group === 0) ?? 0;
}

function copyBytes(from: Tensor, to: Tensor, offset: number, bytes: number): void {
  from.gpu.stream.copy(
    { block: from.storage.block, offset: 0, bytes },
    { block: to.storage.block, offset, bytes },
    bytes,
  );
}
