/** @file ONNX's operators that lay values out anew, pick them or make them. */
import * as c from '@curio/engine';
import type { DType, Tensor } from '@curio/engine';
import { Missing, needOption } from './node.ts';
import type { Expressions, Node } from './node.ts';

const resolve = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Axes in the second input, or in an attribute of old versions. */
const axesOf = (node: Node): number[] | undefined => (node.has(1) ? node.numbers(1) : node.list('axes'));

function reshape(node: Node): Tensor {
  const x = node.tensor(0);
  const keepsZeros = node.int('allowzero', 0) === 1;
  return c.reshape(
    x,
    node.numbers(1).map((n, i) => (n === 0 && !keepsZeros ? x.shape[i]! : n)),
  );
}

function flatten(node: Node): Tensor {
  const x = node.tensor(0);
  const k = resolve(node.int('axis', 1), x.shape.length);
  return c.reshape(x, [product(x.shape.slice(0, k)), product(x.shape.slice(k))]);
}

function squeeze(node: Node): Tensor {
  const x = node.tensor(0);
  const axes = axesOf(node)?.map((k) => resolve(k, x.shape.length));
  return axes
    ? c.reshape(
        x,
        x.shape.filter((_, i) => !axes.includes(i)),
      )
    : c.squeeze(x);
}

function unsqueeze(node: Node): Tensor {
  const x = node.tensor(0);
  const given = axesOf(node)!;
  const axes = given.map((k) => resolve(k, x.shape.length + given.length)).sort((a, b) => a - b);
  return axes.reduce((y, axis) => c.unsqueeze(y, { axis }), x);
}

function slice(node: Node): Tensor {
  const x = node.tensor(0);
  const [starts, ends] = [node.numbers(1), node.numbers(2)];
  const axes = node.has(3) ? node.numbers(3) : starts.map((_, i) => i);
  const steps = node.has(4) ? node.numbers(4) : starts.map(() => 1);
  return axes.reduce((y, given, i) => {
    const axis = resolve(given, x.shape.length);
    const n = x.shape[axis]!;
    const step = steps[i]!;
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const within = (at: number): number => Math.min(Math.max(at < 0 ? at + n : at, low), high);
    const [from, to] = [within(starts[i]!), within(ends[i]!)];
    if (step === 1) return c.slice(y, { axis, start: from, end: Math.max(from, to) });
    const count = Math.max(0, Math.ceil((to - from) / step));
    const index = Int32Array.from({ length: count }, (_, j) => from + j * step);
    return c.indexSelect(y, c.tensor(node.gpu, index), { axis });
  }, x);
}

function split(node: Node): Tensor[] {
  const x = node.tensor(0);
  const axis = node.int('axis', 0);
  const n = x.shape[resolve(axis, x.shape.length)]!;
  return c.split(x, node.has(1) ? node.numbers(1) : Math.ceil(n / node.outputs), { axis });
}

/** What lies within `sides` cut away or, where they are positive, put around. */
function padded(x: Tensor, sides: readonly (readonly [number, number])[], value: number): Tensor {
  const cut = sides.reduce(
    (y, [before, after], axis) =>
      before < 0 || after < 0
        ? c.slice(y, { axis, start: Math.max(0, -before), end: x.shape[axis]! + Math.min(0, after) })
        : y,
    x,
  );
  return c.pad(
    cut,
    sides.map(([before, after]) => [Math.max(0, before), Math.max(0, after)] as const),
    value,
  );
}

function pad(node: Node): Tensor {
  const mode = node.text('mode', 'constant');
  needOption(mode === 'constant', `pad by ${mode}`);
  const x = node.tensor(0);
  const rank = x.shape.length;
  const given = node.numbers(1);
  const axes = node.has(3) ? node.numbers(3).map((k) => resolve(k, rank)) : x.shape.map((_, i) => i);
  const sides = x.shape.map((_, i): [number, number] => {
    const at = axes.indexOf(i);
    return at < 0 ? [0, 0] : [given[at]!, given[at + axes.length]!];
  });
  return padded(x, sides, node.has(2) ? node.numbers(2)[0]! : 0);
}

function centerCropPad(node: Node): Tensor {
  const x = node.tensor(0);
  const axes = (node.list('axes') ?? x.shape.map((_, i) => i)).map((k) => resolve(k, x.shape.length));
  const wanted = node.numbers(1);
  const sides = x.shape.map((n, i): [number, number] => {
    const at = axes.indexOf(i);
    const more = at < 0 ? 0 : wanted[at]! - n;
    const before = Math.trunc(more / 2);
    return more < 0 ? [Math.ceil(more / 2), more - Math.ceil(more / 2)] : [before, more - before];
  });
  return padded(x, sides, 0);
}

function depthToSpace(node: Node): Tensor {
  const x = node.tensor(0);
  const [b, channels, h, w] = x.shape as [number, number, number, number];
  const s = node.int('blocksize', 1);
  const depth = channels / (s * s);
  const isRows = node.text('mode', 'DCR') === 'CRD';
  const apart = c.reshape(x, isRows ? [b, depth, s, s, h, w] : [b, s, s, depth, h, w]);
  const order = isRows ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return c.reshape(c.permute(apart, order), [b, depth, h * s, w * s]);
}

