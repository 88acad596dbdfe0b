/** @file What the device can do at best: a copy, a kernel that reads and writes once, multiply-adds alone. */
import { empty, neg, noGrad } from '@curio/engine';
import type { Gpu, KernelSource } from '@curio/engine';
import { roofMultiplyAdd } from '@curio/kernels/roof_multiply_add';
import type { Work } from '../../statistics.ts';
import { timesOf } from '../device-times.ts';
import { openDevice } from './part-options.ts';
import type { PartOptions } from './part-options.ts';
import { finding, tell } from '../report.ts';
import { runJobs } from '../sweep.ts';

/** The kernel's own numbers: eight chains of vectors of four, two operations each. */
const OPERATIONS = 8 * 4 * 2;
const WG = 256;

const kernel: KernelSource = roofMultiplyAdd;

async function roof(
  gpu: Gpu,
  op: string,
  shape: string,
  work: Work,
  record: () => unknown,
  variant = 'as called',
): Promise<void> {
  tell(finding(op, shape, variant, work, await timesOf(gpu, record)));
}

export async function roofsPart(options: PartOptions): Promise<void> {
  const { scale } = options;
  const sizes = scale === 'full' ? [2 ** 26, 2 ** 24] : [2 ** 20];
  const [groups, steps] = scale === 'full' ? [132 * 64, 1024] : [64, 64];
  await runJobs(
    openDevice,
    [
      ...sizes.map(
        (size) =>
          [
            `copy ${(4 * size) >> 20}MB`,
            async (gpu: Gpu) => {
              const [from, to] = [empty(gpu, [size]), empty(gpu, [size])].map(({ storage }) => ({
                block: storage.block,
                offset: 0,
                bytes: 4 * size,
              }));
              await roof(gpu, 'copy', `${(4 * size) >> 20}MB`, { bytes: 8 * size }, () =>
                gpu.stream.copy(from!, to!, 4 * size),
              );
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
          const y = empty(gpu, [groups * WG]);
          const binding = { block: y.storage.block, offset: 0, bytes: 4 * groups * WG };
          const run = (): void =>
            gpu.dispatch(kernel, 'forward', {
              buffers: { y: binding },
              params: { a: 0.999, b: 0.001 },
              grid: [groups, 1, 1],
              tuning: { STEPS: `${steps}u` },
              op: 'roof',
            });
          await roof(gpu, 'multiply-add', `${groups * WG} lanes`, { flops: groups * WG * steps * OPERATIONS }, run);
        },
      ],
    ],
    options,
  );
}
