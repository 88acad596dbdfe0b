import { defineCases } from '../../truth/cases.ts';
import { mapRows } from '../../truth/oracle.ts';
import { overflowing } from '../../truth/special.ts';
import { layerNorm, layerNormVariants } from './layer-norm.ts';
import { normColumnsVariants } from './norm-columns.ts';

export const layerNormCases = defineCases<{ eps: number } | undefined>({
  op: 'layerNorm',
  run: ([x, weight, bias], attrs) => layerNorm(x!, weight!, bias!, attrs),
  reference: ([x, weight, bias], attrs) =>
    mapRows(x!, (row) => {
      const mean = row.reduce((sum, v) => sum + v, 0) / row.length;
      const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / row.length;
      return row.map(
        (v, c) => ((v - mean) / Math.sqrt(variance + (attrs?.eps ?? 1e-5))) * weight!.data[c]! + bias!.data[c]!,
      );
    }),
  families: { layerNorm: layerNormVariants, normColumns: normColumnsVariants },
  cases: [
    { inputs: [[3, 2], [2], [2]], attrs: { eps: 0.1 } },
    { inputs: [[1, 31], [31], [31]] },
    { inputs: [[67, 5], [5], [5]] },
    { inputs: [[2, 3, 36], [36], [36]] },
    { inputs: [[9, 128], [128], [128]] },
    { label: 'a strip that ends past the last row', inputs: [[67, 132], [132], [132]] },
    { label: 'long strips', inputs: [[1027, 8], [8], [8]] },
    { inputs: [[0, 8], [8], [8]] },
    { label: 'large mean', inputs: [{ shape: [5, 12], range: [20, 21] }, [12], [12]], attrs: { eps: 0.01 } },
    ...[3, 12, 127, 1024, 2053, 8228].flatMap((cols) =>
      [0.1, 1e4 + 0.1, 1e6 + 0.1].map((value) => ({
        label: `${cols} times ${value}`,
        inputs: [
          { shape: [1, cols], values: Array<number>(cols).fill(Math.fround(value)), needsGrad: false },
          { shape: [cols], needsGrad: false },
          { shape: [cols], needsGrad: false },
        ],
      })),
    ),
    ...[3, 12, 127, 1024, 2053, 8228].map((cols) => ({
      label: `rows of ${cols} whose squares overflow`,
      inputs: [overflowing(cols), [cols], [cols]],
    })),
    {
      label: 'frozen weight and bias',
      inputs: [[130, 8], { shape: [8], needsGrad: false }, { shape: [8], needsGrad: false }],
    },
    { label: 'frozen input', inputs: [{ shape: [70, 4], needsGrad: false }, [4], [4]] },
    { label: 'longer than a workgroup holds in registers', inputs: [[2, 2053], [2053], [2053]] },
    { label: 'longer than a workgroup holds in registers, in vec4s', inputs: [[1, 8228], [8228], [8228]] },
    { label: 'strided', inputs: [{ shape: [5, 12], strided: true }, [12], [12]] },
  ],
  tolerance: {
    factor: 3,
    reason: 'rstd is a quotient of rounded sums; a mean of twenty standard deviations loses a digit',
  },
  bench: [
    { label: 'small CLIP, batch 128', inputs: [[128 * 37, 128], [128], [128]], bytes: 8 * 128 * 37 * 128 },
    { label: 'CLIP ViT-L/14-336', inputs: [[577, 1024], [1024], [1024]], bytes: 8 * 577 * 1024 },
  ],
});
