/**
 * @file MMBench dev (20230712) and MMBench-CN dev (20231003): multiple choice in which every rotation of the options is
 * asked, and a question counts only where all of them are answered right (circular evaluation).
 * Sources: https://github.com/open-compass/MMBench, LLaVA's model_vqa_mmbench.py and convert_mmbench_for_submission.py,
 * VLMEvalKit's mcq_circular_eval.
 *
 * Layout: one table with tabs, pictures in base64 in it; a rotated copy of question n has the index n + k·10⁶. Prompt:
 * hint and a newline where there is one, the question, a line `A. …` for each option up to the first missing one, the
 * line that asks for a letter (its Chinese form for CN). Decoding: greedy, 1024 tokens. Parsing: VLMEvalKit's exact
 * matching. Metric: share of questions with all rotations right, by split, category and level-2 category. The server
 * asks a judge about replies that exact matching cannot read; here they are wrong, so this is a lower bound.
 */
import { mean, paired } from '../answers.ts';
import type { Benchmark, Entry } from '../benchmark.ts';
import { inferOption } from '../metrics/option-letter.ts';
import { OPTION_LETTER, OPTION_LETTER_CN } from '../prompts.ts';
import { byId, EvalDataError, required, shown, someOf } from '../records.ts';
import { type Row, readTable } from '../text/tab-separated.ts';
import { type Cell, workbook } from '../text/workbook.ts';

const letters = ['A', 'B', 'C', 'D'];
const ROTATION = 1_000_000;

export interface MmBenchRow extends Entry {
  readonly id: number;
  /** Hint, question and options. */
  readonly question: string;
  /** Options by letter; what pandas reads as missing (an option `None` too) is left out, as in the originals. */
  readonly options: ReadonlyMap<string, string>;
  /** The options in the prompt: up to the first missing one. */
  readonly shownOptions: readonly string[];
  readonly answer: string | null;
  readonly category: string | null;
  readonly topCategory: string | null;
  readonly split: string | null;
  readonly row: Row;
}

const isNone = (text: string | null): text is null => text === null || /^(?:nan|none)$/i.test(text);

function entryOf(row: Row, where: string): MmBenchRow {
  const cell = (column: string) => row.get(column) ?? null;
  const needed = (column: string): string => {
    const text = cell(column);
    if (text === null) throw new EvalDataError(`${where}: field '${column}' is missing; each row must have one.`);
    return text;
  };
  const index = needed('index');
  if (!/^\d+$/.test(index))
    throw new EvalDataError(
      `${where}: field 'index' is ${shown(index)}; it must be a whole number, n or n + k·1000000.`,
    );
  const found = letters.findIndex((letter) => isNone(cell(letter)));
  const shownOptions = letters.slice(0, found < 0 ? letters.length : found).map((letter) => cell(letter)!);
  const options = new Map(
    letters.flatMap((letter) => (cell(letter) === null ? [] : [[letter, cell(letter)!] as const])),
  );
  const answer = cell('answer');
  if (answer !== null && !letters.includes(answer))
    throw new EvalDataError(`${where}: field 'answer' is ${shown(answer)}; it must be one of ${letters.join(', ')}.`);
  return {
    id: Number(index),
    image: null,
    imageBase64: needed('image'),
    question: [
      ...(isNone(cell('hint')) ? [] : [cell('hint')!]),
      needed('question'),
      ...shownOptions.map((option, i) => `${letters[i]}. ${option}`),
    ].join('\n'),
    options,
    shownOptions,
    answer,
    category: cell('category'),
    topCategory: cell('l2-category'),
    split: cell('split'),
    row,
  };
}

/** Columns that the submission leaves out, and the position at which it inserts the prediction. */
const left = new Set(['hint', 'category', 'source', 'image', 'comment', 'l2-category']);
const PREDICTION_AT = 6;

