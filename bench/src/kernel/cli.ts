/** @file npm run kernel -- NAME [--watch]: the kernel workbench. On each save: compile, check against float64, time. */
import { parseArgs } from 'node:util';
import { openGpu } from '@curio/engine';
import { NoGpuCompiler } from '../../gpu-compiler/driver.ts';
import { showGpu } from '../../gpu-compiler/show.ts';
import { OpenBlas } from '../roof.ts';
import { kernelsNamed } from './named.ts';
import { isMadeOf, kernelNames, watchTexts } from './source.ts';
import { Workbench } from './workbench.ts';

const HELP = `npm run kernel -- NAME [--watch]

  NAME       a folder of kernels (matmul), one of them (matmul/tile), or an op (softmax)
  --watch    judge again at each save of a .wgsl file
  --gpu      show instead what Mesa's compiler for AMD makes of it, for the tunings that GPUs get; without a NAME of
             every kernel (bench/gpu-compiler/README.md). With it:
    --entry NAME       that entry alone
    --set NAME=VALUE   a tunable, as often as needed; T=4u,8u makes a line for each
    --chip NAME        navi31 without it, or navi10 to navi33, gfx1150, mi200, vega10, polaris10
    --toggle NAME      a toggle of Dawn, such as disable_robustness: what its guards cost
    --loops, --code    every loop in words; the machine code
  CURIO_PYTHON   a python with numpy, for the OpenBLAS roof (default python3)

The verdict for the tuning that most cases ask for comes first; other tunings, ops and variants stream in after it. Nothing is written: npm run codegen makes the
product take the new text.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    watch: { type: 'boolean' },
    help: { type: 'boolean' },
    gpu: { type: 'boolean' },
    entry: { type: 'string' },
    set: { type: 'string', multiple: true },
    chip: { type: 'string' },
    toggle: { type: 'string', multiple: true },
    loops: { type: 'boolean' },
    code: { type: 'boolean' },
  },
});
const [what] = positionals;

/** Calls `judge` with the kernels that a save affects, after `first`. @param interrupt called on a save */
async function atEachSave(
  kernels: readonly string[],
  first: Promise<unknown>,
  judge: (changed: readonly string[]) => Promise<unknown>,
  interrupt: () => void = () => {},
): Promise<void> {
  console.log(
    `watching ${kernels.map((kernel) => `kernels/${kernel}.wgsl`).join(', ')} and what they use; ctrl-C ends`,
  );
  let queue = first;
  watchTexts((files) => {
    const changed = kernels.filter((kernel) => files.some((file) => isMadeOf(kernel, file)));
    if (changed.length === 0) return;
    interrupt();
    queue = queue.then(() => judge(changed));
  });
  await queue;
}

/** Shows what a GPU's compiler makes of kernels, or why there is no such compiler. */
async function show(kernels: readonly string[]): Promise<void> {
  try {
    if (!(await showGpu(kernels, values, console.log))) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof NoGpuCompiler)) throw error;
    console.log(error.message);
    process.exitCode = 3;
  }
}

if (values.help || (!what && !values.gpu)) {
  console.log(HELP);
  if (!values.help) process.exitCode = 2;
} else {
  const kernels = what ? kernelsNamed(what) : kernelNames();
  if (kernels.length === 0)
    throw new Error(
      `kernel: nothing is called '${what}'; it may be a folder of kernels/, a kernel such as matmul/tile, or an op such as softmax.`,
    );
  if (values.gpu) {
    if (values.watch) await atEachSave(kernels, show(kernels), show);
    else await show(kernels);
  } else {
    const workbench = new Workbench(openGpu, await OpenBlas.start(), console.log);
    const judge = async (changed: readonly string[]): Promise<void> => {
      for (const kernel of changed) if (!(await workbench.judge(kernel))) process.exitCode = 1;
    };
    if (values.watch) await atEachSave(kernels, workbench.warmUp(kernels), judge, () => workbench.interrupt());
    else {
      await judge(kernels);
      await workbench.close();
    }
  }
}
