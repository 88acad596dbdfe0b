/** @file What `tune: 'measured'` chooses on this device, and whether that differs from the table. */
import { openDevice } from './part-options.ts';
import type { PartOptions } from './part-options.ts';
import { emit } from '../report.ts';
import { llamaStep, smallStep } from './step-runs.ts';
import type { StepKind } from './step-runs.ts';
import { runJobs } from '../sweep.ts';
import type { Job } from '../sweep.ts';

export async function tuningPart(options: PartOptions): Promise<void> {
  const kinds: StepKind[] = options.scale === 'full' ? [llamaStep({}, 512, 'f32'), smallStep(80)] : [smallStep(10)];
  await runJobs(
    () => openDevice([], { tune: 'measured' }),
    kinds.map(
      (kind): Job => [
        kind.op,
        async (gpu) => {
          const run = kind.open(gpu);
          await run.once().item();
          const began = performance.now();
          const times = await gpu.kernels.tuner!.measure();
          emit({
            fact: `measured choices: ${kind.op}`,
            value: { seconds: (performance.now() - began) / 1000, choices: gpu.kernels.tuner!.record.choices, times },
          });
          run.close();
        },
      ],
    ),
    options,
  );
}
