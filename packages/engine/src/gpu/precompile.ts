/** @file Compiles what some work will run, before it runs. */
import type { Gpu } from './gpu.ts';
import { openDry } from './open.ts';

/**
 * Compiles every kernel that `work` will run, all at once and in the driver's threads, for instance while weights are
 * read; `work` itself then waits for no compiler. Kernels that were compiled before are left alone, results do not
 * change.
 *
 *     const compiled = precompile(gpu, (dry) => answer(modelWithoutValues(dry)));
 *     const model = await load(gpu);
 *     await compiled;
 *     await answer(model);
 *
 * @param work is run on a dry device with the properties and kernel choices of `gpu`, on which nothing is computed: it
 * makes its own tensors, parameters and captured steps there, and reads zeros. It may be async.
 * @throws KernelError as `gpu.prepare` where a kernel does not compile; the device stays usable. What `work` throws.
 */
export async function precompile(gpu: Gpu, work: (dry: Gpu) => unknown): Promise<void> {
  const compiling: Promise<void>[] = [];
  const { limit: memoryLimit, bindingLimit } = gpu.memory.options;
  const dry = openDry(
    gpu,
    { memoryLimit, bindingLimit, tune: gpu.kernels.tuner ? 'measured' : 'static', onWarning: () => {} },
    {
      readsZeros: true,
      onPipeline: ({ kernel, entry, tuning }) => {
        const compiled = gpu.prepare(kernel, entry, tuning);
        compiled.catch(() => {}); // thrown below; `work` may take a while
        compiling.push(compiled);
      },
    },
  );
  dry.kernels.takeOver(gpu.kernels);
  await work(dry);
  await Promise.all(compiling);
}
