/**
 * The golden vector of the specification (1.4.5) forward and backward, and what the op table cannot say: ties and
 * refusals.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  backward,
  linear,
  mul,
  ones,
  openGpu,
  prototypeCluster,
  quickGelu,
  ShapeError,
  sum,
  tensor,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
  gpu.probe.poison = true;
});
afterAll(() => gpu.close());

const [L, D, K, H] = [9, 4, 4, 3];

const fill = (rows: number, cols: number, f: (i: number, j: number) => number): number[] =>
  Array.from({ length: rows * cols }, (_, k) => f(Math.floor(k / cols), k % cols));
const weight = (rows: number, cols: number, k: number): Tensor =>
  leaf(
    fill(rows, cols, (i, j) => 0.5 * Math.sin(0.9 * i + 0.7 * j + k)),
    [rows, cols],
  );
const bias = (size: number, k: number): Tensor =>
  leaf(
    fill(1, size, (_, i) => 0.1 * Math.sin(0.4 * i + k)),
    [size],
  );

function leaf(values: number[], shape: number[]): Tensor {
  const x = tensor(gpu, values, shape);
  x.requiresGrad = true;
  return x;
}

async function expectClose(
  actual: Promise<ArrayLike<number>>,
  expected: number[],
  from: number,
  tolerance: number,
  what: string,
): Promise<void> {
  const values = Array.from(await actual).slice(from, from + expected.length);
  expected.forEach((value, i) =>
    expect(Math.abs(values[i]! - value), `${what}[${from + i}] is ${values[i]}, expected ${value}`).toBeLessThan(
      tolerance * Math.max(1, Math.abs(value)),
    ),
  );
}

test('the golden vector of the specification, forward and backward', async () => {
  const x = leaf(
    fill(L, D, (l, d) => Math.sin(0.7 * l + 1.3 * d)),
    [1, L, D],
  );
  const [cw, vw, fw, w0, w2] = [
    weight(D, D, 0.1),
    weight(D, D, 0.2),
    weight(D, D, 0.3),
    weight(H, D, 0.4),
    weight(H, H, 0.5),
  ];
  const [cb, vb, fb, b0, b2] = [bias(D, 0.1), bias(D, 0.2), bias(D, 0.3), bias(H, 0.4), bias(H, 0.5)];
  const alpha = leaf([1.5], [1, 1, 1]);
  const beta = leaf([-0.25], [1, 1, 1]);
  const lossWeights = tensor(
    gpu,
    fill(L, H, (l, h) => Math.cos(0.3 * l + 0.5 * h)),
    [1, L, H],
  );

  const { y, e, loss } = gpu.scope(() => {
    const clustered = prototypeCluster(x, linear(x, fw, fb), linear(x, vw, vb), {
      cWeight: cw,
      cBias: cb,
      simAlpha: alpha,
      simBeta: beta,
      numPrototypes: K,
      iterations: 2,
    });
    const output = linear(quickGelu(linear(clustered, w0, b0)), w2, b2);
    const total = sum(mul(output, lossWeights));
    const read = { y: clustered.read(), e: output.read(), loss: total.item() };
    backward(total);
    return read;
  });

  await expectClose(y, [0.078194, 1.290467, 0.860558, -0.562409], 0, 1e-5, 'Y');
  await expectClose(
    e,
    [
      0.696067, 0.812942, 0.361512, 1.001917, 0.906575, 0.172069, 0.53623, 0.39839, 0.00597, 0.185036, 0.115229,
      0.005133, -0.074125, -0.046281, 0.063502, -0.131568, -0.092775, 0.063142, -0.129335, -0.069469, 0.089883,
      -0.087655, 0.008535, 0.145179, 0.246412, 0.33614, 0.218396,
    ],
    0,
    1e-5,
    'E',
  );
  expect(await loss).toBeCloseTo(3.079768, 5);

  const gradients: [string, Tensor, number, number[]][] = [
    ['sim_alpha', alpha, 0, [0.311072]],
    ['sim_beta', beta, 0, [0.555528]],
    ['c.bias', cb, 0, [-0.143266, -0.231799, -0.081098, 0.052737]],
    ['v.bias', vb, 0, [0.045973, -0.041877, 0.000042, 0.018041]],
    ['f.bias', fb, 0, [-0.610188, 2.053427, 1.099446, -2.162732]],
    ['c.weight', cw, 0, [0.092659, 0.184336, -0.012239, -0.203943]],
    ['v.weight', vw, 0, [0.312428, 0.47471, -0.058459, -0.505985]],
    ['f.weight', fw, 0, [1.476213, 0.739335, -1.08067, -1.317491]],
    ['mlp.0.bias', b0, 0, [0.166554, 1.819718, 1.680899]],
    ['mlp.2.bias', b2, 0, [2.365935, -0.841262, -3.842488]],
    ['x', x, 0, [1.581277, 1.473488, 0.80838, -0.058061]],
    ['x', x, 8 * D, [-0.583392, -0.751022, -0.574022, -0.138905]],
  ];
  for (const [name, parameter, from, expected] of gradients)
    await expectClose(parameter.grad!.read(), expected, from, 1e-5, `gradient of ${name}`);
});

test('of equal centres the first is chosen', async () => {
  // Wc = 0 and one query for all: every row of the softmax is 1/K, so all centres are the same vector, whatever the
  // tokens are.
  const [tokens, width, centres] = [37, 12, 19];
  const x = fill(tokens, width, (l, d) => Math.sin(3 * l + 5 * d));
  const f = fill(tokens, width, (l, d) => Math.cos(2 * l + d));
  const [zeros, ones] = [new Array<number>(width * width).fill(0), new Array<number>(width).fill(1)];
  for (const alpha of [1, -2, 0]) {
    const y = gpu.scope(() =>
      prototypeCluster(
        tensor(gpu, x, [1, tokens, width]),
        tensor(gpu, f, [1, tokens, width]),
        tensor(gpu, f, [1, tokens, width]),
        {
          cWeight: tensor(gpu, zeros, [width, width]),
          cBias: tensor(gpu, ones, [width]),
          simAlpha: tensor(gpu, [alpha]),
          simBeta: tensor(gpu, [0.5]),
          numPrototypes: centres,
          iterations: 2,
        },
      ).read(),
    );
    const expected = allToFirst(x, f, { tokens, width, centres, alpha, beta: 0.5 });
    await expectClose(y, expected, 0, 1e-5, `y with α = ${alpha}`);
  }
});

/** Step 9 and 10 when every token belongs to centre 0 and every centre points along Σ_l f[l]. */
function allToFirst(
  x: number[],
  f: number[],
  {
    tokens,
    width,
    centres,
    alpha,
    beta,
  }: { tokens: number; width: number; centres: number; alpha: number; beta: number },
): number[] {
  const row = (a: number[], l: number): number[] => a.slice(l * width, (l + 1) * width);
  const dot = (a: number[], b: number[]): number => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const add = (a: number[], b: number[], scale = 1): number[] => a.map((v, i) => v + scale * b[i]!);
  const all = Array.from({ length: tokens }, (_, l) => l);
  const zero = new Array<number>(width).fill(0);
  const centre = all.reduce((sum, l) => add(sum, row(f, l)), zero);
  const gate = all.map(
    (l) =>
      1 /
      (1 +
        Math.exp(
          -(beta + (alpha * dot(row(x, l), centre)) / Math.sqrt(dot(row(x, l), row(x, l)) * dot(centre, centre))),
        )),
  );
  const binEnd = Math.ceil(tokens / centres);
  const pooled = all.slice(0, binEnd).reduce((sum, l) => add(sum, row(f, l), 1 / binEnd), zero);
  const group = all.reduce((sum, l) => add(sum, row(f, l), gate[l]!), pooled).map((v) => v / (tokens + 1));
  return all.flatMap((l) => add(row(x, l), group, gate[l]!));
}

