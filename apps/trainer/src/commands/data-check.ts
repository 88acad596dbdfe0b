import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError } from '@curio/engine';
import { imageTokens, openTokens, TEMPLATES, templateOf, VUSER_TOKEN } from '@curio/model';
import type { TemplateName } from '@curio/model';
import { Command, Option } from 'commander';
import { loadConfig } from '../config/load.ts';
import { wholeNumber } from '../config/option-values.ts';
import { ON_BAD_ENTRY } from '../config/schema.ts';
import { checkData, checkLines, findEntry, viewEntry, viewLines } from '../data/check-data.ts';
import { openSet } from '../data/open-set.ts';
import { folderSource, readJson } from '../run/files.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal, styleOf } from '../run/terminal.ts';
import { namedFolder } from '../train/folders.ts';
import { baseFolder } from '../train/open.ts';

interface Options {
  readonly images?: string;
  readonly model?: string;
  readonly template?: TemplateName;
  readonly entry?: number;
  readonly id?: string;
  readonly onBadEntry: 'fail' | 'skip';
  readonly json?: boolean;
}

/** `curio data check`: what is wrong with a data set, and how the model reads an entry of it. */
export function dataCheckCommand(): Command {
  return new Command('check')
    .description('look through a data set: what is wrong with its entries, and how the model reads one of them')
    .argument('<data>', 'LLaVA JSON, JSON lines, Parquet, or a folder of pictures with metadata.jsonl')
    .option('--images <folder>', 'that the paths of pictures start from; an image folder is its own')
    .option(
      '--model <folder>',
      'whose tokenizer shows entries: a folder, or owner/name of a hub; default: the small base of this repository',
    )
    .addOption(
      new Option('--template <name>', 'chat template; plain: image and caption, as stage 1 learns them').choices(
        Object.keys(TEMPLATES),
      ),
    )
    .option(
      '--entry <n>',
      'show entry n, counted from 0: its prompt, what of it is learnt, and how many tokens',
      wholeNumber,
    )
    .option('--id <id>', 'show the entry with this id')
    .addOption(
      new Option('--on-bad-entry <how>', 'fail: exit code 1 where an entry cannot be used; skip: 0 where one can')
        .choices([...ON_BAD_ENTRY])
        .default('fail'),
    )
    .option('--json', 'print JSON')
    .action(async (data: string, options: Options) => {
      const { images = null, entry: number, id, json, onBadEntry } = options;
      if (number !== undefined && id !== undefined)
        throw new ConfigError('data: give --entry or --id; one of the two.');
      const terminal = openTerminal();
      const progress = new Progress(terminal, []);
      const set = await openSet(data, images, (done, total) => {
        if (!json && terminal.live) progress.activity('looking through the data', done, total);
      });
      progress.end();
      const entry = number ?? (id === undefined ? undefined : await findEntry(set.samples, id));
      if (entry !== undefined) {
        const view = await viewEntry(set, entry, await reading(options));
        const paint = terminal.color ? styleOf(terminal).accent : undefined;
        console.log(json ? JSON.stringify(view) : viewLines(view, paint).join('\n'));
        return;
      }
      const check = await checkData(set);
      console.log(json ? JSON.stringify(check) : checkLines(check).join('\n'));
      const bad = check.entries - check.samples;
      if (check.samples === 0)
        throw new DataError(`data: ${check.file}: no entry can be used; at least one is needed.`);
      if (bad > 0 && onBadEntry === 'fail')
        throw new DataError(
          `data: ${check.file}: ${bad} of ${check.entries} entries cannot be used; mend them, or leave such entries out with --on-bad-entry skip.`,
        );
    });
}

/** Tokenizer, template and size of an image, of a model's folder or of the small base of this repository. */
async function reading({ model: named, template: name }: Options): Promise<Parameters<typeof viewEntry>[2]> {
  const model = named === undefined ? undefined : await namedFolder('model', named, false);
  const config = loadConfig({ preset: model === undefined ? 'small' : '7b', overrides: [], withoutData: true });
  const sizes = model !== undefined && existsSync(join(model, 'config.json')) ? join(model, 'config.json') : null;
  const { vocab_size: rows } = (sizes === null ? {} : readJson(sizes, 'data')) as { vocab_size?: unknown };
  const tokens = await openTokens(folderSource(model ?? baseFolder(config, 'language')), {
    extra: config.model.vusr === 'token' ? [VUSER_TOKEN] : [],
    rows: typeof rows === 'number' ? rows : undefined,
  });
  const template =
    name === 'plain' ? 'plain' : templateOf(name === undefined ? config.model : { ...config.model, template: name });
  return { tokens, template, patches: imageTokens(config.model.vision) };
}
