import { defineCases } from '../../truth/cases.ts';
import { belowTop, mapRows } from '../../truth/oracle.ts';
import { special } from '../../truth/special.ts';
import { logSoftmax, logSoftmaxVariants } from './log-softmax.ts';

/** As in softmax, rows of only -∞ count as equal scores. */
const SPECIAL = [1, 2, 9, 12, 300, 2053, 8228].map((n) => ({
  label: `special values, rows of ${n}`,
  inputs: [special(n, ['lowest', 'all -∞', 'one finite', 'one NaN', 'NaN last'])],
}));

export const logSoftmaxCases = defineCases({
  op: 'logSoftmax',
  run: ([x]) => logSoftmax(x!),
  reference: ([x]) =>
    mapRows(x!, (row) => {
      const top = Math.max(...row);
      const total = row.reduce((sum, v) => sum + Math.exp(belowTop(v, top)), 0);
      return row.map((v) => belowTop(v, top) - Math.log(total));
    }),
  families: { logSoftmax: logSoftmaxVariants },
  cases: [
    { inputs: [[1, 1]] },
    { inputs: [[3, 31]] },
    { inputs: [[65, 33]] },
    { inputs: [[2, 3, 8]] },
    { inputs: [[0, 5]] },
    { label: 'longer than a workgroup holds in registers', inputs: [[2, 2053]] },
    { label: 'in vec4s', inputs: [[3, 132]] },
    { label: 'large values', inputs: [{ shape: [4, 9], range: [80, 120] }] },
    ...SPECIAL,
  ],
});
