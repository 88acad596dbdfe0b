/**
 * @file PyTorch's `.bin` files: what `torch.save` makes of an ordered dictionary of tensors, a zip archive of stored
 * entries with a pickle of protocol 2. `torch.load` reads them under `weights_only`.
 */
import { WeightError } from '@curio/engine';
import type { NamedTensor, StoredDType } from '../files/tensor-file.ts';
import { elements } from '../files/tensor-file.ts';
import { byteLength } from '../files/safetensors.ts';

/** The storage classes of the types that the published files use. */
const STORAGES: Partial<Record<StoredDType, string>> = {
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
  F64: 'DoubleStorage',
  I64: 'LongStorage',
  I32: 'IntStorage',
};

/** Data begins at multiples of this, as torch writes it. */
const ALIGNMENT = 64;
/** Beyond it an archive is zip64, which a file of what was trained does not need. */
const MOST = 2 ** 32 - 1;

/**
 * The file as a list of chunks.
 * @param root the folder inside, in torch the name of the file without its ending
 * @throws WeightError for a name that is given twice, a type that has no storage here, and files from 4 GiB on
 */
export function encodeTorchFile(root: string, tensors: readonly NamedTensor[]): Uint8Array[] {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const data = tensors.map(({ data: view }, key) => ({
    name: `${root}/data/${key}`,
    bytes: new Uint8Array(view.buffer, view.byteOffset, view.byteLength),
  }));
  return zipOf([
    { name: `${root}/data.pkl`, bytes: pickleOf(tensors) },
    { name: `${root}/byteorder`, bytes: text('little') },
    ...data,
    { name: `${root}/version`, bytes: text('3\n') },
  ]);
}

/** The dictionary as a pickle; it needs no memo, since no object stands in it twice. */
function pickleOf(tensors: readonly NamedTensor[]): Uint8Array {
  const out = new Pickle();
  out.op(0x80).op(2); // PROTO
  out.global('collections', 'OrderedDict').op(0x29).code('R'); // EMPTY_TUPLE, REDUCE
  out.code('(');
  const seen = new Set<string>();
  for (const [key, tensor] of tensors.entries()) {
    const { name, dtype, shape, data } = tensor;
    const storage = STORAGES[dtype];
    if (seen.has(name)) throw new WeightError(`torch: tensor '${name}' is given twice; names must differ.`);
    seen.add(name);
    if (!storage)
      throw new WeightError(
        `torch: tensor '${name}' is ${dtype}; only ${Object.keys(STORAGES).join(', ')} can be written to a .bin file.`,
      );
    if (data.byteLength !== byteLength(tensor))
      throw new WeightError(
        `torch: tensor '${name}' is ${dtype} [${shape.join(', ')}], which takes ${byteLength(tensor)} bytes, and its data has ${data.byteLength}.`,
      );
    out.text(name).global('torch._utils', '_rebuild_tensor_v2').code('(');
    out.code('(').text('storage').global('torch', storage).text(String(key)).text('cpu').int(elements(shape)).code('t');
    out.code('Q').int(0); // BINPERSID; offset
    out.code('(');
    for (const size of shape) out.int(size);
    out.code('t').code('(');
    for (const axis of shape.keys()) out.int(elements(shape.slice(axis + 1)));
    out.code('t').op(0x89); // NEWFALSE: no gradient
    out.global('collections', 'OrderedDict').op(0x29).code('R'); // no hooks
    out.code('t').code('R');
  }
  return out.code('u').code('.').bytes();
}

/** Writes the few opcodes that a dictionary of tensors needs. */
class Pickle {
  private readonly parts: number[] = [];

  op(byte: number): this {
    this.parts.push(byte);
    return this;
  }

  /** An opcode that is a letter. */
  code(letter: string): this {
    return this.op(letter.charCodeAt(0));
  }

  global(module: string, name: string): this {
    return this.code('c').raw(`${module}\n${name}\n`);
  }

  /** BINUNICODE */
  text(value: string): this {
    const bytes = new TextEncoder().encode(value);
    this.code('X').little(bytes.length, 4);
    for (const byte of bytes) this.op(byte);
    return this;
  }

  /** BININT1, BININT, LONG1 */
  int(value: number): this {
    if (value < 256) return this.code('K').op(value);
    if (value < 2 ** 31) return this.code('J').little(value, 4);
    return this.op(0x8a).op(8).little(value, 8);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.parts);
  }

  private raw(value: string): this {
    for (const byte of new TextEncoder().encode(value)) this.op(byte);
    return this;
  }

  private little(value: number, bytes: number): this {
    for (let i = 0; i < bytes; i++) this.op(Math.floor(value / 256 ** i) % 256);
    return this;
  }
}

interface Entry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

function zipOf(entries: readonly Entry[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  const put = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    at += chunk.length;
  };
  for (const { name, bytes } of entries) {
    const start = at;
    const path = new TextEncoder().encode(name);
    const about = [0, 0, 0, 0, crc32(bytes), bytes.length, bytes.length] as const; // version, flags, method, time
    const pad = (2 * ALIGNMENT - ((at + 34 + path.length) % ALIGNMENT)) % ALIGNMENT;
    // An extra field of torch's own kind ("FB") moves the data to its place.
    const extra = new Uint8Array(4 + pad).fill(0x5a);
    extra.set([0x46, 0x42, pad & 255, pad >> 8]);
    put(record([0x04034b50, 4], ...widths(about), [path.length, 2], [extra.length, 2]));
    put(path);
    put(extra);
    put(bytes);
    directory.push(
      record(
        [0x02014b50, 4],
        [0, 2],
        ...widths(about),
        [path.length, 2],
        [0, 2],
        [0, 2],
        [0, 2],
        [0, 2],
        [0, 4],
        [start, 4],
      ),
      path,
    );
  }
  const begin = at;
  directory.forEach(put);
  if (at > MOST)
    throw new WeightError(
      `torch: ${entries[0]!.name} would lie in a file of ${at} bytes; from 4 GiB on take safetensors.`,
    );
  const [count, size] = [entries.length, at - begin];
  put(record([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [begin, 4], [0, 2]));
  return chunks;
}

type Field = readonly [value: number, bytes: number];

/** Version, flags, method, time and date, then checksum and both sizes. */
const widths = ([version, flags, method, time, crc, stored, size]: readonly number[]): Field[] => [
  [version!, 2],
  [flags!, 2],
  [method!, 2],
  [time!, 4],
  [crc!, 4],
  [stored!, 4],
  [size!, 4],
];

function record(...fields: readonly Field[]): Uint8Array {
  const out = new Uint8Array(fields.reduce((sum, [, bytes]) => sum + bytes, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [value, bytes] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return out;
}

let table: Uint32Array | undefined;

function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, i) => {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    return c;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
