/** @file Where a NaN or an infinity comes from: a forward pass run again with every op's output looked at. */
import type { Gpu } from '../gpu/gpu.ts';
import { noGrad } from './autograd.ts';
import { watchOps } from './op.ts';
import { Parameter } from './parameter.ts';
import type { Tensor } from './tensor.ts';

/**
 * Records `f` without a tape and gives the first op whose output is not finite, with the parameters it used; null when
 * all are finite. Slow: it reads every output back.
 */
export async function findNonFinite(gpu: Gpu, f: () => Tensor): Promise<string | null> {
  const outputs: { name: string; values: Promise<ArrayLike<number>> }[] = [];
  gpu.scope(() =>
    watchOps(
      (op, inputs, y) => {
        if (y.dtype !== 'f32') return;
        const parameters = inputs.flatMap((x) => (x instanceof Parameter ? [x.name] : []));
        outputs.push({ name: parameters.length > 0 ? `${op} with ${parameters[0]}` : op, values: y.read() });
      },
      () => void noGrad(f),
    ),
  );
  // All of them, whichever is found first: a read still on its way when the caller closes the device would fail
  // unheard.
  const all = await Promise.all(outputs.map(({ values }) => values));
  for (const [i, { name }] of outputs.entries()) {
    const read = Array.from(all[i]!);
    const bad = read.findIndex((v) => !Number.isFinite(v));
    if (bad >= 0) return `output of ${name} (element ${bad} is ${read[bad]})`;
  }
  return null;
}