function spaceToDepth(node: Node): Tensor {
  const x = node.tensor(0);
  const [b, depth, h, w] = x.shape as [number, number, number, number];
  const s = node.int('blocksize', 1);
  const apart = c.reshape(x, [b, depth, h / s, s, w / s, s]);
  const order = node.text('mode', 'DCR') === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  return c.reshape(c.permute(apart, order), [b, depth * s * s, h / s, w / s]);
}

/** ONNX counts negative indices from the end. */
function wrapped(index: Tensor, n: number): Tensor {
  const asFloat = c.cast(index, 'f32');
  return c.cast(c.where(c.lt(index, 0), c.add(asFloat, n), asFloat), 'i32');
}

function gather(node: Node): Tensor {
  const x = node.float();
  const axis = resolve(node.int('axis', 0), x.shape.length);
  const index = wrapped(node.index(1), x.shape[axis]!);
  const picked = c.indexSelect(x, c.reshape(index, [index.size]), { axis });
  return c.reshape(picked, [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)]);
}

function gatherElements(node: Node): Tensor {
  const x = node.float();
  const axis = resolve(node.int('axis', 0), x.shape.length);
  return c.gather(shrunkTo(x, node.described(1).shape!, axis), wrapped(node.index(1), x.shape[axis]!), { axis });
}

/** The part of x that an index of a smaller shape speaks of. */
const shrunkTo = (x: Tensor, shape: readonly number[], axis: number): Tensor =>
  x.shape.reduce((y, _, k) => (k === axis ? y : c.slice(y, { axis: k, end: shape[k]! })), x);

function scatterElements(node: Node): Tensor {
  const reduction = node.text('reduction', 'none');
  needOption(reduction === 'add', `scatter by ${reduction === 'none' ? 'overwriting' : reduction}`);
  const x = node.float();
  const axis = resolve(node.int('axis', 0), x.shape.length);
  return c.scatterAdd(x, wrapped(node.index(1), x.shape[axis]!), node.float(2), { axis });
}

/** Off and on in a type of their own; indices are whole, whatever their type. */
function oneHot(node: Node): Tensor {
  const { type } = node.described(0);
  const ids = type === 'int64' ? node.index(0) : c.cast(node.float(0), 'i32');
  const [depth] = node.numbers(1);
  const isOn = c.cast(c.oneHot(wrapped(ids, depth!), depth!), 'bool');
  const [off, on] = c.split(node.tensor(2), 1) as [Tensor, Tensor];
  const rank = isOn.shape.length;
  const axis = resolve(node.int('axis', -1), rank);
  const order = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i < axis ? i : i - 1));
  return c.permute(c.where(isOn, on, off), order);
}

const typeOf = (onnx: string): DType => {
  const found = ({ float: 'f32', int32: 'i32', uint32: 'u32', bool: 'bool' } as const)[onnx];
  if (!found) throw new Missing('type', onnx);
  return found;
};

interface TensorAttribute {
  readonly type: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export const layout: Expressions = {
  CenterCropPad: centerCropPad,
  Concat: (node) =>
    c.cat(
      Array.from({ length: node.inputs }, (_, i) => node.tensor(i)),
      { axis: node.int('axis', 0) },
    ),
  Constant: (node) => {
    const { type, shape, values } = node.given.attributes.value as TensorAttribute;
    return c.tensor(node.gpu, values, shape, { dtype: typeOf(type) });
  },
  ConstantOfShape: (node) => {
    const { type, values } = node.given.attributes.value as TensorAttribute;
    return c.full(node.gpu, node.numbers(0), values[0]!, typeOf(type));
  },
  DepthToSpace: depthToSpace,
  Expand: (node) => {
    const x = node.tensor(0);
    return c.expand(x, c.broadcastShapes('Expand', x.shape, node.numbers(1)));
  },
  EyeLike: (node) => {
    needOption(node.int('k', 0) === 0, 'eye off the main diagonal');
    const [rows, cols] = node.described(0).shape!;
    return c.eye(node.gpu, rows!, cols, typeOf(node.given.outputs[0]!.type));
  },
  Flatten: flatten,
  Gather: gather,
  GatherElements: gatherElements,
  OneHot: oneHot,
  Pad: pad,
  Range: (node) => {
    const [start, end, step] = [0, 1, 2].map((i) => node.numbers(i)[0]!) as [number, number, number];
    return c.arange(node.gpu, start, end, step, typeOf(node.described(0).type));
  },
  Reshape: reshape,
  ScatterElements: scatterElements,
  Slice: slice,
  SpaceToDepth: spaceToDepth,
  Split: split,
  Squeeze: squeeze,
  Tile: (node) => c.repeat(node.tensor(0), node.numbers(1)),
  Transpose: (node) => {
    const x = node.tensor(0);
    return c.permute(x, node.list('perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i));
  },
  Trilu: (node) => {
    const x = node.tensor(0);
    const k = node.has(1) ? node.numbers(1)[0]! : 0;
    return node.int('upper', 1) ? c.triu(x, k) : c.tril(x, k);
  },
  Unsqueeze: unsqueeze,
};
