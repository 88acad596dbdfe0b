/** The float64 truths against the op tables' own references and against central differences. */
import { Array64, opTable } from '@curio/engine/check';
import type { OpCases } from '@curio/engine/check';
import { expect, test } from 'vitest';
import { noise } from '../src/numbers.ts';
import { AttentionTruth } from '../src/truth/attention.ts';
import { productEntry, rowMajor } from '../src/truth/product.ts';
import { prototypeTruth } from '../src/truth/prototypes.ts';
import { RowTruth } from '../src/truth/rows.ts';
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
  transpose,
  unitRows,
  walkBack,
} from '../src/truth/tape.ts';

const tableOf = <A>(op: string): OpCases<A> => opTable(op) as unknown as OpCases<A>;
const close = (a: ArrayLike<number>, b: ArrayLike<number>, digits: number): void =>
  Array.from(a).forEach((v, i) => expect(v).toBeCloseTo(b[i]!, digits));

test('an element of a product', () => {
  const [a, b] = [noise(6, 1), noise(12, 2)];
  const whole = tableOf('matmul').reference([new Array64([2, 3], a), new Array64([3, 4], b)], undefined as never).data;
  close(
    Array.from({ length: 8 }, (_, i) => productEntry(rowMajor(a, 3), rowMajor(b, 4), 4, 3)(i)),
    whole,
    12,
  );
});

test.each([false, true])('attention and its gradients, causal %s', (causal) => {
  const [H, T, D] = [2, 5, 3];
  const size = H * T * D;
  const [q, k, v, dy] = [1, 2, 3, 4].map((seed) => noise(size, seed)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const all = Array.from({ length: size }, (_, i) => i);
  const reference = (inputs: readonly ArrayLike<number>[]): Float64Array =>
    tableOf<{ causal: boolean }>('scaledDotProductAttention').reference(
      [...inputs.map((x) => new Array64([1, H, T, D], x)), null, null],
      { causal },
    ).data;
  const truth = new AttentionTruth({ q, k, v, tokens: T, width: D, causal }, dy);
  close(all.map(truth.y), reference([q, k, v]), 10);
  const slope = (which: number, i: number): number => {
    const at = (shift: number): number => {
      const inputs = [q, k, v].map((x) => Float64Array.from(x));
      inputs[which]![i]! += shift;
      return reference(inputs).reduce((sum, y, j) => sum + y * dy[j]!, 0);
    };
    return (at(1e-5) - at(-1e-5)) / 2e-5;
  };
  [truth.dq, truth.dk, truth.dv].forEach((entry, which) =>
    close(
      all.map(entry),
      all.map((i) => slope(which, i)),
      7,
    ),
  );
});

test('rows of softmax, one at a time', () => {
  const x = noise(12, 1);
  const truth = new RowTruth('softmax', x, 4);
  close(
    Array.from({ length: 12 }, (_, i) => truth.y(i)),
    tableOf('softmax').reference([new Array64([3, 4], x)], undefined as never).data,
    12,
  );
  const dy = noise(4, 2);
  const y = Array.from({ length: 4 }, (_, c) => truth.y(4 + c));
  const mean = y.reduce((sum, p, c) => sum + p * dy[c]!, 0);
  close(
    [0, 1, 2, 3].map((c) => truth.dx(() => dy)(4 + c)),
    y.map((p, c) => p * (dy[c]! - mean)),
    8,
  );
});

test('the prototype extractor against the op table, its gradients against differences', () => {
  const [L, D, K] = [9, 4, 3];
  const inputs = [
    noise(L * D, 7),
    noise(L * D, 2),
    noise(L * D, 3),
    noise(D * D, 4),
    noise(D, 5),
    Float32Array.of(1.5),
    Float32Array.of(0.25),
  ];
  const shapes = [[1, L, D], [1, L, D], [1, L, D], [D, D], [D], [1], [1]];
  const dy = noise(L * D, 8);
  const reference = (values: readonly ArrayLike<number>[]): Float64Array =>
    tableOf<{ numPrototypes: number; iterations: number }>('prototypeCluster').reference(
      values.map((x, i) => new Array64(shapes[i]!, x)),
      { numPrototypes: K, iterations: 2 },
    ).data;
  const truth = prototypeTruth(inputs, L, D, K, 2, dy);
  close(truth.y, reference(inputs), 10);
  inputs.forEach((x, which) =>
    x.forEach((_, i) => {
      const at = (shift: number): number => {
        const moved = inputs.map((values) => Float64Array.from(values));
        moved[which]![i]! += shift;
        return reference(moved).reduce((sum, y, j) => sum + y * dy[j]!, 0);
      };
      expect(truth.grads[which]![i]!).toBeCloseTo((at(1e-6) - at(-1e-6)) / 2e-6, 6);
    }),
  );
});

test('the tape returns what differences measure', () => {
  const values = [noise(12, 1), noise(20, 2), noise(4, 3), noise(12, 4)];
  const loss = (moved: readonly ArrayLike<number>[]): { y: Matrix64; leaves: Matrix64[] } => {
    const leaves = [
      new Matrix64(3, 4, moved[0]!),
      new Matrix64(5, 4, moved[1]!),
      new Matrix64(1, 4, moved[2]!),
      new Matrix64(3, 4, moved[3]!),
    ];
    const [x, w, row, other] = leaves as [Matrix64, Matrix64, Matrix64, Matrix64];
    const mixed = times(scaleColumns(normaliseRows(plus(x, row)), row), w, { transposeB: true }); // [3, 5]
    const soft = softmaxRows(mixed, (r) => r + 2);
    const turned = times(transpose(unitRows(other)), soft); // [4, 5]
    const again = times(other, turned, {}); // [3, 5]
    const parts = assemble([[block(again, 0, 3, 0, 2), block(soft, 0, 3, 1, 2)]]); // [3, 4]
    const y = meanSquare(
      plus(
        map(times(parts, x, { transposeA: true }), Math.tanh, (v) => 1 - Math.tanh(v) ** 2),
        row,
      ),
      noise(16, 9),
    ); // [4, 4]
    return { y, leaves };
  };
  const { y, leaves } = loss(values);
  walkBack(y);
  values.forEach((x, which) =>
    x.forEach((_, i) => {
      const at = (shift: number): number => {
        const moved = values.map((v) => Float64Array.from(v));
        moved[which]![i]! += shift;
        return loss(moved).y.data[0]!;
      };
      expect(leaves[which]!.grad[i]!).toBeCloseTo((at(1e-5) - at(-1e-5)) / 2e-5, 8);
    }),
  );
});
