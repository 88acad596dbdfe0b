/** @file Makes the tables of an ablation's folder from its finished runs: `ablation.md` and `ablation.html`. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJson, writeAtomic } from '../run/files.ts';
import type { Summary } from '../run/summary.ts';
import { clock } from '../run/terminal.ts';
import { compareAll } from './compare.ts';
import { ablationMarkdown } from './markdown.ts';
import { ablationPage } from './page.ts';

/** Null where no two rows of a table are finished. */
export function writeReport(out: string): { readonly markdown: string; readonly files: readonly string[] } | null {
  const runs = join(out, 'runs');
  const names = existsSync(runs)
    ? readdirSync(runs).filter((name) => existsSync(join(runs, name, 'summary.json')))
    : [];
  const seeds = new Set(names.flatMap((name) => Number(/-seed-(\d+)$/.exec(name)?.[1] ?? NaN)));
  const tables = compareAll(
    runs,
    [...seeds].sort((a, b) => a - b),
  );
  if (tables.length === 0) return null;
  const summaries = names.map((name) => readJson(join(runs, name, 'summary.json'), 'ablate') as Summary);
  const used = [...new Set(tables.flatMap(({ rows }) => rows.flatMap((row) => row.seeds)))].sort((a, b) => a - b);
  const command = `npm run curio -- ablate --only ${tables.map(({ name }) => name).join(',')} --seeds ${used.join(',')}`;
  const ablation = { facts: factsOf(out, command, summaries), tables };
  const markdown = ablationMarkdown(ablation);
  const files = [join(out, 'ablation.md'), join(out, 'ablation.html')];
  writeAtomic(files[0]!, markdown);
  writeAtomic(files[1]!, ablationPage(ablation));
  return { markdown, files };
}

function factsOf(out: string, command: string, summaries: readonly Summary[]): string[] {
  const { preset, overrides } = readJson(join(out, 'settings.json'), 'ablate') as {
    preset: string;
    overrides: Readonly<Record<string, string>>;
  };
  const all = (of: (summary: Summary) => string): string => [...new Set(summaries.map(of))].join(' and ');
  const each = summaries.reduce((sum, { seconds }) => sum + seconds.total, 0) / summaries.length;
  const given = Object.entries(overrides).map(([path, text]) => ` --${path}=${text}`);
  return [
    `${summaries.length} runs of \`curio train --preset ${preset}${given.join('')}\` on ${all(({ adapter }) => adapter)}, ${clock(each)} each, commit ${all(({ commit }) => commit ?? 'unknown')}; ${summaries[0]!.answers?.count ?? 0} held-out questions and ${summaries[0]!.selfAsked?.count ?? 0} self-asked ones a run.`,
    `Made by \`${command}${preset === 'small' ? '' : ` --preset ${preset}`}${given.join('')}\`.`,
  ];
}
