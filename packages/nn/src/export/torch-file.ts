/**
 * @file PyTorch's `.bin` files: what `torch.save` writes for an ordered dictionary of tensors, a zip archive of stored
 * entries with a pickle of protocol 2. `torch.load` reads them with `weights_only`.
 */
import { WeightError } from '@curio/engine';
import type { NamedTensor, StoredDType } from '../files/tensor-file.ts';
import { elements } from '../files/tensor-file.ts';
import { byteLength } from '../files/safetensors.ts';
import { storedZip } from './stored-zip.ts';

/** The storage classes of the types that the published files use. */
const STORAGES: Partial<Record<StoredDType, string>> = {
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
  F64: 'DoubleStorage',
  I64: 'LongStorage',
  I32: 'IntStorage',
};

/**
 * The file as a list of chunks.
 * @param root the folder inside; torch uses the name of the file without its extension
 * @throws WeightError for a repeated name and for a type that has no storage class here
 */
export function encodeTorchFile(root: string, tensors: readonly NamedTensor[]): Uint8Array[] {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const data = tensors.map(({ data: view }, key) => ({
    name: `${root}/data/${key}`,
    bytes: new Uint8Array(view.buffer, view.byteOffset, view.byteLength),
  }));
  return storedZip([
    { name: `${root}/data.pkl`, bytes: pickleOf(tensors) },
    { name: `${root}/byteorder`, bytes: text('little') },
    ...data,
    { name: `${root}/version`, bytes: text('3\n') },
  ]);
}

/** The dictionary as a pickle; it needs no memo, since it refers to no object twice. */
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

  /** An opcode given as a letter. */
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
