/** @file An ablation's tables as Markdown. */
import type { Measure } from './measures.ts';
import type { ComparedRow, ComparedTable, Figure } from './compare.ts';
import type { Spread } from './paired-test.ts';

/** A description of the runs, and the tables. */
export interface Ablation {
  readonly facts: readonly string[];
  readonly tables: readonly ComparedTable[];
}

/** Significance level. */
const LEVEL = 0.05;

/** How to read the figures. */
export const METHOD = [
  'Shares in percent: mean ± standard deviation over the seeds. A seed sets data, first weights and order, and all rows of a seed are asked the same held-out questions.',
  'Differences in points from the first row, with their standard deviation over the seeds. p: exact paired permutation test over all questions of all seeds (for right and wrong answers McNemar’s exact test), two-sided; for self-asked questions over pictures, by how many of a picture’s questions are good.',
  '* marks differences whose p, raised by Holm’s method for the rows of the table (and by kind for all kinds together), is below 0.05. The test says whether these trained models differ on such questions; whether training again would show the same, the spread over seeds says.',
];

const points = (share: number): string => (100 * share).toFixed(1);
const signed = (share: number): string => `${share >= 0 ? '+' : '−'}${points(Math.abs(share))}`;
const withDeviation = (text: string, { deviation }: Spread): string =>
  deviation === null ? text : `${text} ± ${points(deviation)}`;

export const shareText = ({ share }: Figure): string =>
  share === null ? '–' : withDeviation(points(share.mean), share);

export const isDifferent = ({ against }: Figure): boolean => against !== null && against.adjusted < LEVEL;

export const probability = (p: number): string => (p < 0.0001 ? '< 0.0001' : p.toPrecision(2));

/** `+2.1 ± 0.4, p 0.003 *`; empty for the first row. */
export const differenceText = (figure: Figure): string =>
  figure.against === null
    ? ''
    : `${withDeviation(signed(figure.against.difference.mean), figure.against.difference)}, p ${probability(figure.against.p)}${isDifferent(figure) ? ' *' : ''}`;

export const figureOf = (row: ComparedRow, { name }: Measure): Figure => row.figures.get(name)!;

export const seedsText = (seeds: readonly number[]): string => seeds.join(', ');

export const ablationMarkdown = ({ facts, tables }: Ablation): string =>
  `${[
    '# Ablation on the embedded scenes',
    ...facts,
    ...METHOD,
    ...tables.flatMap((table) => [`## ${table.title}`, ...tableMarkdown(table)]),
  ].join('\n\n')}\n`;

function tableMarkdown({ rows, measures, kinds }: ComparedTable): string[] {
  const [first, ...others] = rows;
  const paired = measures.filter(({ isPaired }) => isPaired);
  const isCompared = others.some((row) => paired.some((measure) => figureOf(row, measure).against !== null));
  const labels = rows.map(({ label }) => label);
  const marked = (figure: Figure): string => `${shareText(figure)}${isDifferent(figure) ? ' *' : ''}`;
  const shares = (list: readonly Measure[]): string[][] =>
    list.map((measure) => [measure.title, ...rows.map((row) => marked(figureOf(row, measure)))]);
  const seeds = ['seeds', ...rows.map((row) => seedsText(row.seeds))];
  const told = markdownTable(['%', ...labels], [seeds, ...shares(measures)]);
  const compared = markdownTable(
    [`against ${first!.label}, points`, ...others.map(({ label }) => label)],
    paired.map((measure) => [measure.title, ...others.map((row) => differenceText(figureOf(row, measure)))]),
  );
  const byKind = markdownTable(['kind of question', ...labels], shares(kinds));
  return [told, ...(isCompared ? [compared] : []), ...(kinds.length > 1 ? [byKind] : [])];
}

const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
