/**
 * @file Single elements of row-wise ops: the op table's float64 forward on one row, and its central differences.
 */
import { Array64, opTable } from '@curio/engine/check';
import type { OpCases } from '@curio/engine/check';
import type { Entry } from '../engine-cells.ts';

const STEP = 1e-5;

/** Inputs of a row-wise op: x [R, C] and those that all rows share. */
export class RowTruth {
  private readonly table: OpCases<undefined>;
  private last: { row: number; y: Float64Array } | null = null;

  /** @param rest the other inputs for row r, in the table's order */
  constructor(
    op: string,
    private readonly x: Float32Array,
    private readonly cols: number,
    private readonly rest: (row: number) => readonly (Array64 | null)[] = () => [],
  ) {
    this.table = opTable(op) as unknown as OpCases<undefined>;
  }

  readonly y: Entry = (i) => {
    const row = Math.floor(i / this.cols);
    if (this.last?.row !== row) this.last = { row, y: this.reference(row, this.rowOf(row)) };
    return this.last.y[i % this.cols]!;
  };

  /** The gradient of x for an output gradient of `dy(row)`. */
  dx(dy: (row: number) => ArrayLike<number>): Entry {
    return (i) => {
      const [row, at] = [Math.floor(i / this.cols), i % this.cols];
      const x = this.rowOf(row);
      const weights = dy(row);
      const value = (shift: number): number => {
        const moved = Float64Array.from(x);
        moved[at]! += shift;
        return this.reference(row, moved).reduce((sum, v, c) => sum + v * weights[c]!, 0);
      };
      return (value(STEP) - value(-STEP)) / (2 * STEP);
    };
  }

  private rowOf(row: number): Float32Array {
    return this.x.subarray(row * this.cols, (row + 1) * this.cols);
  }

  private reference(row: number, x: ArrayLike<number>): Float64Array {
    return this.table.reference([new Array64([1, this.cols], x), ...this.rest(row)], undefined).data;
  }
}