test('the same inputs give the same bits', async () => {
  const values = (k: number): number[] => fill(2 * 36, 32, (l, d) => Math.sin(k + l * 1.7 + d * 0.9));
  const shape = [2, 36, 32];
  const once = (): Promise<ArrayLike<number>>[] => {
    const leaves = [
      leaf(values(0), shape),
      leaf(values(1), shape),
      leaf(values(2), shape),
      weight(32, 32, 3),
      bias(32, 4),
      leaf([1], [1]),
      leaf([0], [1]),
    ] as const;
    return gpu.scope(() => {
      const [x, f, v, cWeight, cBias, simAlpha, simBeta] = leaves;
      const y = prototypeCluster(x, f, v, { cWeight, cBias, simAlpha, simBeta, numPrototypes: 16, iterations: 2 });
      const read = y.read();
      backward(sum(y));
      return [read, ...leaves.map((each) => each.grad!.read())];
    });
  };
  const [a, b] = await Promise.all([Promise.all(once()), Promise.all(once())]);
  expect(b).toEqual(a);
});

test('gradients of frozen inputs are not computed', () => {
  const shape = [1, L, D];
  const x = tensor(
    gpu,
    fill(L, D, (l, d) => l - d),
    shape,
  );
  const f = leaf(
    fill(L, D, (l, d) => l + d),
    shape,
  );
  const count = (train: boolean): number =>
    gpu.scope(() => {
      f.requiresGrad = train;
      const before = gpu.stream.counts.dispatches;
      const y = prototypeCluster(x, f, x, {
        cWeight: ones(gpu, [D, D]),
        cBias: tensor(gpu, [1, 2, 3, 4]),
        simAlpha: tensor(gpu, [1]),
        simBeta: tensor(gpu, [0]),
        numPrototypes: K,
        iterations: 2,
      });
      expect(y.requiresGrad).toBe(train);
      if (train) backward(sum(y));
      return gpu.stream.counts.dispatches - before;
    });
  const forward = count(false);
  expect(forward).toBeLessThan(20);
  expect(count(true) - forward).toBeLessThan(20);
});

