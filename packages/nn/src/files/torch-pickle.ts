/**
 * @file PyTorch's `.bin` files: a zip archive with a pickled dictionary and one entry per storage. The pickle may name
 * only tensors, parameters and dictionaries (pickle.ts), and no tensor may be larger than its file.
 */
import { WeightError } from '@curio/engine';
import { PickledDict, PickledGlobal, unpickle, type PickleRules } from './pickle.ts';
import { shownShape, shownText, shownValue } from './shown.ts';
import {
  BYTES,
  elements,
  isCount,
  isCounts,
  isShape,
  MOST_AXES,
  readExactly,
  type ByteSource,
  type StoredDType,
  type StoredTensor,
  type TensorMap,
} from './tensor-file.ts';
import { openZip, type Zip, type ZipEntry } from './zip.ts';

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

/** The class of a storage, as a persistent id names it. */
class StorageClass extends PickledGlobal {
  constructor(
    name: string,
    readonly dtype: StoredDType,
  ) {
    super(name);
  }
}
class Storage {
  constructor(
    readonly dtype: StoredDType,
    readonly key: string,
    readonly count: number,
  ) {}
}
class PickledTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
  ) {}
}

type Fail = (what: string) => never;

/**
 * Opens a file that `torch.save` made from a dictionary of tensors; storages are read on demand.
 * @throws WeightError for a truncated archive, a name that is not allowed, or content that is not a dictionary of
 * tensors
 */
export async function openTorchFile(source: ByteSource): Promise<TensorMap> {
  const fail: Fail = (what) => {
    throw new WeightError(`torch: ${source.name}: ${what}`);
  };
  const zip = await openZip(source);
  const pickles = [...zip.entries.keys()].filter((name) => name.endsWith('/data.pkl'));
  if (pickles.length !== 1)
    return fail(
      pickles.length === 0
        ? 'it has no data.pkl; torch.save did not write it.'
        : `it has ${pickles.length} files called data.pkl; torch.save writes one.`,
    );
  const root = pickles[0].slice(0, -'data.pkl'.length);
  await refuseBigEndian(zip, root, fail);
  const content = unpickle(await zip.read(pickles[0]), torchRules(fail));
  if (!(content instanceof PickledDict)) return fail('it does not hold a dictionary of tensors.');
  const tensors = new Map<string, StoredTensor>();
  for (const [name, value] of content.items) {
    if (typeof name !== 'string') return fail(`its dictionary has the key ${shownValue(name)}; names must be strings.`);
    if (!(value instanceof PickledTensor))
      return fail(`'${shownText(name)}' is not a tensor; only a flat dictionary of tensors can be read.`);
    if (tensors.has(name)) return fail(`'${shownText(name)}' is given twice; names must differ.`);
    tensors.set(name, storedTensor(source, zip, root, name, value, fail));
  }
  return tensors;
}

/** Files from big-endian machines have an entry that says so; those without one are little-endian. */
async function refuseBigEndian(zip: Zip, root: string, fail: Fail): Promise<void> {
  const entry = zip.entries.get(`${root}byteorder`);
  if (!entry) return;
  const order = entry.size <= 16 ? new TextDecoder().decode(await zip.read(entry.name)) : `${entry.size} bytes`;
  if (order !== 'little') fail(`its byte order is '${shownText(order)}'; only little-endian files are read.`);
}

function torchRules(fail: Fail): PickleRules {
  return {
    fail,
    global: (module, name) => {
      if (module === 'torch' && Object.hasOwn(STORAGES, name)) return new StorageClass(name, STORAGES[name]);
      if (module === 'collections' && name === 'OrderedDict') return ORDERED_DICT;
      if (module === 'torch._utils' && name === '_rebuild_tensor_v2')
        return new PickledGlobal(name, (args) => tensorOf(args, fail));
      if (module === 'torch._utils' && name === '_rebuild_parameter')
        return new PickledGlobal(name, ([data]) =>
          data instanceof PickledTensor ? data : fail('it makes a parameter from something that is not a tensor.'),
        );
      return undefined;
    },
    // ('storage', class, key, device, count)
    persistent: (id) => {
      const [kind, type, key, , count] = Array.isArray(id) ? (id as unknown[]) : [id];
      if (kind !== 'storage') return fail(`it refers to ${shownValue(kind)}; it may refer only to storages.`);
      if (!(type instanceof StorageClass) || typeof key !== 'string' || !isCount(count))
        return fail('it refers to a storage without a type, a name and a number of elements.');
      return new Storage(type.dtype, key, count);
    },
  };
}

