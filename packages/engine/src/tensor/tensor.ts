/**
 * @file A tensor: a storage on the device seen through shape, strides and offset. It carries no op methods; ops are
 * functions.
 */
import type { Storage } from '../gpu/memory/arena.ts';
import { CurioError, DTypeError, ShapeError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { Binding } from '../gpu/memory/block.ts';
import { noteIntegers } from '../gpu/memory/known-integers.ts';
import { byteLength, hostView, isPacked, requireType } from './dtype.ts';
import type { DType, HostArray } from './dtype.ts';
import { readGiven, requireGpu, requireNumber, show, toHost } from './host-values.ts';
import type { NestedNumbers } from './host-values.ts';
import { requireOptions } from './options.ts';
import { denseStrides, isDense, requireShape, showShape, sizeOf } from './shape.ts';
import type { Shape } from './shape.ts';

/** Bindings start at multiples of this many bytes. */
const ALIGNMENT = 256;

export interface Layout {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Scales of a block-quantised tensor; see `cast` and `store`. */
export interface Quantisation {
  /** f32, or int8 with `blocks` beside it. */
  readonly scales: Tensor;
  readonly zeros: Tensor | null;
  /** Of scales that are quantised once more: least value and step of each 256, float[ceil(scales / 256), 2]. */
  readonly blocks?: Tensor | null;
  readonly groupSize: number;
  /**
   * Factors of the columns of an int8 weight, float[K], powers of two: the numbers are those of words and scales times
   * these. Null or absent where all are 1.
   */
  readonly columns?: Tensor | null;
}

/**
 * The gradient that input i has received so far, where an op may add its own part to it: dense, at the start of a
 * binding.
 */
export type Totals = (i: number) => Tensor | null;

/** The op on the tape that produced a tensor. */
export interface TapeNode {
  readonly id: number;
  readonly name: string;
  readonly inputs: readonly (Tensor | null)[];
  readonly outputs: readonly Tensor[];
  /** A backward pass went through it, or its scope ended. */
  readonly done: boolean;
  /** Its scope ended before a backward pass. */
  readonly isPast: boolean;
  /** The gradients of the inputs, in their order. */
  backward(dys: readonly (Tensor | null)[], totals?: Totals): readonly (Tensor | null)[];
  /** Releases what it saved and its inputs; a second backward through it is an error. */
  abandon(isPast?: boolean): void;
}

export class Tensor {
  readonly size: number;
  /** Steps between neighbours along each axis, and the first element, in elements. */
  strides: readonly number[];
  offset: number;
  /** Gradients flow to it when it takes part in a recorded op. */
  requiresGrad = false;
  /** Sum of the gradients of the `backward` calls so far, for leaves. */
  grad: Tensor | null = null;
  /** The tape node that produced it, while gradients may still flow through. */
  node: TapeNode | null = null;
  quantisation: Quantisation | null = null;
  private isDisposed = false;

  constructor(
    readonly gpu: Gpu,
    readonly shape: Shape,
    readonly dtype: DType,
    public storage: Storage,
    layout?: Layout,
  ) {
    this.size = sizeOf(shape);
    this.strides = layout?.strides ?? denseStrides(shape);
    this.offset = layout?.offset ?? 0;
  }

  get isDense(): boolean {
    return isDense(this.shape, this.strides);
  }

  /** Elements between the start of the binding and the first element: 0 unless the view starts off the binding grid. */
  get bindingOffset(): number {
    return ((this.offset * 4) % ALIGNMENT) / 4;
  }

  /**
   * The part of the storage that this tensor spans, from the binding grid on, in whole 16-byte units where the block
   * allows.
   */
  get binding(): Binding {
    const { block } = this.storage;
    if (this.storage.isFreed)
      throw new ShapeError(
        this.storage.isDisposed
          ? `tensor: ${this.dtype} ${showShape(this.shape)} was used after dispose(), its own or that of the tensor it views; dispose() when nothing uses it any more.`
          : `tensor: ${this.dtype} ${showShape(this.shape)} was used after its scope ended; return it from the scope or keep() it.`,
      );
    const packed = isPacked(this.dtype) ? byteLength(this.dtype, this.offset) : null;
    const offset = packed ?? this.offset * 4 - this.bindingOffset * 4;
    const end = packed === null ? (this.offset + this.span()) * 4 : packed + byteLength(this.dtype, this.size);
    const bytes = Math.min(Math.ceil((end - offset) / 16) * 16, block.bytes - offset);
    return { block, offset, bytes: Math.max(bytes, 16) };
  }

  /** Reads the values back. The copy is recorded now, so a scope may end before the promise is awaited. */
  async read(): Promise<HostArray> {
    if (!this.isDense) return denseCopy(this).read();
    const { block, offset } = this.binding;
    const start = isPacked(this.dtype) ? 0 : this.bindingOffset * 4;
    const bytes = byteLength(this.dtype, this.size);
    if (bytes === 0) return hostView(this.dtype, new ArrayBuffer(0));
    return hostView(this.dtype, await this.gpu.read({ block, offset: offset + start, bytes }));
  }

  /** The value of a tensor of one element. */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError(`item: the tensor is ${showShape(this.shape)}; it must have one element.`);
    return (await this.read())[0]!;
  }

  /**
   * Replaces the values from the host, in the types that `read` returns: Float32Array for f32, Int32Array for i32,
   * Uint32Array for u32, bool and the words of packed types.
   */
  write(values: HostArray): void {
    if (!(values instanceof HOST[this.dtype]))
      throw new DTypeError(
        `write: ${show(values)} for a tensor of ${this.dtype}; it needs a ${HOST[this.dtype].name}.`,
      );
    const needed = byteLength(this.dtype, this.size) / 4;
    if (values.length !== needed)
      throw new ShapeError(
        `write: ${values.length} values for a tensor of shape ${showShape(this.shape)}; it needs ${needed}.`,
      );
    if (!this.isDense)
      throw new ShapeError(
        `write: the tensor of shape ${showShape(this.shape)} is a strided view; write to the tensor it views.`,
      );
    this.gpu.stream.write(this.storage.block, this.offset * 4, values);
    noteIntegers(this.storage.block, this.offset, this.dtype, values);
  }

  /**
   * Frees a tensor that was created outside every scope, or kept; one of a scope is freed early. Views share its
   * storage and are freed with it.
   */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.grad?.dispose();
    this.grad = null;
    this.quantisation?.scales.dispose();
    this.quantisation?.zeros?.dispose();
    this.quantisation?.blocks?.dispose();
    this.quantisation?.columns?.dispose();
    this.gpu.arena.keep(this.storage);
    this.storage.isDisposed = true;
    this.storage.release();
  }

  private span(): number {
    return this.size === 0 ? 0 : this.shape.reduce((last, n, i) => last + (n - 1) * this.strides[i]!, 1);
  }
}

