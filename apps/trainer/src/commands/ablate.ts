import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@curio/engine';
import { SCENE_SETS } from '@curio/scenes';
import type { SceneSet } from '@curio/scenes';
import { Command, InvalidArgumentError, Option } from 'commander';
import { cellsOf, RESERVED_KEYS, TABLES, DEFAULT_TABLES } from '../ablate/cells.ts';
import type { Table, TableName } from '../ablate/cells.ts';
import { writeReport } from '../ablate/report.ts';
import { isFinished, trainCells } from '../ablate/run-cells.ts';
import { loadConfig, parseOverrides } from '../config/load.ts';
import type { Override } from '../config/load.ts';
import { positiveInteger, wholeNumber } from '../config/option-values.ts';
import type { RunConfig } from '../config/schema.ts';
import { keepSettings } from '../eval/answers.ts';
import { setsOf } from '../eval/scene-sets.ts';
import { EXIT, listenForInterrupt } from '../run/interrupt.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';
import { openScenes } from '../train/data.ts';

/** Every set of harder questions: the default ones hardly separate the rows. */
const ALL_SETS = SCENE_SETS.join(',');
/** A fifth of the 60 pairs of digit and colour, withheld from training for the set combinations. */
const WITHHELD_PAIRS = '12';

interface Options {
  readonly out: string;
  readonly only: readonly Table[];
  readonly seeds: readonly number[];
  readonly jobs: number;
  readonly preset: string;
  readonly sets: readonly SceneSet[] | null;
  readonly report?: string;
}

/** `curio ablate`: the paper's ablation on the embedded data, over several seeds, with a paired test. */
export function ablateCommand(): Command {
  return new Command('ablate')
    .description('train the small model with and without each part of SQ-LLaVA, over several seeds, and compare')
    .option(
      '--out <folder>',
      'folder of the runs, the tables and the page; an unfinished ablation is continued',
      'ablation',
    )
    .addOption(
      new Option('--only <tables>', `tables to make, of ${TABLES.map(({ name }) => name).join(', ')}`)
        .argParser(tables)
        .default(tables(DEFAULT_TABLES.join(',')), DEFAULT_TABLES.join(',')),
    )
    .addOption(new Option('--seeds <list>', 'seeds of each row').argParser(seeds).default([1, 2, 3], '1,2,3'))
    .option('--jobs <n>', 'cells trained in parallel', positiveInteger, 1)
    .addOption(
      new Option('--preset <name>', 'preset that all cells start from; quick has a tenth of the steps')
        .choices(['small', 'quick'])
        .default('small'),
    )
    .addOption(
      new Option('--sets <list>', `sets of harder questions for every cell, of ${SCENE_SETS.join(', ')}, or none`)
        .argParser((text) => (text === 'none' ? null : setsOf('ablate', text)))
        .default(setsOf('ablate', ALL_SETS), ALL_SETS),
    )
    .option('--report <folder>', 'rebuild the tables of this folder, without training')
    .argument('[overrides...]', 'any key of the configuration, for all cells, such as --train.stage2.steps=100')
    .allowUnknownOption()
    .action(async (words: string[], options: Options) => {
      const { report } = options;
      if (report === undefined) process.exitCode = await ablate(parseOverrides(words), options);
      else if (!printReport(report))
        throw new ConfigError(
          `ablate: ${report} does not have two finished rows to compare; train them with curio ablate --out ${report}.`,
        );
    });
}

function tables(text: string): Table[] {
  return text.split(',').map((name) => {
    const table = TABLES.find((each) => each.name === (name.trim() as TableName));
    if (!table)
      throw new InvalidArgumentError(
        `It must be some of ${TABLES.map((each) => each.name).join(', ')}, such as rows,sq_r.`,
      );
    return table;
  });
}

function seeds(text: string): number[] {
  const list = text.split(',').map((word) => wholeNumber(word.trim()));
  if (new Set(list).size < list.length)
    throw new InvalidArgumentError('It must name different whole numbers, such as 1,2,3.');
  return list;
}

/** The exit code. */
async function ablate(given: Override[], options: Options): Promise<number> {
  const { out, only, seeds: list, jobs, preset, sets } = options;
  const overrides: Override[] = [['data.withheldPairs', WITHHELD_PAIRS], ...given];
  const reserved = overrides.find(([path]) => RESERVED_KEYS.some((key) => path === key || path.startsWith(`${key}.`)));
  if (reserved)
    throw new ConfigError(
      `ablate: --${reserved[0]}=${reserved[1]} is given, but the rows set ${reserved[0]} themselves; leave it out${reserved[0] === 'seed' ? ' and give --seeds' : ''}.`,
    );
  const cells = cellsOf(only, list);
  const configs = cells.map((cell) => loadConfig({ preset, overrides: [...overrides, ...cell.overrides] }));
  const { data, train } = configs[0]!;
  if (!data.scenes)
    throw new ConfigError('ablate: data.scenes is null, but rows are compared on the embedded scenes; leave it out.');
  if (sets?.includes('combinations') && !data.withheldPairs)
    throw new ConfigError(
      'ablate: --data.withheldPairs is 0, but the set combinations asks about pairs withheld from training; give at least 1, or leave combinations out of --sets.',
    );
  keepSettings('ablate', out, { preset, overrides: Object.fromEntries(overrides) });
  const runs = join(out, 'runs');
  const progress = new Progress(openTerminal(), []);
  const interrupt = listenForInterrupt(() => progress.note('Stopping once every running cell is saved.'));
  try {
    await drawScenes(
      configs.filter((_, i) => !isFinished({ runs, sets }, cells[i]!)),
      progress,
    );
    const workers = Math.max(1, Math.floor((availableParallelism() - 1) / jobs));
    const failed = await trainCells({
      ...{ cells, sets, runs, logs: join(out, 'logs'), jobs, interrupt, progress },
      args: ['--preset', preset, `--data.workers=${workers}`, ...overrides.map(([path, text]) => `--${path}=${text}`)],
      steps: train.stage1.steps + train.stage2.steps,
    });
    printReport(out);
    if (interrupt.requested) {
      console.log('Saved. Run the same command again to continue.');
      return EXIT.interrupted;
    }
    for (const { cell, sentence } of failed) console.error(`ablate: ${cell.label}, seed ${cell.seed}: ${sentence}`);
    return failed.length > 0 ? EXIT.failed : EXIT.ok;
  } finally {
    progress.end();
    interrupt.close();
  }
}

/** Draws the scenes of each seed once, before several cells need them at the same time. */
async function drawScenes(configs: readonly RunConfig[], progress: Progress): Promise<void> {
  for (const seed of new Set(configs.map((config) => config.seed))) {
    const config = configs.find((each) => each.seed === seed)!;
    await openScenes(config, config.data.scenes!, 'data', (done, total) =>
      progress.activity(`drawing the scenes of seed ${seed}`, done, total),
    );
  }
}

/** Writes and prints the tables of a folder; false if there is nothing to compare. */
function printReport(out: string): boolean {
  const written = writeReport(out);
  if (!written) return false;
  console.log(written.markdown);
  for (const path of written.files) console.log(`  ${path}`);
  return true;
}
