/**
 * @file Functions of two tensors, element by element, with NumPy's broadcasting: float[...] and float[...] or a number
 * in, float of the common shape out.
 * Kernel: kernels/elementwise/binary.wgsl. Each throws ShapeError when the shapes do not broadcast, DTypeError unless
 * both are f32.
 */
import { elementwiseBinary as kernel } from '@curio/kernels/elementwise_binary';
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { lineWork } from '../../gpu/kernel/line.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import type { Shape } from '../../tensor/shape.ts';
import { show } from '../../tensor/host-values.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { sumTo } from '../parts/sum-to.ts';
import { affine, inverse, maximumOf, minimumOf, quotient } from './unary.ts';
import { expand } from '../layout/views.ts';
import { commonShape, planBroadcast, requireFloat } from '../parts/broadcast.ts';

type Kind = 'ADD' | 'SUB' | 'MUL' | 'DIV' | 'MAX' | 'MIN';

const WG = 64;
const ROWS = 8;
const NO_PARAMS = {
  items: 0,
  a_offset: 0,
  b_offset: 0,
  parts: 1,
  n1: 1,
  n2: 1,
  n3: 1,
  a_stride0: 0,
  a_stride1: 0,
  a_stride2: 0,
  a_stride3: 0,
  b_stride0: 0,
  b_stride1: 0,
  b_stride2: 0,
  b_stride3: 0,
};

/** Records y = f(a, b) under `shape` by the fastest entry that their strides allow. */
function record(run: Run, kind: Kind, a: Tensor, b: Tensor, shape: Shape): Tensor {
  const y = run.out(shape);
  const path = planBroadcast(run.name, [a, b], shape, 4);
  const [first, second] = path.tensors as [Tensor, Tensor];
  const [sa, sb] = path.strides as [number[], number[]];
  const [, , rows, cols] = path.sizes as [number, number, number, number];
  const isFlat = path.rank === 1 && sa[3] === 1 && sb[3] === 1;
  const isRows = path.rank === 2 && sa[3] === 1 && sa[2] === cols && sb[3] === 1 && sb[2] === 0;
  const isSwappedRows = path.rank === 2 && sb[3] === 1 && sb[2] === cols && sa[3] === 1 && sa[2] === 0;
  if (isSwappedRows && kind !== 'SUB' && kind !== 'DIV') return record(run, kind, b, a, shape);
  const vec4s =
    first.bindingOffset % 4 === 0 && second.bindingOffset % 4 === 0 && (isFlat || (isRows && cols % 4 === 0));
  const width = vec4s ? 4 : 1;
  const tuning = { OP: kind, T: vec4s ? 'vec4<f32>' : 'f32', U: vec4s ? 'vec4<u32>' : 'u32' };
  const buffers = { a: first, b: second, y };
  const offsets = { a_offset: first.bindingOffset / width, b_offset: second.bindingOffset / width };
  if (isFlat) {
    const items = ceilDiv(y.size, width);
    run.dispatch(kernel, 'dense', {
      buffers,
      params: { ...NO_PARAMS, ...offsets, items },
      ...lineWork(run.gpu, kernel, items, WG, tuning),
    });
  } else if (isRows) {
    const n3 = cols / width;
    run.dispatch(kernel, 'rows', {
      buffers,
      tuning,
      params: { ...NO_PARAMS, ...offsets, n2: rows, n3 },
      grid: lineGrid(ceilDiv(n3 * ceilDiv(rows, ROWS), WG)),
    });
  } else {
    const params: Record<string, number> = {
      items: path.items,
      ...offsets,
      parts: path.parts,
      n1: path.sizes[1]!,
      n2: rows,
      n3: cols,
    };
    for (let k = 0; k < 4; k++) [params[`a_stride${k}`], params[`b_stride${k}`]] = [sa[k]!, sb[k]!];
    run.dispatch(kernel, 'strided', { buffers, tuning, params, grid: lineGrid(ceilDiv(path.items, WG)) });
  }
  return y;
}

/** The share of `dy` that goes to a (`backward_a`) or b (`backward_b`) of maximum and minimum. */
function share(run: Run, kind: Kind, entry: 'backward_a' | 'backward_b', a: Tensor, b: Tensor, dy: Tensor): Tensor {
  const y = run.out(dy.shape);
  const items = ceilDiv(dy.size, 4);
  const buffers = { a: run.fit(expand(a, dy.shape)), b: run.fit(expand(b, dy.shape)), y, dy };
  run.dispatch(kernel, entry, {
    buffers,
    params: { ...NO_PARAMS, items },
    ...lineWork(run.gpu, kernel, items, WG, { OP: kind, T: 'vec4<f32>', U: 'vec4<u32>' }),
  });
  return y;
}

