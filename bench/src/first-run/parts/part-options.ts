/** @file The options of a part of the first run. */
import { openGpu } from '@curio/engine';
import type { Gpu, GpuOptions } from '@curio/engine';
import type { Report } from '../report.ts';
import type { Deadline } from '../deadline.ts';

export interface PartOptions {
  /** `full` has sizes for a data-centre GPU, `small` for a rehearsal on a software adapter. */
  readonly scale: 'full' | 'small';
  readonly deadline: Deadline;
  /** Findings of earlier parts, and of this part's earlier processes. */
  readonly known: readonly Report[];
}

/** Opens the device, with Dawn's toggles if given. */
export const openDevice = (dawnToggles: readonly string[] = [], options: GpuOptions = {}): Promise<Gpu> =>
  openGpu({ ...options, ...(dawnToggles.length > 0 && { dawnToggles }) } as GpuOptions);
