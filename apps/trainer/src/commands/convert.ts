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

/** `curio convert`: a model with its matrices quantised once, which opens as fast as it is read. */
export function convertCommand(): Command {
  return new Command('convert')
    .description('quantise a model once: a folder that opens as fast as it is read, with the numbers of --storage')
    .requiredOption('--model <folder>', MODEL)
    .option('--vision <folder>', `${VISION}; a language model that names none is converted alone`)
    .requiredOption('--out <folder>', 'a new folder; the image tower stands in vision_tower inside')
    .addOption(
      new Option(
        '--quantise <type>',
        'numbers of 8 or 4 bits with a scale for 64 neighbours; nf4-dq: with scales of 8 bits',
      )
        .choices(QUANTISED_STORAGES)
        .makeOptionMandatory(),
    )
    .option('--shard-size <size>', 'most bytes of a file of weights, such as 5GB or 500MB; default: 5GB', byteSize)
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
        const alone = tower === null ? '; it names no image tower, so the language model stands alone' : '';
        console.log(
          `convert: ${out} holds ${showBytes(size)} in ${files.length} files, matrices as ${quantise}${alone}.`,
        );
      } finally {
        gpu.close();
      }
    });
}

/** The tower that a model names; null where it names none, as a language model by itself. */
async function towerOf(model: string): Promise<string | null> {
  const path = join(model, 'config.json');
  const names = isFolder(model) && (readJson(path, 'model') as { mm_vision_tower?: unknown } | null)?.mm_vision_tower;
  return names ? findTower(model) : null;
}
