/**
 * @file PyTorch's `.bin` files: a zip archive with a pickled dictionary and one entry a storage. The pickle is read by
 * a machine that knows tensors and dictionaries and refuses every other name, so nothing in a file is ever run.
 */
import { WeightError } from '@curio/engine';
import {
  BYTES,
  elements,
  type ByteSource,
  type StoredDType,
  type StoredTensor,
  type TensorMap,
} from './tensor-file.ts';
import { openZip, type ZipEntry } from './zip.ts';

const STORAGES: Readonly<Record<string, StoredDType>> = {
  FloatStorage: 'F32',
  HalfStorage: 'F16',
  BFloat16Storage: 'BF16',
  DoubleStorage: 'F64',
  LongStorage: 'I64',
  IntStorage: 'I32',
  ShortStorage: 'I16',
  CharStorage: 'I8',
  ByteStorage: 'U8',
  BoolStorage: 'BOOL',
};

interface StorageClass {
  readonly dtype: StoredDType;
}
interface Storage extends StorageClass {
  readonly key: string;
  readonly count: number;
}
interface PickledTensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: number[];
  readonly stride: number[];
}
type Callable = (args: unknown[]) => unknown;

const isTensor = (x: unknown): x is PickledTensor =>
  typeof x === 'object' && x !== null && 'storage' in x && 'stride' in x;

/**
 * Opens a file that `torch.save` made of a dictionary of tensors; storages are read when asked for.
 * @throws WeightError for a truncated archive, a name that is not allowed, or content that is no dictionary of tensors
 */
export async function openTorchFile(source: ByteSource): Promise<TensorMap> {
  const fail = (what: string): never => {
    throw new WeightError(`torch: ${source.name}: ${what}`);
  };
  const entries = await openZip(source);
  const pickle = [...entries.keys()].find((name) => name.endsWith('/data.pkl'));
  if (!pickle) return fail('it has no data.pkl; it is no file of torch.save.');
  const root = pickle.slice(0, -'data.pkl'.length);
  const { offset, size } = entries.get(pickle)!;
  const content = unpickle(await source.read(offset, size), fail);
  if (!(content instanceof Map)) return fail('it holds no dictionary of tensors.');
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of content) {
    if (typeof name !== 'string' || !isTensor(value))
      return fail(`'${String(name)}' is not a tensor; only a flat dictionary of tensors can be read.`);
    const entry =
      entries.get(`${root}data/${value.storage.key}`) ??
      fail(`the storage '${value.storage.key}' of '${name}' is missing.`);
    tensors.set(name, storedTensor(source, name, value, entry, fail));
  }
  return tensors;
}

function storedTensor(
  source: ByteSource,
  name: string,
  { storage, offset, shape, stride }: PickledTensor,
  entry: ZipEntry,
  fail: (what: string) => never,
): StoredTensor {
  const size = BYTES[storage.dtype];
  const last = offset + shape.reduce((sum, n, axis) => sum + (n - 1) * stride[axis], 0);
  if (elements(shape) > 0 && ((last + 1) * size > entry.size || Math.min(offset, ...stride) < 0)) {
    fail(`'${name}' reaches element ${last} of a storage with ${entry.size / size}; the file is damaged.`);
  }
  const dense = shape.every((n, axis) => n === 1 || stride[axis] === elements(shape.slice(axis + 1)));
  const read = async (): Promise<Uint8Array> => {
    if (dense) return source.read(entry.offset + offset * size, elements(shape) * size);
    return gather(await source.read(entry.offset, entry.size), size, offset, shape, stride);
  };
  return { dtype: storage.dtype, shape, file: source.name, read };
}

