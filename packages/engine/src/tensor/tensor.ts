/** @file A tensor: a storage on the device seen through shape, strides and offset. It carries no op methods; ops are functions. */
import { Storage } from '../gpu/memory/arena.ts';
import { CurioError, DTypeError, ShapeError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { Binding } from '../gpu/stream/stream.ts';
import type { TapeNode } from './autograd.ts';
import { byteLength, hostView, isPacked } from './dtype.ts';
import type { DType, HostArray } from './dtype.ts';
import { denseStrides, isDense, requireShape, sameShape, showShape, sizeOf } from './shape.ts';
import type { Shape } from './shape.ts';

/** Bindings start at multiples of this many bytes. */
const ALIGNMENT = 256;

export interface Layout { readonly strides: readonly number[]; readonly offset: number }

/** Scales of a block-quantised tensor; see `cast`. */
export interface Quantisation { readonly scales: Tensor; readonly zeros: Tensor | null; readonly groupSize: number }

export class Tensor {
  readonly size: number;
  /** Steps between neighbours along each axis, and the first element, in elements. */
  strides: readonly number[];
  offset: number;
  /** Gradients flow to it when it takes part in a recorded op. */
  requiresGrad = false;
  /** Sum of the gradients of the `backward` calls so far, for leaves. */
  grad: Tensor | null = null;
  /** What made it, while gradients may still flow through. */
  node: TapeNode | null = null;
  quantisation: Quantisation | null = null;
  private isDisposed = false;

  constructor(readonly gpu: Gpu, readonly shape: Shape, readonly dtype: DType, public storage: Storage, layout?: Layout) {
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

  /** The part of the storage that this tensor spans, from the binding grid on, in whole 16-byte units where the block allows. */
  get binding(): Binding {
    const { block } = this.storage;
    if (this.storage.isFreed) throw new ShapeError(`tensor: ${this.dtype} ${showShape(this.shape)} was used after its scope ended; return it from the scope or keep() it.`);
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
    if (this.size !== 1) throw new ShapeError(`item: the tensor is ${showShape(this.shape)}; it must have one element.`);
    return (await this.read())[0]!;
  }

  /** Replaces the values from the host, as `read` gives them: Float32Array for f32, Int32Array for i32, Uint32Array for u32, bool and the words of packed types. */
  write(values: HostArray): void {
    if (!(values instanceof HOST[this.dtype])) throw new DTypeError(`write: a ${values.constructor.name} for a tensor of ${this.dtype}; it needs a ${HOST[this.dtype].name}.`);
    const needed = byteLength(this.dtype, this.size) / 4;
    if (values.length !== needed) throw new ShapeError(`write: ${values.length} values for a tensor of shape ${showShape(this.shape)}; it needs ${needed}.`);
    if (!this.isDense) throw new ShapeError(`write: the tensor of shape ${showShape(this.shape)} is a strided view; write to the tensor it views.`);
    this.gpu.stream.write(this.storage.block, this.offset * 4, values);
  }

  /** Lets a tensor go that was made outside every scope, or kept; one of a scope goes before its end. Views share its storage and go with it. */
  dispose(): void {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.grad?.dispose();
    this.grad = null;
    this.quantisation?.scales.dispose();
    this.quantisation?.zeros?.dispose();
    this.gpu.arena.keep(this.storage);
    this.storage.release();
  }

  private span(): number {
    return this.size === 0 ? 0 : this.shape.reduce((last, n, i) => last + (n - 1) * this.strides[i]!, 1);
  }
}

let denseCopy = (_: Tensor): Tensor => {
  throw new CurioError('tensor: a view needs a dense copy and tensor/copy.ts, which makes it, is not loaded; the bundler must keep it.');
};
/** `contiguous` needs a kernel and kernels need tensors; it hands itself in when loaded. */
export const setDenseCopy = (copy: (x: Tensor) => Tensor): void => void (denseCopy = copy);

/** A tensor of undefined values (NaN under `gpu.poison`, for tests). */
export function empty(gpu: Gpu, shape: Shape, dtype: DType = 'f32'): Tensor {
  requireShape('empty', shape);
  const x = new Tensor(gpu, shape, dtype, gpu.allocate(Math.max(byteLength(dtype, sizeOf(shape)), 4)));
  if (gpu.poison && dtype === 'f32') gpu.stream.write(x.storage.block, 0, new Float32Array(x.storage.block.bytes / 4).fill(NaN));
  return x;
}

/** Rows of rows of numbers. */
export type NestedNumbers = readonly (number | boolean | NestedNumbers)[];

const HOST = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array, f16: Uint32Array, bf16: Uint32Array, int8: Uint32Array, int4: Uint32Array, nf4: Uint32Array } as const;

/** The shape of nested arrays. Throws ShapeError where rows differ in length. */
function shapeOf(values: NestedNumbers): Shape {
  const inner = values.map((item) => (typeof item === 'object' ? shapeOf(item) : []));
  const odd = inner.find((shape) => !sameShape(shape, inner[0]!));
  if (odd) throw new ShapeError(`tensor: rows of shapes ${showShape(inner[0]!)} and ${showShape(odd)} stand side by side; they must be equal.`);
  return [values.length, ...(inner[0] ?? [])];
}

const kindOf = (value: unknown): DType => (typeof value === 'boolean' ? 'bool' : 'f32');

/**
 * A tensor of the given values: a typed array or a list in row-major order, or nested lists, which give the shape too.
 * @param shape default: what the lists say, or one axis
 * @param options dtype: default by the array's kind; f32 for numbers, bool for booleans
 * Throws ShapeError when their number does not fit the shape or nested rows differ, DTypeError for a packed type.
 */
export function tensor(gpu: Gpu, values: HostArray | NestedNumbers, shape?: Shape, options: { dtype?: DType } = {}): Tensor {
  const isNested = Array.isArray(values) && typeof values[0] === 'object';
  const flat = (isNested ? (values as unknown[]).flat(Infinity) : values) as HostArray | readonly number[];
  const dtype = options.dtype ?? (flat instanceof Int32Array ? 'i32' : flat instanceof Uint32Array ? 'u32' : kindOf(flat[0]));
  const dims = shape ?? (isNested ? shapeOf(values as NestedNumbers) : [flat.length]);
  if (isPacked(dtype)) throw new DTypeError(`tensor: cannot be made as ${dtype}; make it as f32 and use cast.`);
  requireShape('tensor', dims);
  if (flat.length !== sizeOf(dims)) throw new ShapeError(`tensor: ${flat.length} values for shape ${showShape(dims)}; it needs ${sizeOf(dims)}.`);
  const Host = HOST[dtype];
  const host = dtype === 'bool' ? Uint32Array.from(flat, (value) => (value ? 1 : 0)) : flat instanceof Host ? flat : (Host.from(flat as ArrayLike<number>) as HostArray);
  const x = new Tensor(gpu, dims, dtype, gpu.allocate(Math.max(4 * host.length, 4)));
  if (host.length > 0) gpu.stream.write(x.storage.block, 0, host);
  return x;
}

/** A tensor that holds `value` everywhere. */
export function full(gpu: Gpu, shape: Shape, value: number, dtype: DType = 'f32'): Tensor {
  requireShape('full', shape);
  if (value === 0) return zeros(gpu, shape, dtype);
  if (isPacked(dtype)) throw new DTypeError(`full: cannot be made as ${dtype}; make it as f32 and use cast.`);
  return tensor(gpu, (new HOST[dtype](sizeOf(shape)) as HostArray).fill(value), shape, { dtype });
}

/** A tensor of zeros; all bits are 0, in packed types too. */
export function zeros(gpu: Gpu, shape: Shape, dtype: DType = 'f32'): Tensor {
  requireShape('zeros', shape);
  const x = new Tensor(gpu, shape, dtype, gpu.allocate(Math.max(byteLength(dtype, sizeOf(shape)), 4)));
  gpu.stream.clear({ block: x.storage.block, offset: 0, bytes: x.storage.block.bytes }, x.storage.block.bytes);
  return x;
}

/** A tensor of ones. */
export const ones = (gpu: Gpu, shape: Shape, dtype: DType = 'f32'): Tensor => full(gpu, shape, 1, dtype);

/** Lets `x` outlive its scope; `dispose()` ends it. */
export function keep<T extends Tensor>(x: T): T {
  x.gpu.arena.keep(x.storage);
  if (x.quantisation) keep(x.quantisation.scales);
  if (x.quantisation?.zeros) keep(x.quantisation.zeros);
  return x;
}