test('what does not fit is refused in a sentence', () => {
  const make = (shapes: number[][], options = { numPrototypes: 2, iterations: 1 }): void => {
    const [x, f, v, cWeight, cBias, simAlpha, simBeta] = shapes.map((shape) =>
      tensor(gpu, new Float32Array(shape.reduce((a, b) => a * b, 1)), shape),
    ) as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    prototypeCluster(x, f, v, { cWeight, cBias, simAlpha, simBeta, ...options });
  };
  const good = [[1, 3, 2], [1, 3, 2], [1, 3, 2], [2, 2], [2], [1], [1]];
  const but = (i: number, shape: number[]): number[][] => good.map((s, k) => (k === i ? shape : s));
  gpu.scope(() => {
    expect(() => make(but(0, [3, 2]))).toThrow(
      new ShapeError('prototypeCluster: x is [3, 2]; it must be [batch, tokens, channels] with at least one token.'),
    );
    expect(() => make(but(2, [1, 4, 2]))).toThrow(
      new ShapeError('prototypeCluster: v is [1, 4, 2] and x is [1, 3, 2]; they must be equal.'),
    );
    expect(() => make(but(3, [3, 2]))).toThrow(
      new ShapeError(
        'prototypeCluster: cWeight is [3, 2] and cBias [2] for x of [1, 3, 2]; they must be [2, 2] and [2].',
      ),
    );
    expect(() => make(but(5, [2]))).toThrow(
      new ShapeError('prototypeCluster: simAlpha is [2] and simBeta [1]; each must have one element.'),
    );
    expect(() => make(good, { numPrototypes: 0, iterations: 2 })).toThrow(
      new ShapeError('prototypeCluster: numPrototypes is 0; it must be a whole number of at least 1.'),
    );
    expect(() => make(good, { numPrototypes: 2, iterations: 1.5 })).toThrow(
      new ShapeError('prototypeCluster: iterations is 1.5; it must be a whole number of at least 1.'),
    );
  });
});