type Gradient = (run: Run, dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor;
interface Rule {
  readonly da: Gradient;
  readonly db: Gradient /** What da and db read besides dy. */;
  readonly reads: readonly [da: string, db: string];
}

const RULES: Readonly<Record<Kind, Rule>> = {
  ADD: { da: (_, dy) => dy, db: (_, dy) => dy, reads: ['', ''] },
  SUB: { da: (_, dy) => dy, db: (_, dy) => affine(dy, -1), reads: ['', ''] },
  MUL: {
    da: (run, dy, _, b) => record(run, 'MUL', dy, b, dy.shape),
    db: (run, dy, a) => record(run, 'MUL', dy, a, dy.shape),
    reads: ['b', 'a'],
  },
  DIV: {
    da: (run, dy, _, b) => record(run, 'DIV', dy, b, dy.shape),
    db: (run, dy, _, b, y) => affine(record(run, 'DIV', record(run, 'MUL', dy, y, dy.shape), b, dy.shape), -1),
    reads: ['b', 'by'],
  },
  MAX: {
    da: (run, dy, a, b) => share(run, 'MAX', 'backward_a', a, b, dy),
    db: (run, dy, a, b) => share(run, 'MAX', 'backward_b', a, b, dy),
    reads: ['ab', 'ab'],
  },
  MIN: {
    da: (run, dy, a, b) => share(run, 'MIN', 'backward_a', a, b, dy),
    db: (run, dy, a, b) => share(run, 'MIN', 'backward_b', a, b, dy),
    reads: ['ab', 'ab'],
  },
};

function define(name: string, kind: Kind): (a: Tensor, b: Tensor) => Tensor {
  const { da, db, reads } = RULES[kind];
  const op = defineOp({
    name,
    layouts: ['any'],
    plan([a, b]: readonly [Tensor, Tensor], _: undefined) {
      requireFloat(name, a, b);
      return { a: a.shape, b: b.shape, y: commonShape(name, [a.shape, b.shape]) };
    },
    forward(run, [a, b], shapes) {
      const y = record(run, kind, a, b, shapes.y);
      const read = (run.needs[0] ? reads[0] : '') + (run.needs[1] ? reads[1] : '');
      return {
        y,
        saved: { a: read.includes('a') ? a : null, b: read.includes('b') ? b : null, y: read.includes('y') ? y : null },
      };
    },
    backward: (run, dy, { a, b, y }, shapes) => [
      run.needs[0] ? sumTo(da(run, dy, a!, b!, y!), shapes.a) : null,
      run.needs[1] ? sumTo(db(run, dy, a!, b!, y!), shapes.b) : null,
    ],
  });
  return (a, b) => op([a, b]);
}

const addOp = define('add', 'ADD');
const subOp = define('sub', 'SUB');
const mulOp = define('mul', 'MUL');
const divOp = define('div', 'DIV');
const maximumOp = define('maximum', 'MAX');
const minimumOp = define('minimum', 'MIN');

type Operand = Tensor | number;

/** Sends a pair to the form that fits: two tensors, tensor and number, number and tensor. */
function pair(
  name: string,
  a: Operand,
  b: Operand,
  both: (a: Tensor, b: Tensor) => Tensor,
  right: (a: Tensor, b: number) => Tensor,
  left: (a: number, b: Tensor) => Tensor,
): Tensor {
  for (const [operand, value] of [
    ['a', a],
    ['b', b],
  ] as const) {
    if (typeof value !== 'number' && !(value instanceof Tensor))
      throw new DTypeError(`${name}: ${operand} is ${show(value)}; it must be a tensor or a number.`);
  }
  if (typeof a !== 'number') return typeof b === 'number' ? right(a, b) : both(a, b);
  if (typeof b !== 'number') return left(a, b);
  throw new ShapeError(`${name}: both operands are numbers, ${a} and ${b}; one must be a tensor.`);
}

/** y = a + b, broadcast. Saves nothing. */
export const add = (a: Operand, b: Operand): Tensor =>
  pair(
    'add',
    a,
    b,
    addOp,
    (x, n) => affine(x, 1, n),
    (n, x) => affine(x, 1, n),
  );
/** y = a - b, broadcast. Saves nothing. */
export const sub = (a: Operand, b: Operand): Tensor =>
  pair(
    'sub',
    a,
    b,
    subOp,
    (x, n) => affine(x, 1, -n),
    (n, x) => affine(x, -1, n),
  );
/** y = a · b, broadcast. Saves the other factor of each that needs a gradient. */
export const mul = (a: Operand, b: Operand): Tensor =>
  pair(
    'mul',
    a,
    b,
    mulOp,
    (x, n) => affine(x, n),
    (n, x) => affine(x, n),
  );
/** y = a / b, broadcast. Saves b, and y where b needs a gradient. */
export const div = (a: Operand, b: Operand): Tensor => pair('div', a, b, divOp, quotient, (n, x) => inverse(x, n));
/**
 * y = max(a, b), broadcast, NaN where one is. The gradient goes to the one that was taken, halved where they are equal,
 * to both where one is NaN; the other gets 0, be the gradient infinite or NaN. Saves a and b.
 */
export const maximum = (a: Operand, b: Operand): Tensor =>
  pair('maximum', a, b, maximumOp, maximumOf, (n, x) => maximumOf(x, n));
/**
 * y = min(a, b), broadcast, NaN where one is. The gradient goes to the one that was taken, halved where they are equal,
 * to both where one is NaN; the other gets 0, be the gradient infinite or NaN. Saves a and b.
 */
export const minimum = (a: Operand, b: Operand): Tensor =>
  pair('minimum', a, b, minimumOp, minimumOf, (n, x) => minimumOf(x, n));
