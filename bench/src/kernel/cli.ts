/** @file npm run kernel -- NAME [--watch]: the kernel workbench. On each save: compile, check against float64, time. */
import { parseArgs } from 'node:util';
import { openGpu } from '@curio/engine';
import { OpenBlas } from '../roof.ts';
import { isMadeOf, watchTexts } from './source.ts';
import { kernelsNamed } from './targets.ts';
import { Workbench } from './workbench.ts';

const HELP = `npm run kernel -- NAME [--watch]

  NAME       a folder of kernels (matmul), one of them (matmul/tile), or an op (softmax)
  --watch    judge again at each save of a .wgsl file
  CURIO_PYTHON   a python with numpy, for the OpenBLAS roof (default python3)

The verdict for the tuning that most cases ask for comes first; other tunings, ops and variants stream in after it. Nothing is written: npm run codegen makes the
product take the new text.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { watch: { type: 'boolean' }, help: { type: 'boolean' } },
});
const [what] = positionals;

if (values.help || !what) {
  console.log(HELP);
  if (!values.help) process.exitCode = 2;
} else {
  const kernels = kernelsNamed(what);
  if (kernels.length === 0)
    throw new Error(
      `kernel: nothing is called '${what}'; it may be a folder of kernels/, a kernel such as matmul/tile, or an op such as softmax.`,
    );
  const workbench = new Workbench(openGpu, await OpenBlas.start(), console.log);
  if (!values.watch) {
    for (const kernel of kernels) if (!(await workbench.judge(kernel))) process.exitCode = 1;
    await workbench.close();
  } else {
    console.log(
      `watching ${kernels.map((kernel) => `kernels/${kernel}.wgsl`).join(', ')} and what they use; ctrl-C ends`,
    );
    let queue: Promise<unknown> = workbench.warmUp(kernels);
    watchTexts((files) => {
      const changed = kernels.filter((kernel) => files.some((file) => isMadeOf(kernel, file)));
      if (changed.length === 0) return;
      workbench.interrupt();
      queue = queue.then(async () => {
        for (const kernel of changed) await workbench.judge(kernel);
      });
    });
    await queue;
  }
}
