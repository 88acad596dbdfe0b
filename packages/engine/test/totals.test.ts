/**
 * Gradients that are added to what is there already: in passing by the kernels of products, and in place where nobody
 * else sees the tensor.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  add,
  backward,
  cast,
  defineOp,
  layerNorm,
  linear,
  loraLinear,
  matmul,
  mul,
  Parameter,
  RandomStream,
  rmsNorm,
  sum,
  tensor,
} from '../src/index.ts';
import type { DType, Gpu, Grid, Tensor, Tuning } from '../src/index.ts';
import { matmulVariants } from '../src/ops/matmul/variants.ts';
import { reduceColumnsVariants } from '../src/ops/parts/reduce.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());
afterEach(() => {
  gpu.kernels.forced.clear();
  gpu.kernels.obeyed.clear();
  gpu.kernels.tuned.clear();
});

const random = new RandomStream(Number(import.meta.env.SEED ?? 7));

function leaf(...shape: number[]): Parameter {
  const x = new Parameter(
    gpu,
    'leaf',
    shape,
    noise(
      shape.reduce((a, b) => a * b, 1),
      random,
    ),
  );
  x.requiresGrad = true;
  return x;
}

const read = async (x: Tensor): Promise<number[]> => [...(await x.read())];
const plus = (a: readonly number[], b: readonly number[]): number[] => a.map((v, i) => Math.fround(v + b[i]!));

/** The gradients after one backward and after a second one, and the dispatches of each. */
async function twice(
  leaves: readonly Parameter[],
  f: () => Tensor,
): Promise<{ once: number[][]; both: number[][]; dispatches: number[] }> {
  const dispatches: number[] = [];
  const walk = (): void =>
    gpu.scope(() => {
      const y = f();
      const seed = tensor(
        gpu,
        Float32Array.from({ length: y.size }, (_, i) => Math.sin(i)),
        y.shape,
      );
      const before = gpu.stream.counts.dispatches;
      backward(y, seed);
      dispatches.push(gpu.stream.counts.dispatches - before);
    });
  walk();
  const once = await Promise.all(leaves.map(({ grad }) => read(grad!)));
  walk();
  const both = await Promise.all(leaves.map(({ grad }) => read(grad!)));
  leaves.forEach((x) => x.dispose());
  return { once, both, dispatches };
}

/** Which products of op(a)·op(b) have which layout. */
const GRADIENTS = { nt: [false, false], nn: [false, true], tn: [false, false], tt: [true, true] } as const;
const VARIANTS = (Object.keys(GRADIENTS) as (keyof typeof GRADIENTS)[]).flatMap((layout) =>
  Object.keys(matmulVariants[layout]).map((variant) => [layout, variant] as const),
);

test.each(VARIANTS)('%s %s adds to C what it gives alone', async (layout, variant) => {
  const [transposeA, transposeB] = GRADIENTS[layout];
  for (const [M, N, K] of [
    [37, 36, 44],
    [4, 68, 128],
    [68, 4, 8],
  ] as const) {
    gpu.kernels.forced.set(`matmul ${layout}`, variant);
    const [a, b] = [leaf(...(transposeA ? [K, M] : [M, K])), leaf(...(transposeB ? [N, K] : [K, N]))];
    const { once, both, dispatches } = await twice([a, b], () => matmul(a, b, { transposeA, transposeB }));
    expect(both).toEqual(once.map((grad) => plus(grad, grad)));
    expect(dispatches[1]! - dispatches[0]!).toBe(-2); // the first gradients are copied to where they stay
  }
});

test.each<DType>(['f16', 'int8', 'int4', 'nf4'])('dx of a layer over %s weights', async (dtype) => {
  const weight = gpu.scope(() => cast(tensor(gpu, noise(64 * 128, random), [64, 128]), dtype));
  for (const variant of ['packed', 'tile', 'naive']) {
    gpu.kernels.forced.set('matmul nn', variant);
    const x = leaf(19, 128);
    const { once, both } = await twice([x], () => linear(x, weight));
    expect(both).toEqual(once.map((grad) => plus(grad, grad)));
  }
  weight.dispose();
});

