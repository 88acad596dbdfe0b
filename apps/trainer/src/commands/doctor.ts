import os from 'node:os';
import { openGpu } from '@curio/engine';
import type { AdapterReport } from '@curio/engine';
import { Command } from 'commander';
import { installWithApt } from '../../../../scripts/vulkan.mjs';
import { MATMUL_SIZE, measureSpeed } from '../run/speed.ts';
import type { Speed } from '../run/speed.ts';

/** `curio doctor`: reports this machine's adapter, its features, limits and speed. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('report the WebGPU adapter, its features, limits and speed')
    .option('--install', "install Mesa's Vulkan drivers with apt, as root or with sudo; this changes the system")
    .option('--json', 'print the report as JSON')
    .action(async (options: { install?: boolean; json?: boolean }) => {
      if (options.install) {
        console.log(installWithApt());
        console.log('doctor: run curio doctor again to see which driver is used now.');
        return;
      }
      const gpu = await openGpu();
      try {
        const report = { machine: machine(), adapter: gpu.adapter, speed: await measureSpeed(gpu) };
        console.log(options.json ? JSON.stringify(report, null, 2) : page(report));
      } finally {
        gpu.close();
      }
    });
}

const machine = () => ({
  node: process.versions.node,
  platform: `${process.platform} ${process.arch}`,
  cores: os.availableParallelism(),
  memoryBytes: os.totalmem(),
  driver: process.env.CURIO_DRIVER_CHOSEN ?? "the system's default",
});

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20).toLocaleString('en')} MiB`;

function page({
  machine: here,
  adapter,
  speed: fast,
}: {
  machine: ReturnType<typeof machine>;
  adapter: AdapterReport;
  speed: Speed;
}): string {
  const { limits, subgroupSize } = adapter;
  const sizes = subgroupSize
    ? subgroupSize.min === subgroupSize.max
      ? `of ${subgroupSize.min} lanes`
      : `of ${subgroupSize.min} to ${subgroupSize.max} lanes`
    : 'none';
  const rows = [
    ['machine', `Node ${here.node} on ${here.platform}, ${here.cores} cores, ${mebibytes(here.memoryBytes)}`],
    ['driver', here.driver],
    [
      'adapter',
      `${adapter.description || adapter.device || adapter.architecture} (${adapter.vendor}${adapter.isSoftware ? ', software' : ''})`,
    ],
    ['subgroups', sizes],
    ['features', adapter.features.join(', ') || 'none'],
    ['language', adapter.languageFeatures.join(', ') || 'none'],
    [
      'buffers',
      `${mebibytes(limits.maxBufferSize)} each, ${mebibytes(limits.maxStorageBufferBindingSize)} a binding, ${limits.maxStorageBuffersPerShaderStage} bindings`,
    ],
    [
      'workgroups',
      `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxComputeWorkgroupStorageSize / 1024} KiB, ${limits.maxComputeWorkgroupsPerDimension} along an axis`,
    ],
    [
      'speed',
      `matmul ${MATMUL_SIZE}³ ${fast.matmulGflops.toFixed(1)} GFLOP/s, read and write ${fast.copyGigabytes.toFixed(1)} GB/s`,
    ],
  ];
  return rows.map(([name, text]) => `${name.padEnd(11)} ${text}`).join('\n');
}
