/** @file Describes the device. */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, release } from 'node:os';
import { openDevice } from './part-options.ts';
import { emit } from '../report.ts';

export async function adapterPart(): Promise<void> {
  emit({
    fact: 'host',
    value: {
      processor: cpus()[0]?.model.trim(),
      cores: availableParallelism(),
      kernel: release(),
      node: process.versions.node,
      commit: process.env.CURIO_COMMIT ?? null,
      driverFiles: process.env.VK_DRIVER_FILES ?? null,
    },
  });
  const smi = spawnSync(
    'nvidia-smi',
    [
      '--query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.sm,power.limit,mig.mode.current',
      '--format=csv',
    ],
    { encoding: 'utf8', timeout: 8000 },
  );
  emit({
    fact: 'nvidia-smi',
    value: smi.status === 0 ? smi.stdout.trim().split('\n') : 'not installed, or it did not answer',
  });
  const gpu = await openDevice();
  const {
    vendor,
    architecture,
    device,
    description,
    isSoftware,
    subgroupSize,
    subgroupMatrix,
    features,
    languageFeatures,
    limits,
    matrixConfigurations,
  } = gpu.adapter;
  emit({
    fact: 'adapter',
    value: { vendor, architecture, device, description, isSoftware, subgroupSize, subgroupMatrix },
  });
  emit({ fact: 'features', value: features });
  emit({ fact: 'language features', value: languageFeatures });
  emit({ fact: 'limits', value: limits });
  emit({ fact: 'matrix configurations', value: matrixConfigurations });
  gpu.close();
}
