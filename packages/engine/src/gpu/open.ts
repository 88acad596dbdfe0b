/** @file Opens a device, the same way in Node and in a browser. */
import { limitsOf, reportAdapter, SUBGROUP_MATRIX, SUBGROUP_SIZE_CONTROL } from './adapter.ts';
import { webgpu } from './dawn.ts';
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
  const gpu = new Gpu(device, reportAdapter(entry, adapter, device), options);
  await gpu.kernels.tuner?.open();
  return gpu;
}
