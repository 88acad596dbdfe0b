/** @file Opens a device, the same way in Node and in a browser. */
import { deviceBacking, takesImmediates } from './backing.ts';
import { limitsOf, reportAdapter, SUBGROUP_MATRIX, SUBGROUP_SIZE_CONTROL } from './adapter.ts';
import { webgpu } from './dawn.ts';
import { dryBacking } from './dry-run.ts';
import type { DryOptions } from './dry-run.ts';
import { CurioError, DeviceError } from './errors.ts';
import { Gpu } from './gpu.ts';
import type { GpuOptions } from './gpu.ts';

const WANTED = ['subgroups', SUBGROUP_SIZE_CONTROL, 'shader-f16', 'timestamp-query', SUBGROUP_MATRIX] as const;

const KNOWN: Record<keyof GpuOptions, true> = {
  debug: true,
  features: true,
  seed: true,
  memoryLimit: true,
  tune: true,
  tuningStore: true,
  bindingLimit: true,
  dryRun: true,
  dawnToggles: true,
  onWarning: true,
};

/**
 * Opens the best adapter with every feature and limit it has. Throws DeviceError when there is none, CurioError for an
 * option that it does not know.
 */
export async function openGpu(options: GpuOptions = {}): Promise<Gpu> {
  const unknown = Object.keys(options).find((name) => !(name in KNOWN));
  if (unknown !== undefined)
    throw new CurioError(`openGpu: there is no option ${unknown}; it takes ${Object.keys(KNOWN).join(', ')}.`);
  const entry = await webgpu(options.dawnToggles);
  const adapter = await entry.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw new DeviceError(
      'gpu: no WebGPU adapter. Install a Vulkan driver; for a software one run: curio doctor --install',
    );
  const portable = options.features === 'portable';
  const requiredFeatures = portable ? [] : WANTED.filter((f) => adapter.features.has(f as GPUFeatureName));
  const requiredLimits: Record<string, number> = portable ? {} : limitsOf(adapter.limits);
  const immediates = (adapter.limits as unknown as { maxImmediateSize?: number }).maxImmediateSize;
  if (!portable && immediates) requiredLimits.maxImmediateSize = immediates;
  const device = await adapter
    .requestDevice({ requiredFeatures: requiredFeatures as GPUFeatureName[], requiredLimits })
    .catch((cause: Error) => {
      throw new DeviceError(
        `gpu: the adapter ${adapter.info.description || adapter.info.device || 'of this machine'} gave no device: ${cause.message}`,
        { cause },
      );
    });
  const report = reportAdapter(entry, adapter, device);
  if (options.dryRun) return openDry({ device, adapter: report }, { ...options, tune: 'static' });
  const backing = deviceBacking(device, !portable && takesImmediates(device, report), options.debug ?? false);
  const gpu = new Gpu(device, report, options, backing);
  await gpu.kernels.tuner?.open();
  return gpu;
}

/** A device with these properties that computes and allocates nothing, so nothing can be measured on it either. */
export function openDry(
  { device, adapter }: Pick<Gpu, 'device' | 'adapter'>,
  options: GpuOptions = {},
  dry: DryOptions = {},
): Gpu {
  const immediates = options.features !== 'portable' && takesImmediates(device, adapter);
  return new Gpu(device, adapter, options, dryBacking(device, immediates, dry));
}
