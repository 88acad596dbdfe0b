import { openGpu, showBytes } from '@curio/engine';
import { mergedFolder } from '@curio/model';
import { Command, InvalidArgumentError, Option } from 'commander';
import { requireNew, writeNewFolder } from '../disk/new-folder.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';
import { ADAPTER, findModel, MODEL, modelFiles, VISION } from '../train/folders.ts';

interface Options {
  readonly model: string;
  readonly vision?: string;
  readonly adapter?: string;
  readonly out: string;
  readonly storage?: 'f16' | 'bf16' | 'f32';
  readonly shardSize?: number;
}

/** `curio merge`: base, adapters and projector as one folder in Hugging Face's layout. */
export function mergeCommand(): Command {
  return new Command('merge')
    .description(
      'fold an adapter into its base: a Hugging Face folder that curio, transformers and the published code open',
    )
    .requiredOption('--model <folder>', MODEL)
    .option('--vision <folder>', VISION)
    .option('--adapter <folder>', ADAPTER)
    .requiredOption('--out <folder>', 'a new folder; the image tower stands in vision_tower inside')
    .addOption(
      new Option('--storage <type>', 'type of the numbers; default: f16, or bf16 where the base is').choices([
        'f16',
        'bf16',
        'f32',
      ]),
    )
    .option('--shard-size <size>', 'most bytes of a file of weights, such as 5GB or 500MB; default: 5GB', bytesOf)
    .action(async ({ model, vision, adapter, out, storage, shardSize }: Options) => {
      requireNew(out);
      const found = await findModel({ model, vision, adapter });
      const progress = new Progress(openTerminal(process.stderr), []);
      const [gpu, dry] = [await openGpu(), await openGpu({ dryRun: true })];
      try {
        const { files, merged, lines } = await mergedFolder(found, modelFiles(found.folders), {
          gpu,
          dry,
          storage: storage ?? (found.storage === 'bf16' ? 'bf16' : 'f16'),
          mostBytes: shardSize,
        });
        for (const line of lines) console.error(line);
        await writeNewFolder(out, files, (done, total) => progress.written(done, total));
        progress.end();
        const size = files.reduce((sum, file) => sum + file.size, 0);
        console.log(
          `merge: ${out} holds ${showBytes(size)} in ${files.length} files; ${merged} matrices took a branch.`,
        );
      } finally {
        gpu.close();
        dry.close();
      }
    });
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KB: 1e3, MB: 1e6, GB: 1e9 };

/** A number of bytes, with a unit of thousands, as transformers writes `max_shard_size`. */
export function bytesOf(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(KB|MB|GB)?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * UNITS[unit.toUpperCase()]!);
  if (!(bytes > 0)) throw new InvalidArgumentError('It must be a size such as 5GB, 500MB or 60KB.');
  return bytes;
}
