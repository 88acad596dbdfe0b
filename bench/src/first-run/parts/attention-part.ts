/** @file Attention, forward, backward and of a decoded token, with every variant and tuning, and on matrix units. */
import type { Gpu } from '@curio/engine';
import { attentionBackwardVariants, opTable } from '@curio/engine/check';
import { OpCells } from '../../engine-cells.ts';
import { attentionBench, attentionFlops, decodeBench, decodeBytes } from '../../shapes/attention.ts';
import { AS_CALLED, choicesOf, matrixChoices } from '../choices.ts';
import type { Choice, Families } from '../choices.ts';
import { openDevice } from './part-options.ts';
import type { PartOptions } from './part-options.ts';
import { runJobs, sweep, sweepTunings } from '../sweep.ts';
import type { Job } from '../sweep.ts';

type Size = readonly [heads: number, tokens: number, width: number, causal: boolean];

/** The shape with PyTorch's known time, CLIP ViT-L/14-336, LLaMA-7B at full length, the small model. */
const FULL: readonly Size[] = [
  [8, 512, 64, false],
  [16, 577, 64, false],
  [32, 512, 128, true],
  [32, 2048, 128, true],
  [32, 2048, 128, false],
  [64, 100, 32, true],
];
const SMALL: readonly Size[] = [
  [2, 64, 32, false],
  [2, 50, 32, true],
];

/** Where no kernel of attention's own takes the shape to matrix units. */
const PRODUCTS_ON_UNITS: Choice = { ...AS_CALLED, name: 'f16 matrix units, whole products', halves: true };

/** A token over a cache: heads, keys, width of LLaMA-7B, of one with fewer heads, of the small model. */
const FULL_CACHES = [
  [32, 2048, 128],
  [8, 2048, 64],
  [4, 160, 32],
] as const;
const SMALL_CACHES = [[2, 600, 32]] as const;

/** What is written for decoding; the others are for many tokens. */
const forDecoding = ({ attention = {} }: Families): Families => ({
  attention: Object.fromEntries(Object.entries(attention).filter(([name]) => name.startsWith('decode'))),
});

const decodeJobs = (options: PartOptions, families: Families): Job[] =>
  (options.scale === 'full' ? FULL_CACHES : SMALL_CACHES).map(([H, keys, D]): Job => {
    const shape = `${H}x${keys}x${D}`;
    return [
      `attention decode ${shape}`,
      async (gpu) => {
        const cells = new OpCells(gpu, decodeBench(H, keys, D));
        const rehearse = (dry: Gpu): void => cells.rehearse(dry, false);
        const session = await cells.forward().open();
        await sweep(
          gpu,
          { op: 'attention decode', shape, work: { bytes: decodeBytes(H, keys, D) }, session, rehearse },
          [AS_CALLED, ...choicesOf(gpu, forDecoding(families), rehearse)],
          options,
        );
      },
    ];
  });

export async function attentionPart(options: PartOptions): Promise<void> {
  const sizes = options.scale === 'full' ? FULL : SMALL;
  const forward: Families = { attention: (opTable('scaledDotProductAttention').families as Families).attention! };
  const families: readonly [backward: boolean, Families][] = [
    [false, forward],
    [true, { 'attention backward': attentionBackwardVariants as Families[string] }],
  ];
  const jobs = sizes.map(
    ([H, T, D, causal], i): Job => [
      `attention ${H}x${T}x${D}${causal ? ' causal' : ''}`,
      async (gpu) => {
        const cells = new OpCells(gpu, attentionBench(H, T, D, causal));
        for (const [backward, family] of families) {
          const rehearse = (dry: Gpu): void => cells.rehearse(dry, backward);
          const session = await (backward ? cells.backward() : cells.forward()).open();
          const name = `attention ${backward ? 'backward' : 'forward'}${causal ? ' causal' : ''}`;
          const subject = {
            op: name,
            shape: `${H}x${T}x${D}`,
            work: { flops: attentionFlops(H, T, D, causal, backward) },
            session,
            rehearse,
          };
          const share = (i + (backward ? 1 : 0.5)) / sizes.length;
          const fused = matrixChoices(gpu, Object.values(family)[0]!.matrix!, rehearse);
          // Apart, so that f32 is tuned however much faster they are.
          for (const choices of [
            [AS_CALLED, ...choicesOf(gpu, family, rehearse)],
            fused.length > 0 || !gpu.adapter.subgroupMatrix ? fused : [PRODUCTS_ON_UNITS],
          ])
            await sweepTunings(gpu, subject, choices, options, Math.max(0.3, share));
        }
      },
    ],
  );
  await runJobs(openDevice, [...decodeJobs(options, forward), ...jobs], options);
}
