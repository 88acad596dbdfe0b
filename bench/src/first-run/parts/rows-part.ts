/** @file Memory-bound kernels, in sizes beyond any cache, compared with the copy. */
import { dense, noGrad, sum, transpose } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { opTables } from '@curio/engine/check';
import type { Group } from '../../cell.ts';
import { input, OpCells } from '../../engine-cells.ts';
import { adamw, adamw8bit } from '../../shapes/adamw.ts';
import { crossEntropyGroups, normGroups, softmaxGroups } from '../../shapes/rows.ts';
import { AS_CALLED, choicesOf } from '../choices.ts';
import type { Families } from '../choices.ts';
import { openDevice } from './part-options.ts';
import type { PartOptions } from './part-options.ts';
import { runJobs, sweep } from '../sweep.ts';
import type { Job } from '../sweep.ts';

/** The ops' own choice, or every variant and tuning if the op table knows some. */
async function timeGroups(
  gpu: Gpu,
  groups: readonly Group[],
  families: Families | null,
  options: PartOptions,
): Promise<void> {
  for (const { op, shape, work, cells, source } of groups) {
    const cell = cells.find(({ variant }) => variant === 'default');
    if (!cell || options.deadline.passed(`${op} ${shape}`)) continue;
    const session = await cell.open();
    const rehearse = (dry: Gpu): void => source?.rehearse(dry, op.endsWith('backward'));
    await sweep(
      gpu,
      { op, shape, work, session, rehearse },
      families ? choicesOf(gpu, families, rehearse) : [AS_CALLED],
      options,
    );
    session.close();
  }
}

/** Sums of columns, as for gradients of biases and norms, and a transpose in memory. */
function acrossRows(gpu: Gpu, R: number, C: number): Group[] {
  const x = input([R, C], 1);
  const column = (c: number): number => {
    let total = 0;
    for (let r = 0; r < R; r++) total += x.values[r * C + c]!;
    return total;
  };
  const sums = new OpCells(gpu, {
    inputs: [x],
    run: ([a]) => sum(a!, { axis: 0 }),
    outputShape: [C],
    forward: () => column,
  });
  const turned = new OpCells(gpu, {
    inputs: [x],
    run: ([a]) => noGrad(() => dense(transpose(a!, 0, 1))),
    outputShape: [C, R],
    forward: () => (i) => x.values[(i % R) * C + Math.floor(i / R)]!,
  });
  const shape = `${R}x${C}`;
  return [
    { op: 'sum of columns', shape, work: { bytes: 4 * R * C }, roof: null, cells: [sums.forward()] },
    { op: 'transpose', shape, work: { bytes: 8 * R * C }, roof: null, cells: [turned.forward()] },
  ];
}

export async function rowsPart(options: PartOptions): Promise<void> {
  const { scale } = options;
  const [R, C, classes, rows, parameters] =
    scale === 'full' ? [8192, 4096, 32000, 1024, 2 ** 25] : [64, 256, 512, 32, 2 ** 14];
  const makers: readonly (readonly [string, (gpu: Gpu) => Group[]])[] = [
    ['softmax', (gpu) => softmaxGroups(gpu, [], '', R, C)],
    ['rmsNorm', (gpu) => normGroups(gpu, [], 'rmsNorm', '', R, C)],
    ['layerNorm', (gpu) => normGroups(gpu, [], 'layerNorm', '', R, C)],
    ['crossEntropy', (gpu) => crossEntropyGroups(gpu, [], '', rows, classes)],
    ['adamw', (gpu) => [adamw(gpu, [], parameters), adamw8bit(gpu, parameters)]],
    ['across rows', (gpu) => acrossRows(gpu, R, C)],
  ];
  const asCalled = makers.map(([name, make]): Job => [name, (gpu) => timeGroups(gpu, make(gpu), null, options)]);
  const swept = makers.flatMap(([name, make]): Job[] => {
    const families = opTables.find(({ op }) => op === name)?.families as Families | undefined;
    return families ? [[`${name}, every tuning`, (gpu) => timeGroups(gpu, make(gpu), families, options)]] : [];
  });
  await runJobs(openDevice, [...asCalled, ...swept], options);
}
