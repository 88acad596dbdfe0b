import { ConfigError } from '@curio/engine';
import { Command } from 'commander';
import { loadConfig, parseOverrides } from '../config/load.ts';
import { RunFolder } from '../run/run-folder.ts';
import { runSession } from '../train/session.ts';

interface Options { readonly preset?: string; readonly config?: string; readonly name?: string; readonly resume?: string | true }

/** `curio train`: both stages of SQ-LLaVA, from a preset, a file and overrides. */
export function trainCommand(): Command {
  return new Command('train')
    .description('train SQ-LLaVA in both stages and report what it learnt')
    .option('--preset <name>', 'small, quick, 7b or 13b')
    .option('--config <file>', 'JSON or YAML with the keys that differ from the preset')
    .option('--name <name>', 'name of the run, a folder under runs/')
    .option('--resume [folder]', 'go on with a run; the newest when no folder is given')
    .argument('[overrides...]', 'any key of the configuration, such as --train.lr=1e-4')
    .allowUnknownOption()
    .action(async (words: string[], options: Options) => {
      const startedAt = Number(process.env.CURIO_STARTED_AT ?? Date.now());
      process.exitCode = options.resume ? await resume(words, options, startedAt) : await begin(words, options, startedAt);
    });
}

async function begin(words: string[], { preset, config: file, name }: Options, startedAt: number): Promise<number> {
  const config = loadConfig({ preset: preset ?? process.env.CURIO_PRESET, file, overrides: parseOverrides(words) });
  const folder = RunFolder.create({ name, preset: config.preset });
  return runSession({ config, folder, startedAt });
}

async function resume(words: string[], { resume: path, preset, config: file }: Options, startedAt: number): Promise<number> {
  if (words.length > 0 || preset || file) throw new ConfigError('train: a resumed run keeps its configuration; leave out --preset, --config and overrides, or start a new run.');
  const folder = path === true ? RunFolder.newest() : RunFolder.open(path!);
  if (!folder) throw new ConfigError('train: there is no run under runs/ to go on with; start one with curio train.');
  return runSession({ config: folder.readConfig(), folder, from: folder.checkpoints().at(-1), startedAt });
}
