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

/** `curio data check`: what is wrong with a data set, and how the model reads one of its entries. */
export function dataCheckCommand(): Command {
  return new Command('check')
    .description('check a data set: which entries are faulty and why, or how the model reads one of them')
    .argument('<data>', 'LLaVA JSON, JSON Lines, Parquet, or a folder of pictures with metadata.jsonl')
    .option('--images <folder>', 'folder that image paths are relative to; an image folder needs none')
    .option(
      '--model <folder>',
      "model whose tokenizer is used: a folder, or owner/name on a hub; default: this repository's small base",
    )
    .addOption(
      new Option('--template <name>', 'chat template; plain: image and caption, as in stage 1').choices(
        Object.keys(TEMPLATES),
      ),
    )
    .option(
      '--entry <n>',
      'show entry n, counted from 0: its prompt, which tokens carry loss, and how many there are',
      wholeNumber,
    )
    .option('--id <id>', 'show the entry with this id')
    .addOption(
      new Option(
        '--on-bad-entry <how>',
        'fail: exit code 1 if any entry cannot be used; skip: exit code 0 if at least one can',
      )
        .choices([...ON_BAD_ENTRY])
        .default('fail'),
    )
    .option('--json', 'print JSON')
    .action(async (data: string, options: Options) => {
      const { images = null, entry: number, id, json, onBadEntry } = options;
      if (number !== undefined && id !== undefined)
        throw new ConfigError('data: --entry and --id are both given; give one of the two.');
      const terminal = openTerminal();
      const progress = new Progress(terminal, []);
      const set = await openSet(data, images, (done, total) => {
        if (!json && terminal.live) progress.activity('scanning the data', done, total);
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
          `data: ${check.file}: ${bad} of ${check.entries} entries cannot be used; fix them, or skip them with --on-bad-entry skip.`,
        );
    });
}

/** Tokenizer, template and tokens per image, from a model's folder or this repository's small base. */
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
