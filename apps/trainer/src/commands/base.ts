import { openGpu } from '@curio/engine';
import { KINDS } from '@curio/scenes';
import { Command, InvalidArgumentError } from 'commander';
import { writeBase } from '../base/export.ts';
import { runPretraining } from '../base/pretraining.ts';
import { CLIP, LLAMA } from '../base/recipe.ts';
import { positiveNumber, wholeNumber } from '../config/option-values.ts';
import { lockFolder } from '../disk/lock.ts';
import { makeFolder } from '../disk/system-error.ts';
import { EXIT, listenForInterrupt } from '../run/interrupt.ts';

/** `{"where":3}`. */
function kindWeights(text: string): Record<string, number> {
  let weights: unknown;
  try {
    weights = JSON.parse(text);
  } catch (error) {
    throw new InvalidArgumentError(`It is not JSON (${(error as Error).message}); write it like {"where":3}.`);
  }
  for (const [kind, weight] of Object.entries(weights ?? {})) {
    if (!(KINDS as readonly string[]).includes(kind))
      throw new InvalidArgumentError(`There is no kind '${kind}'; the kinds are ${KINDS.join(', ')}.`);
    if (typeof weight !== 'number' || !(weight >= 0))
      throw new InvalidArgumentError(
        `The weight of '${kind}' is ${JSON.stringify(weight)}; it must be a number of at least 0.`,
      );
  }
  return weights as Record<string, number>;
}

/** `curio base`: pretrains the small CLIP and LLaMA and writes them in Hugging Face's layout. */
export function baseCommand(): Command {
  const base = new Command('base').description('pretrain the small CLIP and LLaMA that the small run fine-tunes');
  for (const [part, defaults, batch] of [
    ['clip', CLIP, CLIP.batch.groups * CLIP.batch.groupSize],
    ['llama', LLAMA, LLAMA.batchSize],
  ] as const) {
    base
      .command(part)
      .description(
        part === 'clip'
          ? 'contrastive pretraining on scenes and captions'
          : 'next-token pretraining on conversations about scenes written out in words',
      )
      .option('--run <folder>', 'folder of the run; an unfinished one is continued', `runs/base-${part}`)
      .option('--start <folder>', 'base that a new run is initialised from, such as apps/trainer/base/vision')
      .option('--seed <n>', 'seed of weights and scenes', wholeNumber, 1)
      .option('--steps <n>', 'last step', wholeNumber, defaults.steps)
      .option('--cooldown <n>', 'final steps, over which the learning rate decays to 0', wholeNumber, defaults.cooldown)
      .option('--lr <x>', 'learning rate', positiveNumber, defaults.lr)
      .option(
        '--batch <n>',
        part === 'clip' ? 'scenes per step, a multiple of 8' : 'documents per step',
        wholeNumber,
        batch,
      )
      .option(
        '--kinds <json>',
        'weights of the kinds of question, such as {"where":3}; default: the recipe',
        kindWeights,
      )
      .option(
        '--question-weight <x>',
        "loss weight of the questions in the language base's documents; default: the recipe",
        positiveNumber,
      )
      .option('--save-every <n>', 'steps between saves', wholeNumber, 100)
      .option('--probe-every <n>', 'steps between probes', wholeNumber, 250)
      .action(async (options) => {
        makeFolder(options.run);
        const release = lockFolder(options.run);
        const gpu = await openGpu({ seed: options.seed });
        const interrupt = listenForInterrupt(() =>
          console.log('Saving and stopping; press Ctrl-C again to quit at once.'),
        );
        try {
          await runPretraining({
            gpu,
            part,
            folder: options.run,
            start: options.start,
            seed: options.seed,
            steps: options.steps,
            cooldown: options.cooldown,
            lr: options.lr,
            kindWeights: options.kinds,
            questionWeight: options.questionWeight,
            batch: options.batch,
            saveEvery: options.saveEvery,
            probeEvery: options.probeEvery,
            say: (line) => console.log(line),
            stopped: () => interrupt.requested,
          });
        } finally {
          interrupt.close();
          gpu.close();
          release();
        }
        if (interrupt.requested) process.exitCode = EXIT.interrupted;
      });
  }
  base
    .command('write')
    .description('write both parts in Hugging Face layout, in half precision')
    .option('--clip <folder>', 'run of curio base clip', 'runs/base-clip')
    .option('--llama <folder>', 'run of curio base llama', 'runs/base-llama')
    .option('--seed <n>', 'seed of the runs', wholeNumber, 1)
    .option('--out <folder>', 'where to write the folders language and vision', 'apps/trainer/base')
    .action(async ({ clip, llama, seed, out }: { clip: string; llama: string; seed: number; out: string }) => {
      const records = await writeBase(out, { clip, llama }, seed);
      for (const [part, { steps, loss, probe }] of Object.entries(records)) {
        const probed = probe
          ? Object.entries(probe)
              .map(([name, value]) => `${name} ${value.toFixed(3)}`)
              .join('  ')
          : 'not probed';
        console.log(`${part}: ${steps} steps, loss ${loss.toFixed(3)}, ${probed}`);
      }
    });
  return base;
}