const ORDERED_DICT = new PickledGlobal('OrderedDict', () => new PickledDict());

/** `_rebuild_tensor_v2(storage, offset, shape, stride, requires_grad, hooks, metadata)`. */
function tensorOf(args: readonly unknown[], fail: Fail): PickledTensor {
  const [storage, offset, shape, stride, , , metadata] = args;
  if (!(storage instanceof Storage)) return fail('it makes a tensor from something that is not a storage.');
  if (!isShape(shape) || !isCounts(stride) || shape.length !== stride.length || !isCount(offset))
    return fail(
      `it makes a tensor of shape ${shownValue(shape)}, strides ${shownValue(stride)} and offset ${shownValue(offset)}; shape and strides are lists of at most ${MOST_AXES} sizes, of equal length.`,
    );
  // These flags change the values: the tensor is read as its negative or conjugate.
  if (metadata instanceof PickledDict ? metadata.items.length > 0 : metadata !== undefined && metadata !== null)
    return fail('it marks a tensor as negated or conjugated; save it after .resolve_neg().');
  return new PickledTensor(storage, offset, shape, stride);
}

function storedTensor(
  source: ByteSource,
  zip: Zip,
  root: string,
  name: string,
  { storage, offset, shape, stride }: PickledTensor,
  fail: Fail,
): StoredTensor {
  const { dtype, key, count } = storage;
  const entry =
    zip.entries.get(`${root}data/${key}`) ??
    fail(`the storage '${shownText(key)}' of '${shownText(name)}' is missing.`);
  const size = BYTES[dtype];
  if (entry.size !== count * size)
    fail(
      `the storage '${shownText(key)}' of '${shownText(name)}' has ${entry.size} bytes and ${count} elements of ${dtype} take ${count * size}; the file is damaged.`,
    );
  const total = elements(shape);
  // An expanded tensor may repeat its storage any number of times; the file's size bounds its size in memory.
  if (total * size > source.size)
    fail(
      `'${shownText(name)}' is ${dtype} ${shownShape(shape)}, more than its file of ${source.size} bytes; save an expanded tensor after .contiguous().`,
    );
  const last = offset + shape.reduce((sum, n, axis) => sum + (n - 1) * stride[axis], 0);
  if (total > 0 && last >= count)
    fail(`'${shownText(name)}' reaches element ${last} of a storage with ${count}; the file is damaged.`);
  const dense = shape.every((n, axis) => n === 1 || stride[axis] === elements(shape.slice(axis + 1)));
  const stored = { dtype, shape, file: source.name };
  if (total === 0) return { ...stored, read: async () => new Uint8Array(0) };
  if (dense) {
    const readRange = (begin: number, end: number, into?: Uint8Array<ArrayBuffer>) =>
      readEntry(source, zip, entry, offset * size + begin, end - begin, into);
    return { ...stored, read: () => readRange(0, total * size), readRange };
  }
  const read = async (): Promise<Uint8Array> => {
    const bytes = await readEntry(source, zip, entry, offset * size, (last - offset + 1) * size);
    return gather(bytes, size, shape, stride);
  };
  return { ...stored, read };
}

async function readEntry(
  source: ByteSource,
  zip: Zip,
  entry: ZipEntry,
  offset: number,
  length: number,
  into?: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  return readExactly(source, (await zip.locate(entry)) + offset, length, into);
}

/** A strided tensor, such as a saved transpose, in row-major order. */
function gather(bytes: Uint8Array, size: number, shape: readonly number[], stride: readonly number[]): Uint8Array {
  const out = new Uint8Array(elements(shape) * size);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to += size) {
    for (let i = 0; i < size; i++) out[to + i] = bytes[from * size + i];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += stride[axis];
      if (++index[axis] < shape[axis]) break;
      from -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
