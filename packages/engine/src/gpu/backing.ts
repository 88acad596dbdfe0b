/** @file The back end of a `Gpu`: a device here; in dry-run.ts one that only does the accounting. */
import type { AdapterReport } from './adapter.ts';
import { Pipelines } from './kernel/pipeline.ts';
import { Memory } from './memory/memory.ts';
import type { CommandQueue } from './stream/commands.ts';
import { DeviceQueue } from './stream/device-queue.ts';

export interface Backing {
  /** Nothing is computed and nothing allocated. */
  readonly isDry: boolean;
  readonly queue: CommandQueue;
  readonly pipelines: Pipelines;
  memory(...options: ConstructorParameters<typeof Memory> extends [GPUDevice, ...infer Rest] ? Rest : never): Memory;
  /** Reports errors that belong to no call. */
  onError(tell: (error: GPUError) => void): void;
}

/** Params reach kernels as immediates; the portable floor has only uniform buffers. */
export function takesImmediates(device: GPUDevice, { languageFeatures }: AdapterReport): boolean {
  const { maxImmediateSize = 0 } = device.limits as unknown as { maxImmediateSize?: number };
  return languageFeatures.includes('immediate_address_space') && maxImmediateSize >= 64;
}

/** The device itself. */
export const deviceBacking = (device: GPUDevice, immediates: boolean, debug: boolean): Backing => ({
  isDry: false,
  queue: new DeviceQueue(device, debug),
  pipelines: new Pipelines(device, immediates),
  memory: (...options) => new Memory(device, ...options),
  onError(tell) {
    device.onuncapturederror = (event) => tell(event.error);
  },
});
