/** The device of the engine's tests, as the project that runs them asks for it. */
import { openGpu } from '../src/gpu/open.ts';
import type { Gpu, GpuOptions } from '../src/gpu/gpu.ts';

/** Node has the variables in process.env, the browser in import.meta.env, where vitest.config.ts put them. */
export const environment: Readonly<Record<string, string | undefined>> = {
  ...(import.meta as unknown as { env: object }).env,
  ...(globalThis as { process?: { env: object } }).process?.env,
};

/** WebGPU's floor in the portable project, everything that the adapter has elsewhere. */
export const features = environment.CURIO_FEATURES === 'portable' ? 'portable' : 'all';

/** openGpu with these features. @returns a device that the caller closes */
export const openDevice = (options: Omit<GpuOptions, 'features'> = {}): Promise<Gpu> =>
  openGpu({ ...options, features });
