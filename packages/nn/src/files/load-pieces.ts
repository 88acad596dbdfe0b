/** @file Loads tensors from files into parameters in pieces, each read while the previous one is uploaded. */
import {
  type HalfWords,
  openPackedStore,
  openStore,
  SCALE_BLOCK,
  type Parameter,
  type StoreOptions,
  WeightError,
} from '@curio/engine';
import { bfloatToFloat, convertHalves } from './half.ts';
import { BYTES, decodeFloats, type QuantisedPart, type StoredDType, type StoredTensor } from './tensor-file.ts';

/** A piece of a tensor: how to read it, and how to write it. */
export interface Piece {
  /** The parameter's. */
  readonly name: string;
  readonly isLast: boolean;
  /** @param into where the bytes may be put */
  read(into: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
  /** How many those are. */
  readonly bytes: number;
  write(bytes: Uint8Array): void;
  /** Whether all its values are 0. */
  isZero(bytes: Uint8Array): boolean;
}

/** Memory for one piece as f32, which the device has copied when a write returns. */
export class Scratch {
  private values = new Float32Array(0);

  of(length: number): Float32Array<ArrayBuffer> {
    if (this.values.length < length) this.values = new Float32Array(length);
    return this.values.subarray(0, length);
  }

  free(): void {
    this.values = new Float32Array(0);
  }
}

/** The pieces of one tensor, in order. Where the file cannot be read in parts, the tensor is read whole, once. */
export function* piecesOf(
  parameter: Parameter,
  stored: StoredTensor,
  scratch: Scratch,
  options: StoreOptions = {},
): Generator<Piece> {
  if (stored.quantised) return yield* packedPieces(parameter, stored, stored.quantised);
  const { size } = parameter;
  const bytes = BYTES[stored.dtype];
  const writer = openStore(parameter, options);
  let whole: Promise<Uint8Array> | null = null;
  const read = async (begin: number, end: number, into: Uint8Array<ArrayBuffer>): Promise<Uint8Array> => {
    if (stored.readRange) return stored.readRange(begin * bytes, end * bytes, into);
    const all = await (whole ??= stored.read());
    return all.subarray(begin * bytes, end * bytes);
  };
  for (let begin = 0; begin === 0 || begin < size; begin += writer.piece) {
    const end = Math.min(size, begin + writer.piece);
    const isLast = end === size;
    yield {
      name: parameter.name,
      isLast,
      bytes: stored.readRange ? (end - begin) * bytes : 0,
      read: (into) => read(begin, end, into),
      write: (piece) => {
        if (size > 0) writer.write(begin, hostValues(piece, stored, parameter, scratch));
        if (isLast) writer.finish();
      },
      isZero: (piece) => allZero(piece, stored.dtype),
    };
  }
}

/** Bytes of a piece of packed words. */
const PACKED_PIECE = 2 ** 24;

/**
 * The words as they are stored, then the factors of columns, the scales and what these consist of; 0 for a zero matrix.
 */
function* packedPieces(
  parameter: Parameter,
  stored: StoredTensor,
  { groupSize, scales, blocks, columns }: QuantisedPart,
): Generator<Piece> {
  const { name } = parameter;
  const writer = openPackedStore(parameter, groupSize, blocks !== undefined);
  const count = parameter.size / groupSize;
  const last = blocks ?? scales;
  const parts = [
    { from: stored, bytes: writer.bytes, write: writer.words, isZero: () => true },
    ...(columns
      ? [
          {
            from: columns,
            bytes: 4 * parameter.shape[1]!,
            write: (_: number, words: Uint32Array<ArrayBuffer>) =>
              writer.columns(new Float32Array(words.buffer, words.byteOffset, words.length)),
            isZero: () => true,
          },
        ]
      : []),
    ...(blocks ? [{ from: scales, bytes: count, write: writer.scales, isZero: () => true }] : []),
    {
      from: last,
      bytes: blocks ? 8 * Math.ceil(count / SCALE_BLOCK) : 4 * count,
      write: blocks ? writer.blocks : writer.scales,
      isZero: (b: Uint8Array) => allZero(b, 'F32'),
    },
  ];
  for (const { from, bytes, write, isZero } of parts)
    for (let begin = 0; begin < bytes; begin += PACKED_PIECE) {
      const end = Math.min(bytes, begin + PACKED_PIECE);
      const isLast = from === last && end === bytes;
      yield {
        name,
        isLast,
        bytes: from.readRange ? end - begin : 0,
        read: async (into) =>
          from.readRange ? from.readRange(begin, end, into) : (await from.read()).subarray(begin, end),
        write: (piece) => {
          write(begin, wordsOf(piece));
          if (isLast) writer.finish();
        },
        isZero,
      };
    }
}

/** Draws the values of a parameter, piece by piece. */
export function drawValues(parameter: Parameter, draw: (out: Float32Array) => void, scratch: Scratch): void {
  const { size } = parameter;
  const writer = openStore(parameter);
  for (let begin = 0; begin < size; begin += writer.piece) {
    // What `draw` leaves out shows as NaN.
    const values = scratch.of(Math.min(writer.piece, size - begin)).fill(NaN);
    draw(values);
    writer.write(begin, values);
  }
  writer.finish();
}

/** Whether all values are 0 or -0; usually the first bytes decide. */
export function allZero(bytes: Uint8Array, dtype: StoredDType): boolean {
  const size = BYTES[dtype];
  const sign = /^B?F/.test(dtype) ? 0x80 : 0;
  return bytes.every((byte, i) => byte === 0 || (byte === sign && i % size === size - 1));
}

/** Halves for a quantised parameter go as they are, and the device converts them; anything else is converted here. */
function hostValues(
  bytes: Uint8Array,
  { dtype }: StoredTensor,
  parameter: Parameter,
  scratch: Scratch,
): Float32Array<ArrayBuffer> | HalfWords {
  const half = dtype === 'F16' ? 'f16' : dtype === 'BF16' ? 'bf16' : null;
  const { dtype: to } = parameter;
  if (half && to !== 'f32') {
    const halves: HalfWords = { dtype: half, words: wordsOf(bytes), count: bytes.length / 2 };
    return to === half || (to !== 'f16' && to !== 'bf16') ? halves : otherHalves(halves, to, parameter.name, scratch);
  }
  const room = half ? scratch.of(bytes.length / 2) : undefined;
  const values = decodeFloats(bytes, dtype, room) as Float32Array<ArrayBuffer>;
  if (to === 'f16') refuseHuge(values, parameter.name);
  return values;
}

function otherHalves(
  { words, dtype, count }: HalfWords,
  to: 'f16' | 'bf16',
  name: string,
  scratch: Scratch,
): HalfWords {
  const out = new Uint32Array(scratch.of(words.length).buffer, 0, words.length);
  if (!convertHalves(words, dtype, out))
    refuseHuge(bfloatToFloat(new Uint16Array(words.buffer, words.byteOffset, count)), name);
  return { dtype: to, words: out, count };
}

function wordsOf(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = bytes;
  if (byteOffset % 4 === 0 && length % 4 === 0 && buffer instanceof ArrayBuffer)
    return new Uint32Array(buffer, byteOffset, length / 4);
  const words = new Uint32Array(Math.ceil(length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}

/** @throws WeightError for a finite value beyond the range of f16 */
export function refuseHuge(values: Float32Array, name: string): void {
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (Math.abs(value) >= 65520 && value !== Infinity && value !== -Infinity)
      throw new WeightError(
        `weights: '${name}' holds ${value}, and the largest f16 is 65504; store it as bf16 or f32.`,
      );
  }
}

/**
 * Each piece with its bytes, which are valid until the next one is requested; that is read in the meantime. All are
 * read into the same two buffers: new ones, thousands for a large model, would make the garbage collector run as often.
 */
export async function* readAhead(pieces: Iterable<Piece>): AsyncGenerator<{ piece: Piece; bytes: Uint8Array }> {
  let waiting: { piece: Piece; bytes: Promise<Uint8Array> } | null = null;
  let [used, next] = [new Uint8Array(0), new Uint8Array(0)];
  for (const piece of pieces) {
    if (next.length < piece.bytes) next = new Uint8Array(piece.bytes);
    const bytes = piece.read(next);
    [used, next] = [next, used];
    // Awaited below; until then a failure must not count as unhandled.
    bytes.catch(() => {});
    if (waiting) yield { piece: waiting.piece, bytes: await waiting.bytes };
    waiting = { piece, bytes };
  }
  if (waiting) yield { piece: waiting.piece, bytes: await waiting.bytes };
}
