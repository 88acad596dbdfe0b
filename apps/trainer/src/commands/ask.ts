import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { ConfigError, openGpu } from '@curio/engine';
import { aboutImage } from '@curio/model';
import { Command } from 'commander';
import { readImage } from '../data/decode.ts';
import { RunFolder } from '../run/run-folder.ts';
import { MATRIX_UNITS, useMatrixUnits } from '../train/matrix-units.ts';
import { openForRun } from '../train/open.ts';
import { whole } from './data.ts';

interface Options {
  readonly run?: string;
  readonly self?: number;
  readonly seed: number;
  readonly matrixUnits?: boolean;
}

/** `curio ask`: a question about an image, or the questions that the model asks itself about it. */
export function askCommand(): Command {
  return new Command('ask')
    .description('ask a trained model about an image, or let it ask itself')
    .argument('<image>', 'PNG, JPEG, WebP, GIF, AVIF, TIFF, BMP or Netpbm')
    .argument('[question]', 'such as "what color is the seven ?"')
    .option('--run <folder>', 'a finished run; default: the newest under runs/')
    .option('--self <n>', 'let the model describe the image, ask n questions and answer them', whole)
    .option('--seed <n>', 'seed of the questions it draws', whole, 1)
    .option('--matrix-units', MATRIX_UNITS)
    .action(async (image: string, question: string | undefined, { run, self, seed, matrixUnits }: Options) => {
      if ((question === undefined) === (self === undefined))
        throw new ConfigError('ask: give a question, or --self n to let the model ask; one of the two.');
      const picture = await readImage(image);
      const folder = run ? RunFolder.open(run) : RunFolder.newest();
      if (!folder)
        throw new ConfigError('ask: there is no run under runs/; train one with curio train, or name one with --run.');
      const adapter = folder.file('adapter');
      if (!existsSync(adapter))
        throw new ConfigError(
          `ask: ${folder.path} is not finished (no ${join(folder.path, 'adapter')}); go on with curio train --resume ${folder.path}.`,
        );
      const gpu = await openGpu({ seed });
      try {
        if (matrixUnits) await useMatrixUnits(gpu);
        const config = folder.readConfig();
        const { speaker, prepare } = await openForRun(gpu, config, adapter);
        const pixels = prepare(picture);
        if (question !== undefined) {
          const [answer] = await speaker.reply(
            [
              {
                pixels,
                messages: [
                  { role: 'human', text: aboutImage(question) },
                  { role: 'gpt', text: null },
                ],
              },
            ],
            { maxNewTokens: config.ask.maxAnswer },
          );
          console.log(answer);
          return;
        }
        const [talk] = await speaker.selfQuestion([pixels], { ...config.ask, questions: self! }, seed);
        console.log(talk!.description);
        for (const { question: asked, answer } of talk!.asked) console.log(`\n? ${asked}\n  ${answer}`);
      } finally {
        gpu.close();
      }
    });
}
