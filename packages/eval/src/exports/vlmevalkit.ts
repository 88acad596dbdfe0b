/**
 * @file Answers as the workbook that VLMEvalKit scores (`MODEL/MODEL_DATASET.xlsx` in its working folder): the columns
 * of its data set without the picture, and `prediction`. Source: https://github.com/open-compass/VLMEvalKit,
 * its inference and the `evaluate` of each of its data sets.
 *
 * `documents` is the kit's own table of the data set, whose columns are kept. Without it the columns are those that its
 * scorer reads, from the truth of the bundle, `index` is the entry's place and `question` its prompt; for ScienceQA the
 * scorer looks the index up in its own table, so that one is needed.
 */
import { paired } from '../answers.ts';
import type { Benchmark, Entry, ResultFile, Run, SourceFile } from '../benchmark.ts';
import type { CaptionQuestion } from '../benchmarks/captions.ts';
import type { GqaQuestion } from '../benchmarks/gqa.ts';
import type { LlavaBenchQuestion } from '../benchmarks/llava-bench.ts';
import type { MmBenchRow } from '../benchmarks/mmbench.ts';
import type { MmVetQuestion } from '../benchmarks/mm-vet.ts';
import type { PopeQuestion } from '../benchmarks/pope.ts';
import type { TextVqaQuestion } from '../benchmarks/textvqa.ts';
import type { VizWizQuestion } from '../benchmarks/vizwiz.ts';
import { EvalDataError } from '../records.ts';
import { type Cell, workbook } from '../text/workbook.ts';
import { documentsOf, tableDocuments } from './documents.ts';

/** Cells by column; null where the truth is not there. */
type Cells = Readonly<Record<string, Cell>> | null;

interface DataSet {
  readonly name: string;
  /** What the scorer reads besides index, question and prediction; null if that needs the kit's own table. */
  readonly truth?: (entry: Entry) => Cells;
}

// biome-ignore lint/suspicious/noExplicitAny: each benchmark has entries of its own kind
const dataSet = <E extends Entry>(name: string, truth?: (entry: E) => Cells): any => ({ name, truth });

/** A list as Python reads it: the kit calls `eval` on such cells. */
const pythonList = (texts: readonly string[]): string => JSON.stringify(texts);

const answersCell =
  (column: string) =>
  ({ answers }: { readonly answers: readonly string[] | null }): Cells =>
    answers && { [column]: pythonList(answers) };

const tableRow = ({ id, row }: MmBenchRow): Cells => ({ ...Object.fromEntries(row), index: id });

const DATA_SETS: Readonly<Record<string, DataSet>> = {
  gqa: dataSet<GqaQuestion>('GQA_TestDev_Balanced', ({ truth }) => truth && { answer: truth.answer }),
  vizwiz: dataSet<VizWizQuestion & Entry>('VizWiz', answersCell('answers')),
  scienceqa: dataSet('ScienceQA_TEST'),
  textvqa: dataSet<TextVqaQuestion>('TextVQA_VAL', answersCell('answer')),
  'textvqa-no-ocr': dataSet<TextVqaQuestion>('TextVQA_VAL', answersCell('answer')),
  pope: dataSet<PopeQuestion>('POPE', ({ label, category }) => ({ answer: label === 'yes' ? 'Yes' : 'No', category })),
  'mm-vet': dataSet<MmVetQuestion>(
    'MMVet',
    ({ truth }) => truth && { question: truth.question, answer: truth.answer, category: truth.capabilities.join(',') },
  ),
  'llava-bench': dataSet<LlavaBenchQuestion>(
    'LLaVABench',
    ({ category, judging }) =>
      judging && {
        caption: judging.caption,
        gpt4_ans: judging.reference,
        category: category.replace('llava_bench_', ''),
      },
  ),
  mmbench: dataSet<MmBenchRow>('MMBench_DEV_EN', tableRow),
  'mmbench-cn': dataSet<MmBenchRow>('MMBench_DEV_CN', tableRow),
  'coco-captions': dataSet<CaptionQuestion>(
    'COCO_VAL',
    ({ references }) => references && { answer: pythonList(references) },
  ),
};

/** @throws EvalDataError for a data set that it has not, truth that is missing, or documents of another data set */
export function vlmEvalKitTable(
  // biome-ignore lint/suspicious/noExplicitAny: as above
  benchmark: Benchmark<any, string>,
  { name, entries, answers }: Run,
  documents?: SourceFile,
): ResultFile {
  const known = DATA_SETS[benchmark.name];
  if (!known)
    throw new EvalDataError(
      `vlmevalkit: it has no data set of ${benchmark.name}; it has those of ${Object.keys(DATA_SETS).join(', ')}.`,
    );
  const pairs = paired(benchmark.name, entries, answers, { idOf: benchmark.idOf });
  const rows = documents
    ? fromTable(documents, entries, (entry) => benchmark.prompt(entry))
    : pairs.map(([entry], i) => fromTruth(known, benchmark, entry, i));
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((column) => column !== 'image');
  const cells = pairs.map(([, text], i) => [...columns.map((column) => rows[i][column] ?? null), text]);
  return {
    name: `vlmevalkit/${name}/${name}_${known.name}.xlsx`,
    content: workbook([[...columns, 'prediction'], ...cells]),
  };
}

function fromTable(
  documents: SourceFile,
  entries: readonly Entry[],
  promptOf: (entry: Entry) => string,
): Record<string, Cell>[] {
  const { columns, documents: table } = tableDocuments(documents);
  if (!columns.includes('index'))
    throw new EvalDataError(`${documents.name}: it has no column 'index'; give the kit's table of the data set.`);
  return documentsOf('vlmevalkit', table, entries, promptOf).map(
    ({ fields }) =>
      Object.fromEntries(
        [...fields].map(([column, cell]) => [column, column === 'index' ? numberOr(cell as string | null) : cell]),
      ) as Record<string, Cell>,
  );
}

/** pandas reads a column of whole numbers as numbers, and so must the workbook's be. */
const numberOr = (text: string | null): Cell =>
  text !== null && /^\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;

function fromTruth({ name, truth }: DataSet, benchmark: Benchmark, entry: Entry, place: number): Record<string, Cell> {
  if (!truth)
    throw new EvalDataError(
      `vlmevalkit: its scorer of ${name} looks questions up in its own table, which is not given; give it by --export vlmevalkit=${name}.tsv.`,
    );
  const cells = truth(entry);
  if (!cells)
    throw new EvalDataError(
      `vlmevalkit: ${benchmark.name}, entry ${JSON.stringify(entry.id)} has no truth, which its scorer reads from the workbook; give ${Object.values(
        benchmark.layout,
      )
        .filter(({ optional }) => optional)
        .map(({ path }) => path)
        .join(' and ')}.`,
    );
  return { index: place, question: benchmark.prompt(entry), ...cells };
}
