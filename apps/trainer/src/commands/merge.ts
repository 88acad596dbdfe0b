import { basename, join, resolve } from 'node:path';
import { ConfigError, openGpu, showBytes } from '@curio/engine';
import { GGUF_STORAGES, mergedFolder, mergedGguf } from '@curio/model';
import type { GgufStorage, MergeDevices } from '@curio/model';
import type { StreamedFile } from '@curio/nn';
import { Command, Option } from 'commander';
import { byteSize } from '../config/option-values.ts';
import { requireNew, writeNewFolder } from '../disk/new-folder.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';
import { ADAPTER, findModel, MODEL, modelFiles, VISION } from '../train/folders.ts';

const FORMATS = ['huggingface', 'gguf'] as const;

type FloatStorage = Exclude<GgufStorage, 'q8_0'>;

interface Options {
  readonly model: string;
  readonly vision?: string;
  readonly adapter?: string;
  readonly out: string;
  readonly format: (typeof FORMATS)[number];
  readonly storage?: GgufStorage;
  readonly shardSize?: number;
}

/** `curio merge`: merges base, adapters and projector into a Hugging Face folder, or the language model into GGUF. */
export function mergeCommand(): Command {
  return new Command('merge')
    .description(
      'merge an adapter into its base: into a Hugging Face folder that curio, transformers and the published code load, or a GGUF language model for llama.cpp',
    )
    .requiredOption('--model <folder>', MODEL)
    .option('--vision <folder>', VISION)
    .option('--adapter <folder>', ADAPTER)
    .requiredOption('--out <folder>', 'a new folder; the image tower goes into its subfolder vision_tower')
    .addOption(
      new Option('--format <format>', 'gguf: model.gguf, only the language model, without image tower and projector')
        .choices(FORMATS)
        .default('huggingface'),
    )
    .addOption(
      new Option(
        '--storage <type>',
        'type of the weights; q8_0 only with GGUF; default: f16, or bf16 if the base has it',
      ).choices(GGUF_STORAGES),
    )
    .option('--shard-size <size>', 'largest weight file, such as 5GB or 500MB; default: 5GB', byteSize)
    .action(async (options: Options) => {
      const { out, format, storage, shardSize } = options;
      if (format === 'huggingface' && storage === 'q8_0')
        throw new ConfigError(
          'merge: --storage q8_0 needs --format gguf; the weights of a Hugging Face folder are f16, bf16 or f32.',
        );
      if (format === 'gguf' && shardSize !== undefined)
        throw new ConfigError('merge: --shard-size is given with --format gguf, which writes one file; leave it out.');
      requireNew(out);
      const progress = new Progress(openTerminal(process.stderr), []);
      const [gpu, dry] = [await openGpu(), await openGpu({ dryRun: true })];
      try {
        const { files, merged, lines } = await merge(options, { gpu, dry });
        for (const line of lines) console.error(line);
        await writeNewFolder(out, files, (done, total) => progress.written(done, total));
        progress.end();
        const size = files.reduce((sum, file) => sum + file.size, 0);
        const count = files.length === 1 ? '1 file' : `${files.length} files`;
        console.log(`merge: ${out} holds ${showBytes(size)} in ${count}; LoRA was merged into ${merged} matrices.`);
      } finally {
        gpu.close();
        dry.close();
      }
    });
}

async function merge(
  { model, vision, adapter, out, format, storage: given, shardSize }: Options,
  devices: MergeDevices,
): Promise<{ files: readonly StreamedFile[]; merged: number; lines: readonly string[] }> {
  const found = await findModel({ model, vision, adapter });
  const files = modelFiles(found.folders);
  const storage = given ?? (found.storage === 'bf16' ? 'bf16' : 'f16');
  if (format === 'gguf') {
    const { file, merged, lines } = await mergedGguf(found, files, {
      ...devices,
      storage,
      name: basename(resolve(out)),
    });
    const left = `merge: the image tower and the ${found.model.projector.kind} projector are not in ${join(out, file.name)}, which holds only the language model`;
    return { files: [file], merged, lines: [...lines, left] };
  }
  return mergedFolder(found, files, { ...devices, storage: storage as FloatStorage, mostBytes: shardSize });
}