/** Throws DTypeError unless all of them are tensors. */
export function requireTensors(where: string, ...inputs: readonly unknown[]): void {
  for (let i = 0; i < inputs.length; i++)
    if (!(inputs[i] instanceof Tensor))
      throw new DTypeError(`${where}: input ${i} is ${show(inputs[i])}; it must be a tensor.`);
}

let denseCopy = (_: Tensor): Tensor => {
  throw new CurioError(
    'tensor: a view needs a dense copy and tensor/copy.ts, which makes it, is not loaded; the bundler must keep it.',
  );
};
/** `contiguous` needs a kernel and kernels need tensors, so it registers itself when loaded. */
export const setDenseCopy = (copy: (x: Tensor) => Tensor): void => void (denseCopy = copy);

/** A tensor of undefined values (NaN under `gpu.probe.poison`, for tests). */
export function empty(gpu: Gpu, shape: Shape, dtype: DType = 'f32'): Tensor {
  requireGpu('empty', gpu);
  requireShape('empty', shape);
  requireType('empty', dtype);
  const x = new Tensor(gpu, shape, dtype, gpu.allocate(Math.max(byteLength(dtype, sizeOf(shape)), 4)));
  if (gpu.probe.poison && dtype === 'f32')
    gpu.stream.write(x.storage.block, 0, new Float32Array(x.storage.block.bytes / 4).fill(NaN));
  return x;
}

/** What `read` gives and `write` takes. */
export const HOST = {
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  bool: Uint32Array,
  f16: Uint32Array,
  bf16: Uint32Array,
  int8: Uint32Array,
  int4: Uint32Array,
  nf4: Uint32Array,
} as const;

