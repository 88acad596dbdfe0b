/** @file Tensors as GGUF stores them: in its types, and with the rows of heads in the order of llama.cpp's rotation. */
import { WeightError } from '@curio/engine';
import { floatToHalf } from '../files/half.ts';
import { refuseHuge } from '../files/load-pieces.ts';
import { BYTES, decodeFloats, elements } from '../files/tensor-file.ts';
import type { FloatDType, StreamedTensor } from './streamed.ts';

export type GgufType = FloatDType | 'Q8_0';

/** A tensor to be written; `shape` has the outermost axis first, as everywhere here. */
export interface GgufTensor {
  readonly name: string;
  readonly type: GgufType;
  readonly shape: readonly number[];
  readonly bytes: number;
  pieces(): AsyncIterable<Uint8Array>;
}

/** Adjacent numbers that share a scale in Q8_0, and their bytes: an f16 scale and 32 numbers of 8 bits. */
export const Q8_GROUP = 32;
const Q8_BYTES = 34;

/** A tensor of floats in its own type. */
export const ggufTensor = (tensor: StreamedTensor & { readonly dtype: FloatDType }): GgufTensor => ({
  ...tensor,
  type: tensor.dtype,
  bytes: elements(tensor.shape) * BYTES[tensor.dtype],
});

/**
 * A tensor of F32 as Q8_0: for each 32 adjacent x, d = max|x| / 127 as f16, and round(x / d), halves away from zero;
 * bit-identical to ggml's own quantisation.
 * @throws WeightError if rows are not a multiple of 32, or, while it is written, if d is beyond f16
 */
export function quantisedQ8(tensor: StreamedTensor): GgufTensor {
  const { name, shape } = tensor;
  if (shape.at(-1)! % Q8_GROUP !== 0)
    throw new WeightError(
      `gguf: '${name}' is [${shape.join(', ')}] and Q8_0 has groups of ${Q8_GROUP} numbers; write it as f16, bf16 or f32.`,
    );
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const piece of inUnits(tensor.pieces(), 4 * Q8_GROUP)) yield q8Blocks(decodeFloats(piece, 'F32'), name);
  }
  return { name, shape, type: 'Q8_0', bytes: (elements(shape) / Q8_GROUP) * Q8_BYTES, pieces };
}

function q8Blocks(values: Float32Array, name: string): Uint8Array {
  const { fround, abs, floor, sign } = Math;
  const groups = values.length / Q8_GROUP;
  const scales = new Float32Array(groups);
  const out = new Uint8Array(groups * Q8_BYTES);
  for (let g = 0; g < groups; g++) {
    let most = 0;
    for (let i = 0; i < Q8_GROUP; i++) most = Math.max(most, abs(values[g * Q8_GROUP + i]!));
    scales[g] = most / 127;
    const inverse = scales[g] === 0 ? 0 : fround(1 / scales[g]!);
    for (let i = 0; i < Q8_GROUP; i++) {
      const x = fround(values[g * Q8_GROUP + i]! * inverse);
      const size = abs(x);
      out[g * Q8_BYTES + 2 + i] = sign(x) * (floor(size) + floor(2 * (size - floor(size))));
    }
  }
  refuseHuge(scales, name);
  const halves = new Uint8Array(floatToHalf(scales).buffer);
  for (let g = 0; g < groups; g++) out.set(halves.subarray(2 * g, 2 * g + 2), g * Q8_BYTES);
  return out;
}

/**
 * The matrix of q or k, [heads · D, in], for a rotation of adjacent rows: rows j and j + D/2 of a head, which
 * transformers rotates as a pair, become adjacent, at 2j and 2j + 1.
 */
export function neighbouringPairs<T extends StreamedTensor>(tensor: T, heads: number): T {
  const [rows = 0, columns = 0] = tensor.shape;
  const headDim = rows / heads;
  const row = columns * BYTES[tensor.dtype];
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for await (const piece of inUnits(tensor.pieces(), headDim * row)) {
      const out = new Uint8Array(piece.length);
      for (let head = 0; head < piece.length / row; head += headDim)
        for (let j = 0; j < headDim; j++) {
          const from = (head + (j % 2) * (headDim / 2) + (j >> 1)) * row;
          out.set(piece.subarray(from, from + row), (head + j) * row);
        }
      yield out;
    }
  }
  return { ...tensor, pieces };
}

/** The same bytes in pieces whose sizes are multiples of a unit. */
async function* inUnits(pieces: AsyncIterable<Uint8Array>, unit: number): AsyncGenerator<Uint8Array> {
  let rest = new Uint8Array(0);
  for await (const piece of pieces) {
    let bytes: Uint8Array = piece;
    if (rest.length > 0) {
      bytes = new Uint8Array(rest.length + piece.length);
      bytes.set(rest);
      bytes.set(piece, rest.length);
    }
    const whole = bytes.length - (bytes.length % unit);
    if (whole > 0) yield bytes.subarray(0, whole);
    rest = bytes.slice(whole);
  }
}
