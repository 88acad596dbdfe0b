import { defineCases } from '../../truth/cases.ts';
import { Array64 } from '../../truth/oracle.ts';
import { crossEntropy, crossEntropyVariants } from './cross-entropy.ts';

export const crossEntropyCases = defineCases({
  op: 'crossEntropy',
  run: ([logits, targets, weights]) => crossEntropy(logits!, targets!, weights ? { weights } : {}),
  reference: ([logits, targets, weights]) => {
    const cols = logits!.shape.at(-1)!;
    let loss = 0;
    let total = 0;
    targets!.data.forEach((target, r) => {
      if (target < 0) return;
      const row = logits!.data.subarray(r * cols, (r + 1) * cols);
      const top = Math.max(...row);
      const w = weights?.data[r] ?? 1;
      loss += w * (top + Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0)) - row[target]!);
      total += w;
    });
    return new Array64([], [total === 0 ? 0 : loss / total]);
  },
  families: { crossEntropy: crossEntropyVariants },
  cases: [
    { inputs: [[1, 1], { shape: [1], dtype: 'i32', values: [0] }, null] },
    { inputs: [[5, 7], { shape: [5], dtype: 'i32', values: [0, 6, -100, 3, 3] }, null] },
    { inputs: [[67, 4], { shape: [67], dtype: 'i32', range: [-2, 4] }, null] },
    { inputs: [[2, 5, 36], { shape: [2, 5], dtype: 'i32', range: [-10, 36] }, null] },
    { inputs: [[9, 131], { shape: [9], dtype: 'i32', range: [0, 131] }, null] },
    { inputs: [[3, 300], { shape: [3], dtype: 'i32', range: [0, 300] }, null] },
    { label: 'each lane several fours', inputs: [[2, 8228], { shape: [2], dtype: 'i32', values: [8227, 2048] }, null] },
    { label: 'all ignored', inputs: [[3, 8], { shape: [3], dtype: 'i32', values: [-100, -100, -1] }, null] },
    { label: 'weighted', inputs: [[6, 12], { shape: [6], dtype: 'i32', values: [1, -100, 11, 0, 5, 5] }, { shape: [6], range: [0, 2], needsGrad: false }] },
    { label: 'large logits', inputs: [{ shape: [4, 16], range: [80, 120] }, { shape: [4], dtype: 'i32', range: [0, 16] }, null] },
    { label: 'strided', inputs: [{ shape: [5, 12], strided: true }, { shape: [5], dtype: 'i32', range: [0, 12] }, null] },
  ],
  bench: [
    { label: 'small LLaMA, stage 2', inputs: [[8 * 160, 192], { shape: [8 * 160], dtype: 'i32', range: [0, 192] }, null], bytes: 4 * 8 * 160 * 192 },
    { label: 'LLaMA vocabulary', inputs: [[512, 32000], { shape: [512], dtype: 'i32', range: [0, 32000] }, null], bytes: 4 * 512 * 32000 },
  ],
});
