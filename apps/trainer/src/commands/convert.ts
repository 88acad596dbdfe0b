import { join } from 'node:path';
import { openGpu, showBytes } from '@curio/engine';
import { quantisedFolder } from '@curio/model';
import { QUANTISED_STORAGES } from '@curio/nn';
import type { QuantisedStorage } from '@curio/nn';
import { Command, Option } from 'commander';
import { byteSize } from '../config/option-values.ts';
import { requireNew, writeNewFolder } from '../disk/new-folder.ts';
import { folderSource, isFolder, readJson } from '../run/files.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';
import { findTower, MODEL, namedFolder, VISION } from '../train/folders.ts';

interface Options {
  readonly model: string;
  readonly vision?: string;
  readonly out: string;
  readonly quantise: QuantisedStorage;
  readonly shardSize?: number;
}

/** `curio convert`: quantises a model's matrices once, so that it loads as fast as it can be read. */
export function convertCommand(): Command {
  return new Command('convert')
    .description('quantise a model once, into a folder that loads as fast as it can be read; same values as --storage')
    .requiredOption('--model <folder>', MODEL)
    .option('--vision <folder>', `${VISION}; a language model that names none is converted on its own`)
    .requiredOption('--out <folder>', 'a new folder; the image tower goes into its subfolder vision_tower')
    .addOption(
      new Option(
        '--quantise <type>',
        '8 or 4 bits per weight, with one scale per 64 weights; nf4-dq: with 8-bit scales',
      )
        .choices(QUANTISED_STORAGES)
        .makeOptionMandatory(),
    )
    .option('--shard-size <size>', 'largest weight file, such as 5GB or 500MB; default: 5GB', byteSize)
    .action(async ({ model, vision, out, quantise, shardSize }: Options) => {
      requireNew(out);
      const language = await namedFolder('model', model);
      const tower = vision === undefined ? await towerOf(language) : await namedFolder('vision', vision);
      const folders = { language: folderSource(language), vision: tower === null ? null : folderSource(tower) };
      const progress = new Progress(openTerminal(process.stderr), []);
      const gpu = await openGpu();
      try {
        const files = await quantisedFolder(folders, { gpu, storage: quantise, mostBytes: shardSize });
        await writeNewFolder(out, files, (done, total) => progress.written(done, total));
        progress.end();
        const size = files.reduce((sum, file) => sum + file.size, 0);
        const alone = tower === null ? '; the model names no image tower, so there is none' : '';
        console.log(
          `convert: ${out} holds ${showBytes(size)} in ${files.length} files, matrices as ${quantise}${alone}.`,
        );
      } finally {
        gpu.close();
      }
    });
}

/** The image tower that a model names; null if it names none, as a plain language model does. */
async function towerOf(model: string): Promise<string | null> {
  const path = join(model, 'config.json');
  const names = isFolder(model) && (readJson(path, 'model') as { mm_vision_tower?: unknown } | null)?.mm_vision_tower;
  return names ? findTower(model) : null;
}
