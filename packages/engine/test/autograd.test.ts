/**
 * The tape: what it computes, what it saves, what it costs, and how it refuses. Gradients of single ops are the op
 * table's matter.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  add,
  backward,
  checkpoint,
  defineMultiOp,
  defineOp,
  detach,
  dropout,
  expand,
  gelu,
  isGradEnabled,
  linear,
  loraLinear,
  matmul,
  mean,
  mul,
  noGrad,
  ones,
  Parameter,
  relu,
  ShapeError,
  softmax,
  sub,
  sum,
  tensor,
  transpose,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

function leaf(values: ArrayLike<number>, shape: number[] = [values.length]): Parameter {
  const x = new Parameter(gpu, 'leaf', shape, Float32Array.from(values));
  x.requiresGrad = true;
  return x;
}

/** Gradients of Σ f over the leaves, which are disposed. */
async function gradients(leaves: readonly Parameter[], f: () => Tensor): Promise<number[][]> {
  gpu.scope(() => backward(sum(f())));
  const read = await Promise.all(leaves.map(async ({ grad }) => (grad ? [...(await grad.read())] : [])));
  leaves.forEach((x) => x.dispose());
  return read;
}

const dispatches = (f: () => void): number => {
  const before = gpu.stream.counts.dispatches;
  f();
  return gpu.stream.counts.dispatches - before;
};
const live = (): number => gpu.memoryReport().liveBuffers;

test('an op with several results receives their gradients at once, null for those that nothing reads', async () => {
  const seen: boolean[][] = [];
  const sumAndProduct = defineMultiOp({
    name: 'sumAndProduct',
    plan: (_: readonly [Tensor, Tensor], __: undefined) => null,
    forward: (_, [a, b]) => ({ ys: [add(a, b), mul(a, b)], saved: { a, b } }),
    backward(_, [ds, dp], { a, b }) {
      seen.push([ds !== null, dp !== null]);
      const through = (other: Tensor): Tensor | null => {
        const product = dp && mul(dp, other);
        return ds && product ? add(ds, product) : (ds ?? product);
      };
      return [through(b!), through(a!)];
    },
  });
  for (const [read, da, db] of [
    [([s, p]: readonly Tensor[]) => add(mul(s!, 10), mul(p!, p!)), [10 + 2 * 3 * 5 * 5], [10 + 2 * 3 * 5 * 3]],
    [([s]: readonly Tensor[]) => mul(s!, 2), [2], [2]],
    [([, p]: readonly Tensor[]) => mul(p!, 2), [10], [6]],
  ] as const) {
    const [a, b] = [leaf([3]), leaf([5])];
    const before = live();
    expect(await gradients([a, b], () => read(sumAndProduct([a, b])))).toEqual([da, db]);
    expect(live()).toBe(before - 2);
  }
  expect(seen).toEqual([
    [true, true],
    [true, false],
    [false, true],
  ]);
});

test('a tensor used twice, and a diamond, add up their gradients', async () => {
  const x = leaf([1, 2, 3]);
  expect(await gradients([x], () => add(mul(x, x), x))).toEqual([[3, 5, 7]]);
  const y = leaf([1, -2]);
  expect(
    await gradients([y], () => {
      const h = mul(y, 2); // used by three
      return add(mul(h, h), sub(h, mul(h, 3)));
    }),
  ).toEqual([[4, -20]]);
});

test('broadcast inputs get the sum over what they were broadcast to', async () => {
  const [row, column, scalar] = [leaf([1, 2, 3]), leaf([10, 20], [2, 1]), leaf([2], [])];
  expect(await gradients([row, column, scalar], () => mul(mul(row, column), scalar))).toEqual([
    [60, 60, 60],
    [12, 12],
    [180],
  ]);
  const x = leaf([5], [1]);
  expect(await gradients([x], () => expand(x, [4, 3]))).toEqual([[12]]);
});

test('gradients add up over backward calls until they are disposed', async () => {
  const x = leaf([1, 2]);
  for (let i = 0; i < 3; i++) gpu.scope(() => backward(sum(mul(x, x))));
  expect([...(await x.grad!.read())]).toEqual([6, 12]);
  x.grad!.dispose();
  x.grad = null;
  gpu.scope(() => backward(sum(mul(x, 3))));
  expect([...(await x.grad!.read())]).toEqual([3, 3]);
  x.dispose();
});

test('a seed is the gradient of what is not a scalar', async () => {
  const x = leaf([1, 2, 3, 4], [2, 2]);
  gpu.scope(() => backward(transpose(mul(x, x)), tensor(gpu, [1, 10, 100, 1000], [2, 2])));
  expect([...(await x.grad!.read())]).toEqual([2, 400, 60, 8000]);
  x.dispose();
});

