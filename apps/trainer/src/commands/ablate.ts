import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@curio/engine';
import { SCENE_SETS } from '@curio/scenes';
import type { SceneSet } from '@curio/scenes';
import { Command, InvalidArgumentError, Option } from 'commander';
import { cellsOf, OWN_KEYS, TABLES, USUAL } from '../ablate/cells.ts';
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

/** Harder questions that tell apart what the usual ones do not. */
const USUAL_SETS = SCENE_SETS.join(',');
/** A fifth of the 60 pairs of digit and colour, for the set combinations. */
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
    .description('train the small model with and without each part of SQ-LLaVA, with several seeds, and compare')
    .option('--out <folder>', 'runs, tables and page; what is there is continued', 'ablation')
    .addOption(
      new Option('--only <tables>', `tables to make, of ${TABLES.map(({ name }) => name).join(', ')}`)
        .argParser(tables)
        .default(tables(USUAL.join(',')), USUAL.join(',')),
    )
    .addOption(new Option('--seeds <list>', 'seeds of each row').argParser(seeds).default([1, 2, 3], '1,2,3'))
    .option('--jobs <n>', 'cells trained at a time', positiveInteger, 1)
    .addOption(
      new Option('--preset <name>', 'what all start from; quick has a tenth of the steps')
        .choices(['small', 'quick'])
        .default('small'),
    )
    .addOption(
      new Option('--sets <list>', `harder questions that each is asked, of ${SCENE_SETS.join(', ')}; none: none`)
        .argParser((text) => (text === 'none' ? null : setsOf('ablate', text)))
        .default(setsOf('ablate', USUAL_SETS), USUAL_SETS),
    )
    .option('--report <folder>', 'make the tables of this folder again; trains nothing')
    .argument('[overrides...]', 'any key of the configuration, for all cells, such as --train.stage2.steps=100')
    .allowUnknownOption()
    .action(async (words: string[], options: Options) => {
      const { report } = options;
      if (report === undefined) process.exitCode = await ablate(parseOverrides(words), options);
      else if (!tell(report))
        throw new ConfigError(
          `ablate: ${report} has no two finished rows to compare; train them with curio ablate --out ${report}.`,
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
  const own = overrides.find(([path]) => OWN_KEYS.some((key) => path === key || path.startsWith(`${key}.`)));
  if (own)
    throw new ConfigError(
      `ablate: --${own[0]}=${own[1]} is given and the rows set ${own[0]} themselves; leave it out${own[0] === 'seed' ? ' and give --seeds' : ''}.`,
    );
  const cells = cellsOf(only, list);
  const configs = cells.map((cell) => loadConfig({ preset, overrides: [...overrides, ...cell.overrides] }));
  const { data, train } = configs[0]!;
  if (!data.scenes)
    throw new ConfigError('ablate: data.scenes is null and rows are compared on the embedded scenes; leave it out.');
  if (sets?.includes('combinations') && !data.withheldPairs)
    throw new ConfigError(
      'ablate: --data.withheldPairs is 0, so the set combinations has nothing that the training was without; give some, or --sets without it.',
    );
  keepSettings('ablate', out, { preset, overrides: Object.fromEntries(overrides) });
  const runs = join(out, 'runs');
  const progress = new Progress(openTerminal(), []);
  const interrupt = listenForInterrupt(() => progress.note('Stopping; each cell that runs is saved first.'));
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
    tell(out);
    if (interrupt.requested) {
      console.log('Saved. Go on with the same command.');
      return EXIT.interrupted;
    }
    for (const { cell, sentence } of failed) console.error(`ablate: ${cell.label}, seed ${cell.seed}: ${sentence}`);
    return failed.length > 0 ? EXIT.failed : EXIT.ok;
  } finally {
    progress.end();
    interrupt.close();
  }
}

/** Draws the scenes of each seed once, before several cells want them at the same time. */
async function drawScenes(configs: readonly RunConfig[], progress: Progress): Promise<void> {
  for (const seed of new Set(configs.map((config) => config.seed))) {
    const config = configs.find((each) => each.seed === seed)!;
    await openScenes(config, config.data.scenes!, 'data', (done, total) =>
      progress.activity(`drawing the scenes of seed ${seed}`, done, total),
    );
  }
}

/** Writes the tables of a folder and prints them; false where there is nothing to compare. */
function tell(out: string): boolean {
  const written = writeReport(out);
  if (!written) return false;
  console.log(written.markdown);
  for (const path of written.files) console.log(`  ${path}`);
  return true;
}
