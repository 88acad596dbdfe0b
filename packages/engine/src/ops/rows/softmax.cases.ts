import { defineCases } from '../../truth/cases.ts';
import { belowTop, mapRows } from '../../truth/oracle.ts';
import { special } from '../../truth/special.ts';
import { softmax, softmaxVariants } from './softmax.ts';

/** PyTorch returns NaN for a row of only -∞; here it counts as equal scores, as a row of the lowest number does. */
const SPECIAL = [1, 2, 9, 12, 300, 2053, 8228].map((n) => ({
  label: `special values, rows of ${n}`,
  inputs: [special(n, ['lowest', 'all -∞', 'lowest or -∞', 'one finite', 'one NaN', 'NaN last'])],
}));

export const softmaxCases = defineCases({
  op: 'softmax',
  run: ([x]) => softmax(x!),
  reference: ([x]) =>
    mapRows(x!, (row) => {
      const top = Math.max(...row);
      const e = row.map((v) => Math.exp(belowTop(v, top)));
      const total = e.reduce((sum, v) => sum + v, 0);
      return e.map((v) => v / total);
    }),
  families: { softmax: softmaxVariants },
  cases: [
    { inputs: [[1, 1]] },
    { inputs: [[3, 31]] },
    { inputs: [[65, 33]] },
    { inputs: [[2, 3, 8]] },
    { inputs: [[3, 300]] },
    { label: 'a strip that ends past the last row', inputs: [[67, 172]] },
    { label: 'long strips', inputs: [[1027, 8]] },
    { inputs: [[0, 5]] },
    { label: 'longer than a workgroup holds in registers', inputs: [[2, 2053]] },
    { label: 'longer than a workgroup holds in registers, in vec4s', inputs: [[2, 8228]] },
    { label: 'large values', inputs: [{ shape: [4, 9], range: [80, 120] }] },
    { inputs: [{ shape: [5, 12], strided: true }] },
    ...SPECIAL,
  ],
  bench: [
    { label: '4096 rows of 1024', inputs: [[4096, 1024]], bytes: 8 * 4096 * 1024 },
    { label: 'attention scores of CLIP ViT-L/14-336, 16 heads', inputs: [[16 * 577, 577]], bytes: 8 * 16 * 577 * 577 },
  ],
});
