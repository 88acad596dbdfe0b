/**
 * @file Converts what a user gives (lists, typed arrays, numbers) to the words of a tensor: each value is kept, or
 * refused with an error.
 */
import { DTypeError, ShapeError } from '../gpu/errors.ts';
import type { DType, HostArray } from './dtype.ts';
import { sameShape, showShape } from './shape.ts';
import type { Shape } from './shape.ts';

type NumberArray = Exclude<ArrayBufferView, DataView> & ArrayLike<number>;
/** Rows of rows of numbers; a typed array may stand for the innermost row. */
export type NestedNumbers = readonly (number | boolean | NestedNumbers | NumberArray)[];

/** Bounds of the integer types; bool is 0 or 1. */
export const BOUNDS = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1], bool: [0, 1] } as const;
const HOST = { f32: Float32Array, i32: Int32Array, u32: Uint32Array, bool: Uint32Array } as const;
type Plain = keyof typeof HOST;

const isNumberArray = (values: unknown): values is NumberArray =>
  ArrayBuffer.isView(values) &&
  !(values instanceof DataView) &&
  !(values instanceof BigInt64Array) &&
  !(values instanceof BigUint64Array);

/** A value in a message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (value === null || typeof value !== 'object') return `${String(value)}${typeof value === 'bigint' ? 'n' : ''}`;
  if (Array.isArray(value)) return 'a list';
  const name = value.constructor?.name;
  return name ? `a value of ${name}` : 'an object';
}

/** Throws DTypeError unless it is a `Gpu`. */
export function requireGpu(where: string, gpu: unknown): void {
  if (typeof (gpu as { allocate?: unknown } | null | undefined)?.allocate !== 'function')
    throw new DTypeError(
      `${where}: the first argument is ${show(gpu)}; it must be the device, as await openGpu() gives it.`,
    );
}

const PLAIN_NAMES = 'numbers, booleans, or lists of them';

/** Throws DTypeError unless `value` is a number or a boolean. */
export function requireNumber(where: string, what: string, value: unknown): void {
  if (typeof value === 'number' || typeof value === 'boolean') return;
  throw new DTypeError(`${where}: ${what} is ${show(value)}; it must be a number or a boolean.`);
}

/** The shape of nested lists. Throws ShapeError if rows differ in shape, or a list is next to a number. */
function shapeOf(values: NestedNumbers | NumberArray): Shape {
  if (!Array.isArray(values)) return [values.length];
  const inner = (values as unknown[]).map((item) =>
    Array.isArray(item) || isNumberArray(item) ? shapeOf(item as NestedNumbers) : [],
  );
  const odd = inner.find((shape) => !sameShape(shape, inner[0]!));
  if (odd)
    throw new ShapeError(
      `tensor: the rows have shapes ${showShape(inner[0]!)} and ${showShape(odd)}; they must be equal.`,
    );
  return [values.length, ...(inner[0] ?? [])];
}

function flatten(values: readonly unknown[], out: unknown[] = []): unknown[] {
  for (const item of values) {
    if (Array.isArray(item)) flatten(item, out);
    else if (isNumberArray(item)) for (let i = 0; i < item.length; i++) out.push(item[i]);
    else out.push(item);
  }
  return out;
}

export interface Given {
  readonly flat: ArrayLike<number | boolean> /** Of what was given, where no type is asked for. */;
  readonly dtype: DType;
  readonly shape: Shape;
}

/**
 * The values of a typed array, a list or nested lists in row-major order, their own type (bool where all are booleans)
 * and shape.
 * Throws DTypeError for anything else, or a value in it that is not a number; ShapeError where rows differ.
 */
export function readGiven(values: unknown): Given {
  if (isNumberArray(values))
    return {
      flat: values,
      dtype: values instanceof Int32Array ? 'i32' : values instanceof Uint32Array ? 'u32' : 'f32',
      shape: [values.length],
    };
  if (!Array.isArray(values)) {
    const more =
      typeof values === 'number' || typeof values === 'boolean'
        ? `; for one number: tensor(gpu, [${values}], []).`
        : '.';
    throw new DTypeError(
      `tensor: the values are ${show(values)}; they must be a typed array of numbers or a list of ${PLAIN_NAMES}${more}`,
    );
  }
  const isNested = values.some((item) => typeof item === 'object' && item !== null);
  const flat = isNested ? flatten(values) : values;
  // An index loop also meets the holes of a sparse list, which `every` and `findIndex` differ about.
  let booleans = 0;
  for (let i = 0; i < flat.length; i++) {
    requireNumber('tensor', `value ${i}`, flat[i]);
    if (typeof flat[i] === 'boolean') booleans++;
  }
  return {
    flat: flat as (number | boolean)[],
    dtype: flat.length > 0 && booleans === flat.length ? 'bool' : 'f32',
    shape: isNested ? shapeOf(values) : [flat.length],
  };
}

/**
 * Values as words of an unpacked type: to bool what is not 0, to integers towards 0, as PyTorch has it.
 * Throws DTypeError for a number that i32 or u32 cannot hold.
 */
export function toHost(where: string, flat: ArrayLike<number | boolean>, dtype: Plain): HostArray {
  if (dtype === 'bool')
    return Uint32Array.from(flat as ArrayLike<number>, (value) =>
      value === 0 || (value as unknown) === false ? 0 : 1,
    );
  const Host = HOST[dtype];
  if (flat instanceof Host) return flat as HostArray;
  if (dtype !== 'f32')
    for (let i = 0; i < flat.length; i++)
      requireFit(where, flat.length === 1 ? 'the value' : `value ${i}`, Number(flat[i]), dtype);
  return Host.from(flat as ArrayLike<number>) as HostArray;
}

/** Throws DTypeError where an integer type cannot hold the number cut towards 0. */
export function requireFit(where: string, what: string, value: number, dtype: 'i32' | 'u32'): void {
  const [low, high] = BOUNDS[dtype];
  const whole = Math.trunc(value);
  if (!(whole >= low && whole <= high))
    throw new DTypeError(
      `${where}: ${what} is ${value} and the type ${dtype}; it must lie in ${low}..${high}, or the type must be f32.`,
    );
}
