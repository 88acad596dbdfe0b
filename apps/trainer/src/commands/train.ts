import { join } from 'node:path';
import { ConfigError, openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { Command } from 'commander';
import { checkConfig, loadConfig, parseOverrides, presetOf } from '../config/load.ts';
import { RUN_PRESETS } from '../config/presets.ts';
import type { RunConfig } from '../config/schema.ts';
import { adapterName } from '../run/environment.ts';
import { exitWithParent } from '../run/interrupt.ts';
import { measureRates } from '../run/speed.ts';
import { RunFolder } from '../run/run-folder.ts';
import { cachedTuning, wasMeasured } from '../run/tuning.ts';
import { describeStages } from '../train/dry-run.ts';
import { ADAPTER, findModel, MODEL, VISION } from '../train/folders.ts';
import { MATRIX_UNITS, useMatrixUnits } from '../train/matrix-units.ts';
import { runSession } from '../train/run-session.ts';

/** Seconds that the launcher spent on installing, building and finding a driver. */
const setupSeconds = Number(process.env.CURIO_SETUP_SECONDS ?? 0);

interface Options {
  readonly preset?: string;
  readonly model?: string;
  readonly vision?: string;
  readonly adapter?: string;
  readonly config?: string;
  readonly name?: string;
  readonly runs?: string;
  readonly resume?: string | true;
  readonly dryRun?: boolean;
  readonly profile?: boolean;
  readonly tune?: string;
  readonly matrixUnits?: boolean;
  readonly onBadEntry?: string;
  readonly format?: string;
  readonly projector?: string;
}

/** `curio train`: trains both stages of SQ-LLaVA, configured by a preset, a file and overrides. */
export function trainCommand(): Command {
  return new Command('train')
    .description('train both stages of SQ-LLaVA and report the results')
    .option('--preset <name>', 'small, quick, 7b or 13b')
    .option('--model <folder>', `${MODEL}; its files set model.*`)
    .option('--vision <folder>', VISION)
    .option('--adapter <folder>', `${ADAPTER}; training starts from it`)
    .option('--projector <file>', 'mm_projector or non_lora_trainables to start from, with new adapters')
    .option('--config <file>', 'JSON or YAML file with the keys that differ from the preset')
    .option('--name <name>', 'name of the run, which is its folder under --runs')
    .option('--runs <folder>', 'folder of the runs', 'runs')
    .option('--resume [folder]', 'resume a run; default: the newest')
    .option(
      '--on-bad-entry <how>',
      'fail: an entry that cannot be trained on ends the run; skip: it is skipped and listed in skipped.jsonl',
    )
    .option('--format <name>', 'file format of the trained weights: safetensors, or PyTorch’s bin as published')
    .option('--dry-run', 'print the predicted memory and time of both stages, without training')
    .option(
      '--tune <how>',
      'static: choose kernels from a table, for reproducible bits; measured: time variants on this adapter and remember the fastest',
      'static',
    )
    .option('--matrix-units', MATRIX_UNITS)
    .option(
      '--profile',
      "time every kernel in the fourth step of each stage; prints a table and writes a trace into the run's folder",
    )
    .argument('[overrides...]', 'any key of the configuration, such as --train.lr=1e-4')
    .allowUnknownOption()
    .action(async (words: string[], options: Options) => {
      exitWithParent();
      if (options.tune !== 'static' && options.tune !== 'measured')
        throw new ConfigError(`train: --tune is '${options.tune}'; it must be static or measured.`);
      const measured =
        options.tune === 'measured' || (options.resume !== undefined && wasMeasured(resumedFolder(options)));
      const gpu = await openGpu({
        dryRun: options.dryRun,
        ...(measured && { tune: 'measured', tuningStore: cachedTuning() }),
      });
      try {
        if (options.dryRun) return console.log(await dryRun(gpu, await chosenConfig(gpu, words, options)));
        if (options.matrixUnits) await useMatrixUnits(gpu);
        process.exitCode = options.resume ? await resume(gpu, words, options) : await begin(gpu, words, options);
      } finally {
        gpu.close();
      }
    });
}

/** Memory of both stages, and the time that this adapter would need. */
async function dryRun(gpu: Gpu, config: RunConfig): Promise<string> {
  const real = await openGpu();
  try {
    const { storage } = config.base;
    return await describeStages(gpu, config, await measureRates(real, config.model.language.hiddenSize, storage));
  } finally {
    real.close();
  }
}

/** The configuration that the options give; on SwiftShader the default is the preset quick. */
async function chosenConfig(gpu: Gpu, words: string[], options: Options): Promise<RunConfig> {
  const { preset, config: file, dryRun, model, vision, adapter, projector, onBadEntry, format } = options;
  if (model === undefined && (vision ?? adapter) !== undefined)
    throw new ConfigError('train: --vision and --adapter need --model, the language model that they belong to.');
  const slow = !preset && !file && !dryRun && model === undefined && /swiftshader/i.test(adapterName(gpu.adapter));
  if (slow)
    console.log(
      'SwiftShader is about eight times slower than Lavapipe, so the preset quick is used: a tenth of the steps. It shows that everything works, not how good the model can get. For the full run: --preset small.',
    );
  const overrides = [
    ...parseOverrides(words),
    ...(onBadEntry === undefined ? [] : [['data.onBadEntry', onBadEntry] as const]),
    ...(projector === undefined ? [] : [['base.projector', projector] as const]),
    ...(format === undefined ? [] : [['run.format', format] as const]),
  ];
  if (projector !== undefined && adapter !== undefined)
    throw new ConfigError(
      'train: --projector and --adapter are both given; an adapter has its own projector, so leave --projector out.',
    );
  const sources = { preset: preset ?? (slow ? 'quick' : undefined), file, overrides, withoutData: dryRun };
  if (model === undefined) return loadConfig(sources);
  const start = presetOf({ ...sources, preset: preset ?? (file ? undefined : '7b') });
  const found = await findModel({ model, vision, adapter }, RUN_PRESETS[start].model, !dryRun);
  const base = { ...found.folders, projector: null, storage: found.storage };
  return loadConfig({ ...sources, preset: start, folders: { base, model: found.model } });
}

function resumedFolder({ resume: path, runs = 'runs' }: Options): RunFolder {
  const folder = typeof path === 'string' ? RunFolder.open(path) : RunFolder.newest(runs);
  if (!folder)
    throw new ConfigError(`train: there is no run under ${join(runs, '/')} to resume; start one with curio train.`);
  return folder;
}

async function begin(gpu: Gpu, words: string[], options: Options): Promise<number> {
  const config = await chosenConfig(gpu, words, options);
  const folder = RunFolder.create({ root: options.runs, name: options.name, preset: config.preset });
  try {
    return await runSession({ gpu, config, folder, setupSeconds, profile: options.profile });
  } catch (error) {
    if (!folder.hasSteps()) folder.discard();
    throw error;
  } finally {
    folder.unlock();
  }
}

async function resume(gpu: Gpu, words: string[], options: Options): Promise<number> {
  const { preset, config: file, model, vision, adapter, projector, format, profile, onBadEntry } = options;
  if (words.length > 0 || (preset ?? file ?? model ?? vision ?? adapter ?? projector ?? format) !== undefined)
    throw new ConfigError(
      'train: a resumed run keeps its configuration; leave out --preset, --config, folders and overrides, or start a new run.',
    );
  const folder = resumedFolder(options);
  folder.lock();
  try {
    const config = folder.readConfig();
    return await runSession({
      gpu,
      config: onBadEntry === undefined ? config : checkConfig({ ...config, data: { ...config.data, onBadEntry } }),
      folder,
      from: folder.checkpoints().at(-1),
      setupSeconds,
      profile,
    });
  } finally {
    folder.unlock();
  }
}
