/**
 * @file A small float64 autograd tape over matrices, for training steps and the prototype extractor: simple, and used
 * for a single backward pass.
 */

export class Matrix64 {
  readonly data: Float64Array;
  readonly grad: Float64Array;

  constructor(
    readonly rows: number,
    readonly cols: number,
    data?: ArrayLike<number>,
    readonly send: () => void = () => {},
    readonly behind: readonly Matrix64[] = [],
  ) {
    this.data = data ? Float64Array.from(data) : new Float64Array(rows * cols);
    this.grad = new Float64Array(rows * cols);
  }
}

/** Adds a·b (each transposed if requested) to `out`, M rows and N columns over K terms. */
function addProduct(
  out: Float64Array,
  a: Float64Array,
  b: Float64Array,
  [M, N, K]: readonly [number, number, number],
  { transposeA = false, transposeB = false } = {},
): void {
  const right = transposeB ? turned(b, N, K) : b;
  for (let m = 0; m < M; m++) {
    for (let k = 0; k < K; k++) {
      const v = a[transposeA ? k * M + m : m * K + k]!;
      for (let n = 0, at = m * N, from = k * N; n < N; n++) out[at++]! += v * right[from++]!;
    }
  }
}

function turned(x: Float64Array, rows: number, cols: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) out[c * rows + r] = x[r * cols + c]!;
  return out;
}

/** a·b; with `transposeB` a·bᵀ, with `transposeA` aᵀ·b. */
export function times(a: Matrix64, b: Matrix64, { transposeA = false, transposeB = false } = {}): Matrix64 {
  const [M, K] = transposeA ? [a.cols, a.rows] : [a.rows, a.cols];
  const N = transposeB ? b.rows : b.cols;
  const y: Matrix64 = new Matrix64(
    M,
    N,
    undefined,
    () => {
      if (transposeA) addProduct(a.grad, b.data, y.grad, [K, M, N], { transposeA: transposeB, transposeB: true });
      else addProduct(a.grad, y.grad, b.data, [M, K, N], { transposeB: !transposeB });
      if (transposeB) addProduct(b.grad, y.grad, a.data, [N, K, M], { transposeA: true, transposeB: transposeA });
      else addProduct(b.grad, a.data, y.grad, [K, N, M], { transposeA: !transposeA });
    },
    [a, b],
  );
  addProduct(y.data, a.data, b.data, [M, N, K], { transposeA, transposeB });
  return y;
}

/** f of each element, with its derivative. */
export function map(
  x: Matrix64,
  f: (v: number, i: number) => number,
  slope: (v: number, i: number) => number,
): Matrix64 {
  const y: Matrix64 = new Matrix64(
    x.rows,
    x.cols,
    x.data.map(f),
    () => x.data.forEach((v, i) => (x.grad[i]! += y.grad[i]! * slope(v, i))),
    [x],
  );
  return y;
}

/** a + b, where b may be one row for all. */
export function plus(a: Matrix64, b: Matrix64): Matrix64 {
  const y: Matrix64 = new Matrix64(
    a.rows,
    a.cols,
    a.data.map((v, i) => v + b.data[i % b.data.length]!),
    () => {
      y.grad.forEach((g, i) => {
        a.grad[i]! += g;
        b.grad[i % b.data.length]! += g;
      });
    },
    [a, b],
  );
  return y;
}

/** Maps each row by f(row) → y, with dx = backward(y, dy). */
function mapRows(
  x: Matrix64,
  f: (row: Float64Array, r: number) => ArrayLike<number>,
  back: (y: Float64Array, dy: Float64Array, r: number) => ArrayLike<number>,
): Matrix64 {
  const part = (data: Float64Array, r: number): Float64Array => data.subarray(r * x.cols, (r + 1) * x.cols);
  const y: Matrix64 = new Matrix64(
    x.rows,
    x.cols,
    undefined,
    () => {
      for (let r = 0; r < x.rows; r++) {
        const dx = back(part(y.data, r), part(y.grad, r), r);
        for (let c = 0; c < x.cols; c++) x.grad[r * x.cols + c]! += dx[c]!;
      }
    },
    [x],
  );
  for (let r = 0; r < x.rows; r++) part(y.data, r).set(f(part(x.data, r), r));
  return y;
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);

/** Softmax of each row over its first `visible(r)` columns; the others are 0. */
export const softmaxRows = (x: Matrix64, visible: (r: number) => number = () => x.cols): Matrix64 =>
  mapRows(
    x,
    (row, r) => {
      const top = row.subarray(0, visible(r)).reduce((a, b) => Math.max(a, b), -Infinity);
      const e = row.map((v, c) => (c < visible(r) ? Math.exp(v - top) : 0));
      const total = e.reduce((a, b) => a + b, 0);
      return e.map((v) => v / total);
    },
    (y, dy) => {
      const mean = dot(y, dy);
      return y.map((p, c) => p * (dy[c]! - mean));
    },
  );