function mmBench(name: string, title: string, path: string, suffix: string): Benchmark<MmBenchRow, 'table'> {
  return {
    name,
    title,
    source: 'https://github.com/open-compass/MMBench',
    layout: { table: { path, holds: 'questions, options, answers and pictures' } },
    images: null,
    decoding: { temperature: 0, maxNewTokens: 1024, aspect: 'pad' },

    read(files) {
      const file = required(name, files, 'table', path);
      const { columns, rows } = readTable(file);
      const lacking = ['index', 'question', 'A', 'B', 'image'].find((column) => !columns.includes(column));
      if (lacking)
        throw new EvalDataError(
          `${file.name}: it has the columns ${columns.slice(0, 20).map(shown).join(', ')} and no '${lacking}'; give ${path} separated by tabs.`,
        );
      const entries = rows.map((row, i) => entryOf(row, `${file.name}, row ${i + 2}`));
      byId(file.name, entries, (entry) => entry.id);
      return someOf(file, entries);
    },
    prompt: (entry) => `${entry.question}\n${suffix}`,
    record: (entry, { question_id, text, answer_id, model_id, metadata }) => ({
      question_id,
      round_id: 0,
      prompt: entry.question,
      text,
      options: entry.shownOptions,
      option_char: letters.slice(0, entry.shownOptions.length),
      answer_id,
      model_id,
      metadata,
    }),
    parse: (answer, entry) => inferOption(answer, entry.options) ?? '',

    score(entries, answers) {
      const groups = new Map<number, { first: MmBenchRow | null; hits: boolean[] }>();
      for (const [entry, text] of paired(name, entries, answers)) {
        if (entry.answer === null)
          throw new EvalDataError(
            `${name}: row ${entry.id} has no answer, as in the test split; upload the .xlsx to the MMBench server.`,
          );
        const base = entry.id % ROTATION;
        const group = groups.get(base) ?? groups.set(base, { first: null, hits: [] }).get(base)!;
        if (entry.id === base) group.first = entry;
        group.hits.push(inferOption(text, entry.options) === entry.answer);
      }
      const judged = [...groups.values()].flatMap(({ first, hits }) => (first ? [{ first, hits }] : []));
      const share = (of: typeof judged) => 100 * mean(of.map(({ hits }) => Number(hits.every(Boolean))));
      const details: Record<string, number> = {
        questions: judged.length,
        'rotations, each on its own': 100 * mean(judged.flatMap(({ hits }) => hits.map(Number))),
      };
      const splits = new Set(judged.map(({ first }) => first.split));
      for (const split of splits) {
        const own = judged.filter(({ first }) => first.split === split);
        const prefix = splits.size > 1 ? `${split} ` : '';
        if (splits.size > 1) details[`${split}`] = share(own);
        for (const key of ['topCategory', 'category'] as const)
          for (const kind of new Set(own.map(({ first }) => first[key])))
            if (kind !== null) details[`${prefix}${kind}`] = share(own.filter(({ first }) => first[key] === kind));
      }
      return {
        main: share(judged),
        mainName: 'circular accuracy',
        details,
        perEntry: new Map(judged.map(({ first, hits }) => [first.id, Number(hits.every(Boolean))])),
      };
    },

    /** The server's workbook: the table without some columns, the prediction in column seven. */
    write({ name: run, entries, answers }) {
      const columns = [...(entries[0]?.row.keys() ?? [])].filter((column) => !left.has(column));
      columns.splice(PREDICTION_AT, 0, 'prediction');
      const rows = paired(name, entries, answers).map(([entry, text]) =>
        columns.map(
          (column): Cell =>
            column === 'prediction' ? text : column === 'index' ? entry.id : (entry.row.get(column) ?? null),
        ),
      );
      return [{ name: `answers_upload/${run}.xlsx`, content: workbook([columns, ...rows]) }];
    },
  };
}

export const mmbench = mmBench('mmbench', 'MMBench dev', 'mmbench_dev_20230712.tsv', OPTION_LETTER);
export const mmbenchCn = mmBench('mmbench-cn', 'MMBench-CN dev', 'mmbench_dev_cn_20231003.tsv', OPTION_LETTER_CN);
