import { defineCases } from '../check/cases.ts';
import { multiplyRows } from '../check/oracle.ts';
import { linear } from './linear.ts';
import { matmulVariants } from './matmul-variants.ts';

export const linearCases = defineCases({
  op: 'linear',
  run: ([x, weight, bias]) => linear(x!, weight!, bias),
  reference: ([x, weight, bias]) => multiplyRows(x!, weight!, bias),
  families: { 'matmul nt': matmulVariants.nt, 'matmul nn': matmulVariants.nn, 'matmul tn': matmulVariants.tn },
  cases: [
    { inputs: [[1, 1], [1, 1], [1]] },
    { inputs: [[2, 17, 8], [33, 8], [33]] },
    { inputs: [[37, 5], [3, 5], null] },
    { inputs: [[65, 12], [36, 12], [36]] },
    { label: 'no rows', inputs: [[0, 4], [8, 4], [8]] },
    { label: 'frozen weight', inputs: [[9, 16], { shape: [12, 16], needsGrad: false }, null] },
    { label: 'frozen input', inputs: [{ shape: [40, 8], needsGrad: false }, [16, 8], [16]] },
    { label: 'strided input', inputs: [{ shape: [5, 8], strided: true }, [4, 8], [4]] },
  ],
  bench: [
    { label: 'LLaMA q_proj, stage 2 of the small model', inputs: [[8, 158, 128], [128, 128], null], flops: 2 * 8 * 158 * 128 * 128 },
    { label: 'CLIP fc1, 128 small images', inputs: [[128, 37, 128], [512, 128], [512]], flops: 2 * 128 * 37 * 128 * 512 },
  ],
});