/** Each row divided by its L2 norm. */
export function unitRows(x: Matrix64): Matrix64 {
  const lengths = new Float64Array(x.rows);
  return mapRows(
    x,
    (row, r) => {
      lengths[r] = Math.sqrt(dot(row, row));
      return row.map((v) => v / lengths[r]!);
    },
    (y, dy, r) => {
      const along = dot(y, dy);
      return y.map((v, c) => (dy[c]! - v * along) / lengths[r]!);
    },
  );
}

/** (x - mean) / √(var + eps) of each row. */
export function normaliseRows(x: Matrix64, eps = 1e-5): Matrix64 {
  const scales = new Float64Array(x.rows);
  return mapRows(
    x,
    (row, r) => {
      const mean = row.reduce((a, b) => a + b, 0) / row.length;
      scales[r] = 1 / Math.sqrt(row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / row.length + eps);
      return row.map((v) => (v - mean) * scales[r]!);
    },
    (y, dy, r) => {
      const mean = dy.reduce((a, b) => a + b, 0) / dy.length;
      const along = dot(y, dy) / dy.length;
      return y.map((v, c) => (dy[c]! - mean - v * along) * scales[r]!);
    },
  );
}

/** Each column times its factor in the vector `w`. */
export function scaleColumns(x: Matrix64, w: Matrix64): Matrix64 {
  const y: Matrix64 = new Matrix64(
    x.rows,
    x.cols,
    x.data.map((v, i) => v * w.data[i % x.cols]!),
    () => {
      y.grad.forEach((g, i) => {
        x.grad[i]! += g * w.data[i % x.cols]!;
        w.grad[i % x.cols]! += g * x.data[i]!;
      });
    },
    [x, w],
  );
  return y;
}

export function transpose(x: Matrix64): Matrix64 {
  const y: Matrix64 = new Matrix64(
    x.cols,
    x.rows,
    turned(x.data, x.rows, x.cols),
    () => turned(y.grad, x.cols, x.rows).forEach((g, i) => (x.grad[i]! += g)),
    [x],
  );
  return y;
}

/** Rows [r, r + rows) and columns [c, c + cols). */
export function block(x: Matrix64, r: number, rows: number, c: number, cols: number): Matrix64 {
  const from = (i: number): number => (r + Math.floor(i / cols)) * x.cols + c + (i % cols);
  const y: Matrix64 = new Matrix64(
    rows,
    cols,
    Float64Array.from({ length: rows * cols }, (_, i) => x.data[from(i)]!),
    () => y.grad.forEach((g, i) => (x.grad[from(i)]! += g)),
    [x],
  );
  return y;
}

/** Assembles blocks of equal size into one matrix, row by row. */
export function assemble(blocks: readonly (readonly Matrix64[])[]): Matrix64 {
  const [height, width] = [blocks[0]![0]!.rows, blocks[0]![0]!.cols];
  const cols = blocks[0]!.length * width;
  const each = (visit: (part: Matrix64, i: number, at: number) => void): void =>
    blocks.forEach((row, br) =>
      row.forEach((part, bc) => {
        for (let i = 0; i < part.data.length; i++)
          visit(part, i, (br * height + Math.floor(i / width)) * cols + bc * width + (i % width));
      }),
    );
  const y: Matrix64 = new Matrix64(
    blocks.length * height,
    cols,
    undefined,
    () => each((part, i, at) => (part.grad[i]! += y.grad[at]!)),
    blocks.flat(),
  );
  each((part, i, at) => (y.data[at] = part.data[i]!));
  return y;
}

/** Mean of (x - target)². */
export function meanSquare(x: Matrix64, target: ArrayLike<number>): Matrix64 {
  const n = x.data.length;
  const y: Matrix64 = new Matrix64(
    1,
    1,
    [x.data.reduce((sum, v, i) => sum + (v - target[i]!) ** 2, 0) / n],
    () => x.data.forEach((v, i) => (x.grad[i]! += (y.grad[0]! * 2 * (v - target[i]!)) / n)),
    [x],
  );
  return y;
}

/** Backpropagates `seed` (1 for a scalar) from `y`. */
export function walkBack(y: Matrix64, seed: ArrayLike<number> = [1]): void {
  y.grad.set(Float64Array.from(seed));
  const order: Matrix64[] = [];
  const seen = new Set<Matrix64>();
  const visit = (x: Matrix64): void => {
    if (seen.has(x)) return;
    seen.add(x);
    x.behind.forEach(visit);
    order.push(x);
  };
  visit(y);
  for (const x of order.reverse()) x.send();
}
