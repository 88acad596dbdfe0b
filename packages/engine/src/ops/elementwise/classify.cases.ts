import { defineCases } from '../../truth/cases.ts';
import { Array64 } from '../../truth/oracle.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { isFinite, isInf, isNaN } from './classify.ts';

const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1, -3.4028234663852886e38, 3.4028234663852886e38, 1e-45];

const classify = (op: string, run: (x: Tensor) => Tensor, f: (v: number) => boolean) =>
  defineCases({
    op,
    run: ([x]) => run(x!),
    reference: ([x]) =>
      new Array64(
        x!.shape,
        x!.data.map((v) => Number(f(v))),
      ),
    differentiable: false,
    cases: [
      { inputs: [{ shape: [9], values: SPECIAL }] },
      { inputs: [{ shape: [33, 5], values: Array.from({ length: 165 }, (_, i) => SPECIAL[(i * 7) % 9]!) }] },
      { inputs: [{ shape: [3, 6], strided: true, values: Array.from({ length: 18 }, (_, i) => SPECIAL[i % 9]!) }] },
      { inputs: [[0]] },
    ],
  });

export const isNaNCases = classify('isNaN', isNaN, Number.isNaN);
export const isInfCases = classify('isInf', isInf, (v) => Math.abs(v) === Infinity);
export const isFiniteCases = classify('isFinite', isFinite, Number.isFinite);
