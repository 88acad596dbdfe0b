/**
 * @file Indices are checked if the host knows them: it wrote them and nothing has overwritten them since. What the
 * device computed stays unchecked, since to look would be to wait.
 */
import { ShapeError } from '../errors.ts';
import type { Storage } from './arena.ts';
import type { Block, KnownIntegers } from './block.ts';

type Integers = Int32Array | Uint32Array;
type Test = Parameters<KnownIntegers['check']>[0];

/** Written to a block once. */
class GivenIntegers implements KnownIntegers {
  constructor(
    private readonly values: Integers,
    private readonly first: number,
  ) {}

  check(test: Test): void {
    test(this.values, this.first);
  }
}

/** An input of a captured step, which comes anew before each replay. */
export class AwaitedIntegers implements KnownIntegers {
  private readonly tests: Test[] = [];

  check(test: Test): void {
    this.tests.push(test);
  }

  /** Runs all that the step wanted checked. */
  give(values: Integers): void {
    for (const test of this.tests) test(values, 0);
  }
}

/** Keeps what the host has just written, if it is of i32 or u32, from element `first` of the block on. */
export function noteIntegers(block: Block, first: number, dtype: string, values: Float32Array | Integers): void {
  if (dtype === 'i32' || dtype === 'u32') block.known = new GivenIntegers(values.slice() as Integers, first);
}

/** A tensor, as it is looked at here. */
interface IndexTensor {
  readonly shape: readonly number[];
  readonly size: number;
  readonly strides: readonly number[];
  readonly offset: number;
  readonly isDense: boolean;
  readonly storage: Storage;
}

export interface IndexRange {
  readonly low: number;
  readonly high: number;
  /** Stands for no index at all and is taken too. */
  readonly ignored?: number;
}

/**
 * Throws ShapeError if the host knows an element of `index` outside low..high; in a step that is being
 * captured, before each replay. Elements that only the device knows are not checked.
 * @param what an element is called in the message
 */
export function requireIndices(
  where: string,
  what: string,
  index: IndexTensor,
  { low, high, ignored }: IndexRange,
): void {
  const { shape, size, strides, offset, isDense, storage } = index;
  if (storage.isFreed || size === 0) return;
  storage.block.known?.check((values, first) => {
    const isWrong = (at: number): boolean => {
      const value = values[at]; // undefined beyond what is known
      return value !== undefined && (value < low || value > high) && value !== ignored;
    };
    for (let i = 0; i < size; i++) {
      const at = offset - first + (isDense ? i : stepsTo(shape, strides, i));
      if (!isWrong(at)) continue;
      const rest = ignored === undefined ? '' : `, or be ${ignored} where it is ignored`;
      throw new ShapeError(
        `${where}: ${what} ${values[at]} at [${placeOf(shape, i).join(', ')}] is out of range; it must lie in ${low}..${high}${rest}.`,
      );
    }
  });
}

/** The place of element `i` in row-major order. */
function placeOf(shape: readonly number[], i: number): number[] {
  const place = new Array<number>(shape.length);
  for (let k = shape.length - 1; k >= 0; k--) {
    place[k] = i % shape[k]!;
    i = Math.floor(i / shape[k]!);
  }
  return place;
}

const stepsTo = (shape: readonly number[], strides: readonly number[], i: number): number =>
  placeOf(shape, i).reduce((sum, n, k) => sum + n * strides[k]!, 0);
