/**
 * @file A GPT block: batch 4, 256 tokens, width 256, 8 heads, MLP of 1024, pre-norm, causal; mean squared error of its
 * output.
 */
import { noise } from '../numbers.ts';
import {
  assemble,
  block,
  map,
  Matrix64,
  meanSquare,
  normaliseRows,
  plus,
  scaleColumns,
  softmaxRows,
  times,
  walkBack,
} from '../truth/tape.ts';
import type { NamedValues, StepSpec } from './step-spec.ts';

export const [BATCH, TOKENS, WIDTH, HEADS, MLP] = [4, 256, 256, 8, 1024];
export const HEAD = WIDTH / HEADS;

const linears = {
  q: [WIDTH, WIDTH],
  k: [WIDTH, WIDTH],
  v: [WIDTH, WIDTH],
  o: [WIDTH, WIDTH],
  up: [MLP, WIDTH],
  down: [WIDTH, MLP],
} as const;

const geluTanh = (v: number): number => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
function geluSlope(v: number): number {
  const c = Math.sqrt(2 / Math.PI);
  const t = Math.tanh(c * (v + 0.044715 * v ** 3));
  return 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * c * (1 + 3 * 0.044715 * v * v);
}

/** Parameters by name: `q.weight` [out, in], `q.bias` … and `ln1.weight`, `ln1.bias`, `ln2.…`. */
export function gptBlockSpec(): StepSpec {
  let seed = 10;
  const parameters: NamedValues[] = Object.entries(linears).flatMap(([name, [out, inner]]) => [
    {
      name: `${name}.weight`,
      shape: [out, inner],
      values: noise(out * inner, seed++).map((v) => (2 * v) / Math.sqrt(inner)),
    },
    { name: `${name}.bias`, shape: [out], values: noise(out, seed++).map((v) => v / 10) },
  ]);
  for (const norm of ['ln1', 'ln2']) {
    parameters.push(
      { name: `${norm}.weight`, shape: [WIDTH], values: noise(WIDTH, seed++).map((v) => 1 + v / 4) },
      { name: `${norm}.bias`, shape: [WIDTH], values: noise(WIDTH, seed++).map((v) => v / 4) },
    );
  }
  const shape = [BATCH, TOKENS, WIDTH];
  const x = { name: 'x', shape, values: noise(BATCH * TOKENS * WIDTH, 1) };
  const target = { name: 'target', shape, values: noise(BATCH * TOKENS * WIDTH, 2) };
  const products = 2 * BATCH * TOKENS * Object.values(linears).reduce((sum, [out, inner]) => sum + out * inner, 0);
  const attention = (4 * BATCH * HEADS * TOKENS * TOKENS * HEAD) / 2;
  return {
    name: 'GPT block',
    parameters,
    x,
    target,
    flops: 3 * products + 3.5 * attention,
    truth: () => truth(parameters, x, target),
  };
}

function truth(
  parameters: readonly NamedValues[],
  x: NamedValues,
  target: NamedValues,
): { loss: number; grads: Float64Array[] } {
  const leaves = new Map(
    parameters.map(({ name, shape, values }) => [
      name,
      new Matrix64(shape.length > 1 ? shape[0]! : 1, shape.at(-1)!, values),
    ]),
  );
  const get = (name: string): Matrix64 => leaves.get(name)!;
  const linear = (input: Matrix64, name: string): Matrix64 =>
    plus(times(input, get(`${name}.weight`), { transposeB: true }), get(`${name}.bias`));
  const norm = (input: Matrix64, name: string): Matrix64 =>
    plus(scaleColumns(normaliseRows(input), get(`${name}.weight`)), get(`${name}.bias`));
  const input = new Matrix64(BATCH * TOKENS, WIDTH, x.values);
  const normed = norm(input, 'ln1');
  const [q, k, v] = ['q', 'k', 'v'].map((name) => linear(normed, name)) as [Matrix64, Matrix64, Matrix64];
  const heads = Array.from({ length: BATCH }, (_, b) =>
    Array.from({ length: HEADS }, (_, h) => {
      const part = (m: Matrix64): Matrix64 => block(m, b * TOKENS, TOKENS, h * HEAD, HEAD);
      const scores = map(
        times(part(q), part(k), { transposeB: true }),
        (s) => s / Math.sqrt(HEAD),
        () => 1 / Math.sqrt(HEAD),
      );
      return times(
        softmaxRows(scores, (t) => t + 1),
        part(v),
      );
    }),
  );
  const middle = plus(input, linear(assemble(heads), 'o'));
  const output = plus(middle, linear(map(linear(norm(middle, 'ln2'), 'up'), geluTanh, geluSlope), 'down'));
  const loss = meanSquare(output, target.values);
  walkBack(loss);
  return { loss: loss.data[0]!, grads: parameters.map(({ name }) => get(name).grad) };
}
