import { existsSync, readdirSync } from 'node:fs';
import { ConfigError } from '@curio/engine';
import { Command } from 'commander';
import { wholeNumber } from '../config/option-values.ts';
import { RUN_PRESETS } from '../config/presets.ts';
import { writeDataset, type DatasetSizes } from '../data/write.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';

interface Options {
  readonly seed: number;
  readonly stage1: number;
  readonly stage2: number;
  readonly heldout: number;
  readonly ask: number;
  readonly force?: boolean;
}

/** `curio data`: writes the embedded scenes of handwritten digits as files, in the LLaVA format. */
export function dataCommand(): Command {
  const sizes = RUN_PRESETS.small.data.scenes!;
  return new Command('data')
    .description('write the scenes of handwritten digits to a folder: LLaVA JSON, images and ground truth')
    .argument('[folder]', 'where to write', 'data/scenes')
    .option('--seed <n>', 'the same seed gives the same bytes', wholeNumber, RUN_PRESETS.small.seed)
    .option('--stage1 <n>', 'captioned scenes', wholeNumber, sizes.stage1)
    .option('--stage2 <n>', 'conversations', wholeNumber, sizes.stage2)
    .option('--heldout <n>', 'questions on held-out scenes', wholeNumber, sizes.heldout)
    .option('--ask <n>', 'held-out scenes for self-questioning', wholeNumber, sizes['heldout-ask'])
    .option('--force', 'replace the contents of the folder')
    .action((folder: string, options: Options) => {
      if (!options.force && existsSync(folder) && readdirSync(folder).length > 0) {
        throw new ConfigError(
          `data: ${folder} is not empty; choose another folder, or replace its contents with --force.`,
        );
      }
      const progress = new Progress(openTerminal(), []);
      const { seed, stage1, stage2, heldout, ask } = options;
      const wanted: DatasetSizes = { stage1, stage2, heldout, 'heldout-ask': ask };
      writeDataset(folder, seed, wanted, (done, total) => progress.activity('scenes', done, total));
      progress.end();
      console.log(
        `data: ${folder} holds ${stage1} captioned scenes, ${stage2} conversations, ${heldout} held-out questions and ${ask} scenes to ask about (seed ${seed}).`,
      );
    });
}