test('frozen inputs cost no dispatch and keep nothing', () => {
  const x = leaf(noise(32 * 16), [32, 16]);
  const w = leaf(noise(24 * 16), [24, 16]);
  const b = leaf(noise(24));
  /** Dispatches of the backward pass of a linear layer, and buffers that its forward pass leaves behind. */
  const cost = (...trained: readonly Parameter[]): [backward: number, saved: number] => {
    for (const p of [x, w, b]) p.requiresGrad = trained.includes(p);
    const before = live();
    return gpu.scope(() => {
      const y = gpu.scope(() => linear(mul(x, 2), w, b)); // the factor makes an input that only the tape can keep
      const saved = live() - before - 1;
      const count = dispatches(() => trained.length > 0 && backward(y, ones(gpu, [32, 24])));
      for (const p of [x, w, b]) {
        expect(p.grad !== null).toBe(trained.includes(p));
        p.grad?.dispose();
        p.grad = null;
      }
      return [count, saved];
    });
  };
  const all = cost(x, w, b);
  const [dx, dw, db, none] = [cost(x), cost(w), cost(b), cost()];
  expect(none).toEqual([0, 0]);
  expect([dx[1], dw[1], db[1], all[1]]).toEqual([0, 1, 0, 1]); // only a trained weight needs the layer's input
  expect(dx[0] + dw[0] + db[0]).toBe(all[0]);
  for (const each of [dx, dw, db]) expect(each[0]).toBeLessThan(all[0]);
  for (const p of [x, w, b]) p.dispose();
});

test('a frozen base under LoRA makes no gradient of its own size', () => {
  const [x, w] = [leaf(noise(8 * 64), [8, 64]), leaf(noise(96 * 64), [96, 64])];
  const [a, b] = [leaf(noise(4 * 64), [4, 64]), leaf(noise(96 * 4), [96, 4])];
  x.requiresGrad = w.requiresGrad = false;
  gpu.memory.trim();
  gpu.memory.resetPeak();
  gpu.scope(() => backward(sum(loraLinear(x, w, null, { a, b, scale: 2 }))));
  expect(x.grad ?? w.grad).toBeNull();
  expect(gpu.memoryReport().largestBytes).toBeLessThan(96 * 64 * 4);
  for (const p of [x, w, a, b]) p.dispose();
});