/**
 * A tensor of the given values: a typed array or a list in row-major order, or nested lists (of typed arrays too),
 * which give the shape as well.
 * @param shape default: what the lists say, or one axis
 * @param options dtype: default by the array's kind; f32 for lists of numbers, bool for lists of booleans alone. To
 * bool, what is not 0 becomes true; to integers, fractions are cut off.
 * Throws ShapeError when their number does not fit the shape or nested rows differ, DTypeError for a packed type, for
 * anything but a number, and for a number that the type cannot hold.
 */
export function tensor(
  gpu: Gpu,
  values: HostArray | NestedNumbers,
  shape?: Shape,
  options: { dtype?: DType } = {},
): Tensor {
  requireGpu('tensor', gpu);
  requireOptions('tensor', options, ['dtype']);
  const given = readGiven(values);
  const dtype = options.dtype ?? given.dtype;
  const dims = shape ?? given.shape;
  requireType('tensor', dtype);
  requireShape('tensor', dims);
  if (given.flat.length !== sizeOf(dims))
    throw new ShapeError(`tensor: ${given.flat.length} values for shape ${showShape(dims)}; it needs ${sizeOf(dims)}.`);
  return fromHost('tensor', gpu, given.flat, dims, dtype);
}

function fromHost(where: string, gpu: Gpu, flat: ArrayLike<number | boolean>, shape: Shape, dtype: DType): Tensor {
  if (dtype !== 'f32' && dtype !== 'i32' && dtype !== 'u32' && dtype !== 'bool')
    throw new DTypeError(`${where}: cannot be created as ${dtype}; create it as f32 and use cast.`);
  const host = toHost(where, flat, dtype);
  const x = new Tensor(gpu, shape, dtype, gpu.allocate(Math.max(4 * host.length, 4)));
  if (host.length > 0) gpu.stream.write(x.storage.block, 0, host);
  noteIntegers(x.storage.block, 0, dtype, host);
  return x;
}

/**
 * A tensor that holds `value` everywhere. Throws DTypeError for a packed type, unless all is 0, and for a number that
 * the type cannot hold.
 */
export const full = (gpu: Gpu, shape: Shape, value: number, dtype: DType = 'f32'): Tensor =>
  filled('full', gpu, shape, value, dtype);

/** `full` for an op that names itself in messages. */
export function filled(where: string, gpu: Gpu, shape: Shape, value: number, dtype: DType): Tensor {
  requireGpu(where, gpu);
  requireShape(where, shape);
  requireType(where, dtype);
  requireNumber(where, 'the value', value);
  if (Object.is(value, 0)) return zeros(gpu, shape, dtype);
  if (isPacked(dtype)) return fromHost(where, gpu, [value], shape, dtype);
  const [word] = toHost(where, [value], dtype as 'f32');
  return fromHost(where, gpu, new HOST[dtype](sizeOf(shape)).fill(word!), shape, dtype);
}

/** A tensor of zeros; all bits are 0, in packed types too. */
export function zeros(gpu: Gpu, shape: Shape, dtype: DType = 'f32'): Tensor {
  requireGpu('zeros', gpu);
  requireShape('zeros', shape);
  requireType('zeros', dtype);
  const x = new Tensor(gpu, shape, dtype, gpu.allocate(Math.max(byteLength(dtype, sizeOf(shape)), 4)));
  gpu.stream.clear({ block: x.storage.block, offset: 0, bytes: x.storage.block.bytes }, x.storage.block.bytes);
  return x;
}

/** A tensor of ones. */
export const ones = (gpu: Gpu, shape: Shape, dtype: DType = 'f32'): Tensor => filled('ones', gpu, shape, 1, dtype);

/** Lets `x` outlive its scope; `dispose()` ends it. */
export function keep<T extends Tensor>(x: T): T {
  x.gpu.arena.keep(x.storage);
  if (x.quantisation) keep(x.quantisation.scales);
  if (x.quantisation?.zeros) keep(x.quantisation.zeros);
  if (x.quantisation?.blocks) keep(x.quantisation.blocks);
  if (x.quantisation?.columns) keep(x.quantisation.columns);
  return x;
}
