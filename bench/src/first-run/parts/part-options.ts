/** @file What a part of the first run is given. */
import { openGpu } from '@curio/engine';
import type { Gpu, GpuOptions } from '@curio/engine';
import type { Report } from '../report.ts';
import type { Deadline } from '../deadline.ts';

export interface PartOptions {
  /** `full` has a data-centre GPU's sizes, `small` those of a rehearsal on a software adapter. */
  readonly scale: 'full' | 'small';
  readonly deadline: Deadline;
  /** What earlier parts found, and this one in a process that ended. */
  readonly known: readonly Report[];
}

/** Opens the device; with Dawn's toggles where some are named. */
export const openDevice = (dawnToggles: readonly string[] = [], options: GpuOptions = {}): Promise<Gpu> =>
  openGpu({ ...options, ...(dawnToggles.length > 0 && { dawnToggles }) } as GpuOptions);