/** A strided tensor, such as a saved transpose, in row-major order. */
function gather(
  bytes: Uint8Array,
  size: number,
  offset: number,
  shape: readonly number[],
  stride: readonly number[],
): Uint8Array {
  const out = new Uint8Array(elements(shape) * size);
  const index = shape.map(() => 0);
  for (let to = 0; to < out.length; to += size) {
    const from = (offset + index.reduce((sum, i, axis) => sum + i * stride[axis], 0)) * size;
    out.set(bytes.subarray(from, from + size), to);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}

/** What a GLOBAL may name. */
function allowed(module: string, name: string): Callable | StorageClass | undefined {
  if (module === 'torch' && Object.hasOwn(STORAGES, name)) return { dtype: STORAGES[name] };
  if (module === 'collections' && name === 'OrderedDict') return () => new Map();
  if (module === 'torch._utils' && name === '_rebuild_tensor_v2') {
    return ([storage, offset, shape, stride]) => ({ storage, offset, shape, stride }) as PickledTensor;
  }
  return undefined;
}

const MARK = Symbol('mark');

/** The pickle machine, protocol 2, as far as dictionaries of tensors need it. */
function unpickle(bytes: Uint8Array, fail: (what: string) => never): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;
  const text = (length: number): string => {
    if (at + length > bytes.length) fail('its pickle is truncated.');
    return new TextDecoder().decode(bytes.subarray(at, (at += length)));
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    const out = text((end < 0 ? bytes.length : end) - at);
    at++;
    return out;
  };
  const pop = (): unknown => (stack.length > 0 ? stack.pop() : fail('its pickle is damaged.'));
  const toMark = (): unknown[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) fail('its pickle is damaged.');
    return stack.splice(mark).slice(1);
  };
  const setItems = (items: readonly unknown[]): void => {
    const target = stack.at(-1);
    if (!(target instanceof Map)) return fail('its pickle is damaged.');
    for (let i = 0; i + 1 < items.length; i += 2) target.set(items[i], items[i + 1]);
  };
  const tuple = (count: number): void => void stack.push(Array.from({ length: count }, pop).reverse());

  const steps: Record<number, () => void> = {
    0x80: () => void (at += 1), // PROTO
    0x63: () => {
      // GLOBAL
      const [module, name] = [line(), line()];
      stack.push(
        allowed(module, name) ??
          fail(`it names ${module}.${name}, which is not allowed; only tensors and dictionaries are read from it.`),
      );
    },
    0x58: () => {
      // BINUNICODE
      const length = view.getUint32(at, true);
      at += 4;
      stack.push(text(length));
    },
    0x4b: () => void stack.push(bytes[at++]), // BININT1
    0x4d: () => void (stack.push(view.getUint16(at, true)), (at += 2)), // BININT2
    0x4a: () => void (stack.push(view.getInt32(at, true)), (at += 4)), // BININT
    0x8a: () => {
      // LONG1, little-endian two's complement
      const length = bytes[at++];
      let value = 0n;
      for (let i = 0; i < length; i++) value |= BigInt(bytes[at + i]) << BigInt(8 * i);
      at += length;
      stack.push(Number(BigInt.asIntN(8 * length, value)));
    },
    0x71: () => void memo.set(bytes[at++], stack.at(-1)), // BINPUT
    0x72: () => void (memo.set(view.getUint32(at, true), stack.at(-1)), (at += 4)), // LONG_BINPUT
    0x68: () => void stack.push(memo.get(bytes[at++])), // BINGET
    0x6a: () => void (stack.push(memo.get(view.getUint32(at, true))), (at += 4)), // LONG_BINGET
    0x28: () => void stack.push(MARK),
    0x29: () => void stack.push([]), // EMPTY_TUPLE
    0x74: () => void stack.push(toMark()), // TUPLE
    0x85: () => tuple(1),
    0x86: () => tuple(2),
    0x87: () => tuple(3),
    0x7d: () => void stack.push(new Map()), // EMPTY_DICT
    0x4e: () => void stack.push(null), // NONE
    0x88: () => void stack.push(true),
    0x89: () => void stack.push(false),
    0x51: () => {
      // BINPERSID: ('storage', class, key, device, count)
      const [kind, type, key, , count] = pop() as [string, StorageClass, string, string, number];
      if (kind !== 'storage') fail(`it refers to a '${kind}'; only storages are known.`);
      stack.push({ dtype: type.dtype, key, count } satisfies Storage);
    },
    0x52: () => {
      // REDUCE
      const args = pop() as unknown[];
      const call = pop();
      stack.push(typeof call === 'function' ? (call as Callable)(args) : fail('its pickle calls what is no function.'));
    },
    0x73: () => {
      // SETITEM
      const value = pop();
      setItems([pop(), value]);
    },
    0x75: () => setItems(toMark()), // SETITEMS
    0x62: () => void pop(), // BUILD: a dictionary's attributes, such as _metadata
  };
  for (;;) {
    if (at >= bytes.length) fail('its pickle is truncated.');
    const code = bytes[at++];
    if (code === 0x2e) return pop(); // STOP
    try {
      (
        steps[code] ??
        (() => fail(`its pickle uses the opcode 0x${code.toString(16)}, which dictionaries of tensors do not need.`))
      )();
    } catch (error) {
      if (error instanceof RangeError) fail('its pickle is truncated.');
      throw error;
    }
  }
}
