import os from 'node:os';
import { matmul, neg, openGpu, RandomStream, slice, tensor } from '@curio/engine';
import type { AdapterReport, Gpu, Tensor } from '@curio/engine';
import { Command } from 'commander';
import { installWithApt } from '../../../../scripts/vulkan.mjs';

const MATMUL_SIZE = 512;
const COPY_BYTES = 32 << 20;
const SECONDS_EACH = 0.4;

/** `curio doctor`: what this machine's adapter is, what it offers, and how fast it is. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('report the WebGPU adapter, its features, limits and speed')
    .option('--install', 'install Mesa\'s Vulkan drivers with apt, as root or with sudo; this changes the system')
    .option('--json', 'print the report as JSON')
    .action(async (options: { install?: boolean; json?: boolean }) => {
      if (options.install) {
        console.log(installWithApt());
        console.log('doctor: run curio doctor once more to see what is chosen now.');
        return;
      }
      const gpu = await openGpu();
      const report = { machine: machine(), adapter: gpu.adapter, speed: await speed(gpu) };
      console.log(options.json ? JSON.stringify(report, null, 2) : page(report));
      gpu.close();
    });
}

interface Speed { matmulGflops: number; copyGigabytes: number }

const machine = () => ({
  node: process.versions.node,
  platform: `${process.platform} ${process.arch}`,
  cores: os.availableParallelism(),
  memoryBytes: os.totalmem(),
  driver: process.env.CURIO_DRIVER_CHOSEN ?? 'as the system offers it',
});

/** Rates through the engine, as training meets them: the best of several rounds, first use (which compiles) aside. */
async function speed(gpu: Gpu): Promise<Speed> {
  const random = new RandomStream(1);
  const noise = (count: number) => Float32Array.from({ length: count }, () => random.uniform() - 0.5);
  const a = tensor(gpu, noise(MATMUL_SIZE ** 2), [MATMUL_SIZE, MATMUL_SIZE]);
  const x = tensor(gpu, new Float32Array(COPY_BYTES / 4), [COPY_BYTES / 4]);
  return {
    matmulGflops: (2 * MATMUL_SIZE ** 3 * (await perSecond(gpu, () => matmul(a, a)))) / 1e9,
    copyGigabytes: (2 * COPY_BYTES * (await perSecond(gpu, () => neg(x)))) / 1e9,
  };
}

/** How often a second `work` runs, when it is recorded many times over and read once. */
async function perSecond(gpu: Gpu, work: () => Tensor): Promise<number> {
  const seconds = async (count: number): Promise<number> => {
    const began = performance.now();
    await gpu.scope(() => {
      let last = work();
      for (let i = 1; i < count; i++) last = gpu.scope(work);
      return slice(last.shape.length > 1 ? slice(last, 0, 0, 1) : last, last.shape.length - 1, 0, 1).read();
    });
    return (performance.now() - began) / 1000;
  };
  await seconds(1);
  const count = Math.max(1, Math.round(SECONDS_EACH / 4 / (await seconds(1))));
  let best = 0;
  for (let round = 0; round < 4; round++) best = Math.max(best, count / (await seconds(count)));
  return best;
}

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20).toLocaleString('en')} MiB`;

function page({ machine: here, adapter, speed: fast }: { machine: ReturnType<typeof machine>; adapter: AdapterReport; speed: Speed }): string {
  const { limits, subgroupSize } = adapter;
  const sizes = subgroupSize ? (subgroupSize.min === subgroupSize.max ? `of ${subgroupSize.min} lanes` : `of ${subgroupSize.min} to ${subgroupSize.max} lanes`) : 'none';
  const rows = [
    ['machine', `Node ${here.node} on ${here.platform}, ${here.cores} cores, ${mebibytes(here.memoryBytes)}`],
    ['driver', here.driver],
    ['adapter', `${adapter.description || adapter.device || adapter.architecture} (${adapter.vendor}${adapter.isSoftware ? ', software' : ''})`],
    ['subgroups', sizes],
    ['features', adapter.features.join(', ') || 'none'],
    ['language', adapter.languageFeatures.join(', ') || 'none'],
    ['buffers', `${mebibytes(limits.maxBufferSize)} each, ${mebibytes(limits.maxStorageBufferBindingSize)} a binding, ${limits.maxStorageBuffersPerShaderStage} bindings`],
    ['workgroups', `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${limits.maxComputeWorkgroupStorageSize / 1024} KiB, ${limits.maxComputeWorkgroupsPerDimension} along an axis`],
    ['speed', `matmul ${MATMUL_SIZE}³ ${fast.matmulGflops.toFixed(1)} GFLOP/s, read and write ${fast.copyGigabytes.toFixed(1)} GB/s`],
  ];
  return rows.map(([name, text]) => `${name.padEnd(11)} ${text}`).join('\n');
}
