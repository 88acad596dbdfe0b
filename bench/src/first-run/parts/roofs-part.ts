/** @file The device's peak rates: a copy, a kernel that reads and writes once, multiply-adds alone. */
import { empty, neg, noGrad } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { copyRoof, multiplyAddRoof } from '@curio/engine/check';
import type { Work } from '../../statistics.ts';
import { timesOf } from '../device-times.ts';
import { openDevice } from './part-options.ts';
import type { PartOptions } from './part-options.ts';
import { finding, emit } from '../report.ts';
import { runJobs } from '../sweep.ts';

async function roof(
  gpu: Gpu,
  op: string,
  shape: string,
  work: Work,
  record: () => unknown,
  variant = 'as called',
): Promise<void> {
  emit(finding(op, shape, variant, work, await timesOf(gpu, record)));
}

/** Workgroup size of the multiply-adds. */
const WG = 256;

export async function roofsPart(options: PartOptions): Promise<void> {
  const { scale } = options;
  const sizes = scale === 'full' ? [2 ** 26, 2 ** 24] : [2 ** 20];
  const [groups, steps] = scale === 'full' ? ([132 * 64, 1024] as const) : ([64, 64] as const);
  await runJobs(
    openDevice,
    [
      ...sizes.map(
        (size) =>
          [
            `copy ${(4 * size) >> 20}MB`,
            async (gpu: Gpu) => {
              const { bytes, record } = copyRoof(gpu, 4 * size);
              await roof(gpu, 'copy', `${(4 * size) >> 20}MB`, { bytes }, record);
            },
          ] as const,
      ),
      ...sizes.map(
        (size) =>
          [
            `neg ${(4 * size) >> 20}MB`,
            async (gpu: Gpu) => {
              const x = empty(gpu, [size]);
              const negate = (): unknown => noGrad(() => neg(x));
              await roof(gpu, 'neg', `${(4 * size) >> 20}MB`, { bytes: 8 * size }, negate);
              gpu.kernels.tuned.set('elementwise/unary', { STEPS: '4u' });
              await roof(gpu, 'neg', `${(4 * size) >> 20}MB`, { bytes: 8 * size }, negate, 'STEPS=4u');
              gpu.kernels.tuned.delete('elementwise/unary');
            },
          ] as const,
      ),
      [
        'multiply-add',
        async (gpu: Gpu) => {
          const { flops, record } = multiplyAddRoof(gpu, groups, steps);
          await roof(gpu, 'multiply-add', `${groups * WG} lanes`, { flops }, record);
        },
      ],
    ],
    options,
  );
}