test('every gradient of a layer with LoRA, and no dispatch to add them up', async () => {
  const [x, w, b, loraA, loraB] = [leaf(21, 48), leaf(32, 48), leaf(32), leaf(8, 48), leaf(32, 8)];
  const { once, both, dispatches } = await twice([x, w, b, loraA, loraB], () =>
    loraLinear(x, w, b, { a: loraA, b: loraB, scale: 0.5 }),
  );
  expect(both).toEqual(once.map((grad) => plus(grad, grad)));
  expect(dispatches[1]! - dispatches[0]!).toBe(-5);
});

test.each(['single', 'vec4s', 'shared'])('%s adds the parts of a split sum to the existing values', async (variant) => {
  for (const [M, N, K] of [
    [8, 12, 100],
    [5, 7, 41],
    [1, 1, 9],
  ] as const) {
    gpu.kernels.forced.set('matmul split', '3');
    gpu.kernels.forced.set('reduceColumns', variant);
    const [a, b] = [leaf(K, M), leaf(K, N)];
    const { once, both, dispatches } = await twice([a, b], () => matmul(a, b, { transposeA: true }));
    expect(both).toEqual(once.map((grad) => plus(grad, grad)));
    expect(dispatches[1]! - dispatches[0]!).toBe(-2);
  }
});

test.each([
  ['lane', 1],
  ['shared', 1],
  ['subgroup', 1],
  ['single', 5],
  ['vec4s', 8],
  ['shared', 8],
] as const)('%s adds the sums of a bias of %i columns to the existing values', async (variant, columns) => {
  for (const family of ['reduceRows', 'reduceColumns']) gpu.kernels.forced.set(family, variant);
  if (columns === 1) gpu.kernels.forced.delete('reduceColumns');
  else gpu.kernels.forced.delete('reduceRows');
  const [x, w, b] = [leaf(5000, 4), leaf(columns, 4), leaf(columns)]; // long columns are summed in segments
  const { once, both, dispatches } = await twice([b], () => linear(x, w, b));
  expect(both).toEqual(once.map((grad) => plus(grad, grad)));
  expect(dispatches[1]! - dispatches[0]!).toBe(-3);
  for (const each of [x, w]) each.dispose();
});

test.each(['8u', '32u'])('sums of columns by %s adjacent lanes add to the existing values', async (ACROSS) => {
  gpu.kernels.forced.set('reduceColumns', 'shared');
  gpu.kernels.tuned.set('reduce/columns_shared', { ACROSS });
  for (const [M, N] of [
    [3, 5],
    [70, 36],
    [1024, 132],
  ] as const) {
    const [x, w, b] = [leaf(M, 4), leaf(N, 4), leaf(N)];
    const { once, both } = await twice([x, w, b], () => linear(x, w, b));
    const seen = once[2]!.map((_, c) => {
      let sum = 0;
      for (let row = 0; row < M; row++) sum += Math.sin(row * N + c);
      return sum;
    });
    once[2]!.forEach((value, c) => expect(Math.abs(value - seen[c]!)).toBeLessThan(1e-4));
    expect(both).toEqual(once.map((grad) => plus(grad, grad)));
  }
});

test.each(['shared', 'chunks'])("a norm's gradients by %s are added to what is there", async (variant) => {
  gpu.kernels.forced.set('normColumns', variant);
  const added: number[] = [];
  for (const [rows, cols] of [
    [1, 3],
    [70, 12],
    [200, 132],
  ] as const) {
    const [x, w, b, g] = [leaf(rows, cols), leaf(cols), leaf(cols), leaf(cols)];
    const { once, both, dispatches } = await twice([w, b, g], () => add(layerNorm(x, w, b), rmsNorm(x, g)));
    expect(both).toEqual(once.map((grad) => plus(grad, grad)));
    added.push(dispatches[1]! - dispatches[0]!);
    x.dispose();
  }
  expect(gpu.kernels.obeyed).toContain('normColumns');
  expect(added).toEqual(Array(3).fill(variant === 'shared' ? -3 : 0));
});

