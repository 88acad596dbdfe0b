import { defineCases } from '../../truth/cases.ts';
import { mapRows } from '../../truth/oracle.ts';
import { overflowing } from '../../truth/special.ts';
import { normColumnsVariants } from './norm-columns.ts';
import { rmsNorm, rmsNormVariants } from './rms-norm.ts';

export const rmsNormCases = defineCases<{ eps: number } | undefined>({
  op: 'rmsNorm',
  run: ([x, weight], attrs) => rmsNorm(x!, weight!, attrs),
  reference: ([x, weight], attrs) =>
    mapRows(x!, (row) => {
      const square = row.reduce((sum, v) => sum + v * v, 0) / row.length;
      return row.map((v, c) => (v / Math.sqrt(square + (attrs?.eps ?? 1e-6))) * weight!.data[c]!);
    }),
  families: { rmsNorm: rmsNormVariants, normColumns: normColumnsVariants },
  cases: [
    { inputs: [[1, 1], [1]], attrs: { eps: 0.1 } },
    { inputs: [[1, 31], [31]] },
    { inputs: [[67, 5], [5]] },
    { inputs: [[2, 3, 36], [36]], attrs: { eps: 1e-5 } },
    { inputs: [[9, 128], [128]] },
    { label: 'a strip that ends past the last row', inputs: [[67, 132], [132]] },
    { label: 'long strips', inputs: [[1027, 8], [8]] },
    { inputs: [[0, 8], [8]] },
    ...[3, 12, 127, 1024, 2053, 8228].map((cols) => ({
      label: `rows of ${cols} whose squares overflow`,
      inputs: [overflowing(cols), [cols]],
    })),
    { label: 'frozen weight', inputs: [[130, 8], { shape: [8], needsGrad: false }] },
    { label: 'frozen input', inputs: [{ shape: [70, 4], needsGrad: false }, [4]] },
    { label: 'longer than a workgroup holds in registers', inputs: [[2, 2053], [2053]] },
    { label: 'longer than a workgroup holds in registers, in vec4s', inputs: [[1, 8228], [8228]] },
    { label: 'strided', inputs: [{ shape: [5, 12], strided: true }, [12]] },
  ],
  tolerance: { factor: 3, reason: 'rstd is a quotient of rounded sums' },
  bench: [
    { label: 'small LLaMA, stage 2', inputs: [[8 * 160, 128], [128]], bytes: 8 * 8 * 160 * 128 },
    { label: 'LLaMA-7B', inputs: [[512, 4096], [4096]], bytes: 8 * 512 * 4096 },
  ],
});