test('noGrad records nothing, ends with its function, and nests', () => {
  const x = leaf([1, 2]);
  gpu.scope(() => {
    const y = noGrad(() => noGrad(() => mul(x, x)));
    expect([y.requiresGrad, isGradEnabled()]).toEqual([false, true]);
    expect(() =>
      noGrad(() => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(mul(x, x).requiresGrad).toBe(true);
    expect(() => backward(y)).toThrow(
      'backward: the tensor of shape [2] does not depend on anything that requires a gradient.',
    );
  });
  x.dispose();
});

test('detach cuts the graph and shares the values', async () => {
  const x = leaf([2, 3]);
  expect(await gradients([x], () => mul(x, detach(mul(x, x))))).toEqual([[4, 9]]);
});

test('checkpoint gives the bits of the plain pass, with dropout and nested too, and later random numbers continue', async () => {
  const weights = [0, 1, 2].map((i) => noise(64, 10 + i));
  const input = noise(8 * 8, 9);
  type Wrap = (f: (h: Tensor) => Tensor, h: Tensor) => Tensor;
  const run = async (outer: Wrap, inner: Wrap): Promise<unknown> => {
    const [x, ...layers] = [leaf(input, [8, 8]), ...weights.map((w) => leaf(w, [8, 8]))];
    gpu.random.setStep(4, 11);
    const layer =
      (w: Tensor) =>
      (h: Tensor): Tensor =>
        dropout(gelu(linear(h, w)), { p: 0.4 });
    const passes = [0, 1].map(() =>
      gpu.scope(() => {
        const h = outer((h1) => inner(layer(layers[1]), inner(layer(layers[0]), h1)), mul(x, 1));
        const y = outer(layer(layers[2]), h);
        const value = y.read();
        backward(sum(y));
        return value;
      }),
    );
    const counter = gpu.random.counter;
    const bits = await Promise.all([...passes, ...[x, ...layers].map((p) => p.grad!.read())]);
    for (const p of [x, ...layers]) p.dispose();
    return { bits, counter };
  };
  const plain: Wrap = (f, h) => f(h);
  const kept: Wrap = (f, h) => checkpoint(f, h);
  const expected = await run(plain, plain);
  expect(await run(kept, plain)).toEqual(expected);
  expect(await run(kept, kept)).toEqual(expected);
});

test('checkpoint keeps only the input and the result', () => {
  const [x, w] = [leaf(noise(64), [8, 8]), leaf(noise(64), [8, 8])];
  const deep = (h: Tensor): Tensor => gelu(linear(gelu(linear(gelu(linear(h, w)), w)), w));
  const saved = (f: () => Tensor): number =>
    gpu.scope(() => {
      const before = live();
      gpu.scope(f);
      return live() - before;
    });
  expect(saved(() => checkpoint(deep, x))).toBe(1);
  expect(saved(() => deep(x))).toBeGreaterThan(4);
  for (const p of [x, w]) p.dispose();
});

test('a checkpoint may return its input, and must be passed what it uses', async () => {
  const x = leaf([1, 2]);
  expect(
    await gradients([x], () =>
      mul(
        checkpoint((h) => h, x),
        x,
      ),
    ),
  ).toEqual([[2, 4]]);
  const y = leaf([3]);
  gpu.scope(() => {
    const h = mul(y, 2);
    const z = checkpoint((g) => mul(g, h), y);
    expect(() => backward(z)).toThrow(
      'checkpoint: its function uses a result of affine that requires a gradient and is not among its inputs; give it as an input.',
    );
    expect(() => checkpoint(() => y)).toThrow(
      new ShapeError('checkpoint: no input tensor was given; it needs at least one.'),
    );
  });
  y.dispose();
});

test('a graph is walked once, even a part that two results share', () => {
  const x = leaf([1, 2]);
  const before = live();
  gpu.scope(() => {
    const h = gelu(x);
    const [one, other] = [sum(mul(h, h)), sum(h)];
    backward(one);
    expect(() => backward(one)).toThrow(
      'backward: it has already run on a part of this graph, and what that saved is freed; add the losses and call backward once, or run the forward pass again.',
    );
    expect(() => backward(other)).toThrow(
      'backward: it has already run on a part of this graph, and what that saved is freed; add the losses and call backward once, or run the forward pass again.',
    );
    expect(h.grad).toBeNull();
  });
  const late = gpu.scope(() => sum(gelu(x)));
  expect(() => backward(late)).toThrow(
    'backward: the scope of the forward pass has ended, and what it saved is freed; call backward inside that scope.',
  );
  late.dispose();
  expect(live()).toBe(before + 1); // the gradient of x
  x.dispose();
});

test('what has no gradient is refused in one sentence', () => {
  gpu.scope(() => {
    const x = ones(gpu, [2, 3]);
    expect(() => backward(sum(x))).toThrow(
      'backward: the tensor of shape [] does not depend on anything that requires a gradient.',
    );
    x.requiresGrad = true;
    expect(() => backward(relu(x))).toThrow(
      'backward: the tensor is [2, 3]; give its gradient, or reduce it to one element.',
    );
    expect(() => backward(relu(x), ones(gpu, [3, 2]))).toThrow(
      'backward: the gradient is [3, 2] and the tensor [2, 3]; they must be equal.',
    );
    expect(() => backward(relu(x), ones(gpu, [2, 3], 'i32'))).toThrow('backward: the gradient is i32; it must be f32.');
  });
});

test('a long chain frees what it kept as the walk passes', () => {
  const seen: number[] = [];
  const watched = defineOp({
    name: 'watched',
    plan: (_: readonly [Tensor], __: undefined) => null,
    forward: (run, [x]) => ({ y: run.gpu.scope(() => mul(x, 1)) }),
    backward: (_, dy) => [(seen.push(live()), dy)],
  });
  const x = leaf(noise(64));
  const before = live();
  gpu.scope(() => {
    let h: Tensor = x;
    for (let i = 0; i < 300; i++) h = gpu.scope(() => gelu(watched([h])));
    backward(sum(h));
  });
  expect(seen.length).toBe(300);
  expect(seen[0]! - before).toBeGreaterThan(300);
  expect(seen[299]! - before).toBeLessThan(seen[0]! - before - 250);
  expect(live()).toBe(before + 1);
  x.dispose();
});

test('everything together: a small attention block by hand', async () => {
  const [q, k] = [leaf(noise(6, 3), [2, 3]), leaf(noise(6, 4), [2, 3])];
  const loss = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
    const rows = [0, 1].map((i) =>
      [0, 1].map((j) => [0, 1, 2].reduce((s, c) => s + a[3 * i + c]! * b[3 * j + c]!, 0)).map(Math.exp),
    );
    return rows.reduce((s, [p, r]) => s + (p! / (p! + r!)) ** 2 / 4 + (r! / (p! + r!)) ** 2 / 4, 0);
  };
  const [a, b] = [noise(6, 3), noise(6, 4)].map((x) => Float64Array.from(x));
  const measured = [a!, b!].map((x) =>
    [...x].map((_, i) => {
      const at = (step: number): number => {
        x[i]! += step;
        const value = loss(a!, b!);
        x[i]! -= step;
        return value;
      };
      return (at(1e-5) - at(-1e-5)) / 2e-5;
    }),
  );
  const got = await gradients([q, k], () => {
    const p = softmax(matmul(q, k, { transposeB: true }));
    return mean(mul(p, p));
  });
  got.flat().forEach((g, i) => expect(g).toBeCloseTo(measured.flat()[i]!, 5));
});