test("a user's reduction that cannot add is added afterwards", async () => {
  const { single } = reduceColumnsVariants;
  gpu.kernels.replacements.useVariant('reduceColumns', 'mine', {
    kernel: single!.kernel,
    grid: single!.grid as () => Grid,
    tuning: single!.tuning as () => Tuning,
  });
  const [x, w, b] = [leaf(9, 4), leaf(5, 4), leaf(5)];
  const { once, both, dispatches } = await twice([x, w, b], () => linear(x, w, b));
  gpu.kernels.replacements.useVariant('reduceColumns', 'mine', null);
  expect(both).toEqual(once.map((grad) => plus(grad, grad)));
  expect(dispatches[1]! - dispatches[0]!).toBe(-2);
});

test('gradients from several products of one tensor, later ones first', async () => {
  const [x, ...weights] = [leaf(5, 8), leaf(4, 8), leaf(4, 8), leaf(4, 8)] as [
    Parameter,
    Parameter,
    Parameter,
    Parameter,
  ];
  const alone: number[][] = [];
  for (const w of weights) {
    gpu.scope(() => backward(sum(linear(mul(x, 1), w))));
    alone.push(await read(x.grad!));
    x.grad!.dispose();
    x.grad = null;
  }
  gpu.scope(() => {
    const h = mul(x, 1);
    const [p, q, r] = weights.map((w) => linear(h, w));
    backward(sum(add(add(p!, q!), r!)));
  });
  expect(await read(x.grad!)).toEqual(plus(plus(alone[2]!, alone[1]!), alone[0]!));
  [x, ...weights].forEach((each) => each.dispose());
});

/** An op of two inputs whose gradients are what `gradients` says. */
const opOf = (gradients: (dy: Tensor) => [Tensor, Tensor]) =>
  defineOp({
    name: 'given',
    plan: (_: readonly [Tensor, Tensor], __: undefined) => null,
    forward: (_, [a, b]) => ({ y: add(a, b) }),
    backward: (_, dy) => gradients(dy),
  });

test('a tensor that an op gives to two inputs, or keeps for itself, is not added to', async () => {
  const kept = tensor(gpu, [10, 20, 30, 40], [1, 4]);
  const times = (n: number): Tensor =>
    tensor(
      gpu,
      Float32Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? n : 0)),
      [4, 4],
    );
  const made = (dy: Tensor): [Tensor, Tensor] => {
    const g = mul(dy, 10);
    return [g, g];
  };
  const given: [Parameters<typeof opOf>[0], number[], number[]][] = [
    [made, [10, 10, 10, 10], [10, 10, 10, 10]],
    [(dy) => [dy, dy], [1, 1, 1, 1], [1, 1, 1, 1]],
    [() => [kept, kept], [10, 20, 30, 40], [10, 20, 30, 40]],
    [(dy) => [kept, mul(dy, 2)], [10, 20, 30, 40], [2, 2, 2, 2]],
  ];
  for (const [gradients, first, second] of given) {
    for (const other of [(x: Tensor, n: number) => linear(x, times(n)), (x: Tensor, n: number) => mul(x, n)]) {
      const [a, b] = [leaf(1, 4), leaf(1, 4)];
      gpu.scope(() => {
        const [p, q] = [mul(a, 1), mul(b, 1)];
        // recorded before the op: the walk adds to what the op gave, to the first input's gradient first
        const rest = add(other(q, 5), other(p, 3));
        backward(sum(add(opOf(gradients)([p, q]), rest)));
      });
      expect(await read(a.grad!)).toEqual(first.map((g) => g + 3));
      expect(await read(b.grad!)).toEqual(second.map((g) => g + 5));
      [a, b].forEach((each) => each.dispose());
    }
  }
  expect(await read(kept)).toEqual([10, 20, 30, 40]);
  kept.dispose();
});
