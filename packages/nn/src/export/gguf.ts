/**
 * @file GGUF, llama.cpp's file format: settings, then tensors, each at a multiple of 32 bytes. Version 3, little
 * endian. Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 */
import { WeightError } from '@curio/engine';
import { elements } from '../files/tensor-file.ts';
import type { GgufTensor, GgufType } from './gguf-tensor.ts';
import type { StreamedFile } from './streamed.ts';

/** A setting; all items of a list have one type. */
export type GgufValue =
  | { readonly type: 'u32' | 'i32' | 'f32'; readonly value: number | readonly number[] }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string | readonly string[] };

export type GgufSettings = Readonly<Record<string, GgufValue>>;

const VERSION = 3;
const ALIGNMENT = 32;
const LIST = 9;
const VALUE_TYPES = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8 } as const;
const TENSOR_TYPES: Readonly<Record<GgufType, number>> = { F32: 0, F16: 1, Q8_0: 8, BF16: 30 };
/** Maximum bytes of a name, and maximum axes, of llama.cpp. */
const LONGEST_NAME = 63;
const MOST_AXES = 4;

/**
 * The settings and tensors as one file, whose bytes are computed as they are written.
 * @throws WeightError for a name or a shape that the format does not allow
 */
export function streamGguf(name: string, settings: GgufSettings, tensors: readonly GgufTensor[]): StreamedFile {
  const header = new Bytes();
  header.text('GGUF');
  header.u32(VERSION);
  header.u64(tensors.length);
  header.u64(Object.keys(settings).length);
  for (const [key, setting] of Object.entries(settings)) {
    header.string(key);
    writeValue(header, setting);
  }
  let place = 0;
  for (const { name: tensor, type, shape, bytes } of tensors) {
    if (new TextEncoder().encode(tensor).length > LONGEST_NAME || shape.length > MOST_AXES)
      throw new WeightError(
        `gguf: '${tensor}' is [${shape.join(', ')}]; a tensor of GGUF has a name of at most ${LONGEST_NAME} bytes and at most ${MOST_AXES} axes.`,
      );
    header.string(tensor);
    header.u32(shape.length);
    for (const size of [...shape].reverse()) header.u64(size); // the innermost axis first
    header.u32(TENSOR_TYPES[type]);
    header.u64(place);
    place += aligned(bytes);
  }
  const begin = aligned(header.length);
  return {
    name,
    size: begin + place,
    chunks: async function* () {
      yield header.all;
      yield new Uint8Array(begin - header.length);
      for (const { name: tensor, bytes, shape, pieces } of tensors) {
        let written = 0;
        for await (const piece of pieces()) {
          written += piece.length;
          yield piece;
        }
        if (written !== bytes)
          throw new WeightError(
            `gguf: '${tensor}' produced ${written} bytes for its ${elements(shape)} numbers; it must produce ${bytes}.`,
          );
        yield new Uint8Array(aligned(bytes) - bytes);
      }
    },
  };
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

function writeValue(out: Bytes, { type, value }: GgufValue): void {
  const isList = Array.isArray(value);
  out.u32(isList ? LIST : VALUE_TYPES[type]);
  if (isList) {
    out.u32(VALUE_TYPES[type]);
    out.u64(value.length);
  }
  for (const each of (isList ? value : [value]) as (number | boolean | string)[])
    if (type === 'string') out.string(each as string);
    else if (type === 'bool') out.u8(each ? 1 : 0);
    else out[type](each as number);
}

/** Bytes that grow by appending. */
class Bytes {
  length = 0;
  #room = new Uint8Array(1 << 16);

  get all(): Uint8Array {
    return this.#room.subarray(0, this.length);
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const at = this.#grow(bytes.length);
    this.#room.set(bytes, at);
  }
  string(text: string): void {
    this.u64(new TextEncoder().encode(text).length);
    this.text(text);
  }
  u8(value: number): void {
    const at = this.#grow(1);
    this.#room[at] = value;
  }
  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }
  i32(value: number): void {
    const at = this.#grow(4);
    this.#view.setInt32(at, value, true);
  }
  f32(value: number): void {
    const at = this.#grow(4);
    this.#view.setFloat32(at, value, true);
  }
  u64(value: number): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  get #view(): DataView {
    return new DataView(this.#room.buffer);
  }

  /** Makes room. @returns where it begins */
  #grow(size: number): number {
    const at = this.length;
    this.length += size;
    if (this.length > this.#room.length) {
      const larger = new Uint8Array(2 * this.length);
      larger.set(this.#room);
      this.#room = larger;
    }
    return at;
  }
}
