/**
 * @file Fixtures of the original scorers as the exporters write them. What the kits' own readers say of these very
 * bytes is in golden/eval/exports.json (packages/testing/python/make_export_goldens.py).
 */
import { mmbench } from '../src/benchmarks/mmbench.ts';
import { pope } from '../src/benchmarks/pope.ts';
import { scienceqa } from '../src/benchmarks/scienceqa.ts';
import { vizwiz } from '../src/benchmarks/vizwiz.ts';
import type { Benchmark, ResultFile, Run } from '../src/index.ts';
import { lmmsEvalLog, vlmEvalKitTable } from '../src/index.ts';
import { answer, file, lines, openEvalGolden } from './golden.ts';

/** As many of each as tell a format from another; the metrics have theirs elsewhere. */
const COUNT = 300;

export interface ExportCase {
  readonly file: ResultFile;
  /** Texts in the order of the kit's documents, and how the kit numbers these. */
  readonly texts: readonly string[];
  readonly indices: readonly number[];
}

// biome-ignore lint/suspicious/noExplicitAny: each benchmark has entries of its own kind
const runOf = (benchmark: Benchmark<any, string>, files: Run['files'], texts: readonly string[]): Run => {
  const entries = benchmark.read(files).slice(0, COUNT);
  return { name: 'tiny', entries, answers: entries.map(({ id }, i) => answer(id, texts[i])), files };
};

export function popeRun(): Run {
  const { questions, labels, texts } = openEvalGolden('pope');
  const files = {
    questions: file('q.jsonl', lines(questions)),
    ...Object.fromEntries(Object.entries(labels).map(([name, own]) => [name, file(name, lines(own as object[]))])),
  };
  return runOf(pope, files, texts);
}

/** The same, as a kit that has its documents in another order and counts them from elsewhere logs them. */
export const popeSamples = ({ entries }: Run) =>
  file(
    'samples_pope.jsonl',
    lines(
      entries
        .map(({ id }, i) => ({
          doc_id: 5000 - i,
          doc: { question_id: String(id), question: pope.prompt(entries[i] as never).split('\n')[0] },
          target: 'yes',
        }))
        .reverse(),
    ),
  );

function vizwizRun(): Run {
  const { texts, references } = openEvalGolden('vqa');
  const image = (i: number): string => `VizWiz_val_${String(i).padStart(8, '0')}.jpg`;
  const questions = texts.map((_: string, i: number) => ({
    question_id: image(i),
    image: image(i),
    text: 'What is it?',
  }));
  const annotations = references.map((own: string[], i: number) => ({
    image: image(i),
    answers: own.map((each) => ({ answer: each })),
  }));
  const files = {
    questions: file('llava_test.jsonl', lines(questions)),
    annotations: file('val.json', JSON.stringify(annotations)),
  };
  return runOf(vizwiz, files, texts);
}

export function mmbenchRun(): Run {
  const { table, texts } = openEvalGolden('mmbench');
  return runOf(mmbench, { table: file('table.tsv', table) }, texts);
}

function scienceRun(): Run {
  const { questions, ids, problems, texts } = openEvalGolden('scienceqa');
  const files = {
    questions: file('q.json', JSON.stringify(questions)),
    splits: file('pid_splits.json', JSON.stringify({ test: ids })),
    problems: file('problems.json', JSON.stringify(problems)),
  };
  return runOf(scienceqa, files, texts);
}

/** VLMEvalKit's table of ScienceQA, in its own order, without an id that the bundle has. */
const scienceTable = ({ entries }: Run) =>
  file(
    'ScienceQA_TEST.tsv',
    `index\tquestion\tA\tanswer\tid\timage\n${entries
      .map(
        ({ id }, i) =>
          `${i + 7}\t"${scienceqa
            .prompt(entries[i] as never)
            .split('\n')[0]!
            .replaceAll('"', '""')}"\tx\tA\t${id}\tAAAA\n`,
      )
      .reverse()
      .join('')}`,
  );

const texts = ({ answers }: Run): string[] => answers.map(({ text }) => text);
const upTo = ({ entries }: Run): number[] => entries.map((_, i) => i);

/** By name. */
export function exportCases(): Readonly<Record<string, ExportCase>> {
  const [popes, viz, mm, science] = [popeRun(), vizwizRun(), mmbenchRun(), scienceRun()];
  const reversed = (list: readonly string[]): string[] => [...list].reverse();
  return {
    'lmms-eval pope': { file: lmmsEvalLog(pope, popes), texts: texts(popes), indices: upTo(popes) },
    'lmms-eval pope in its own order': {
      file: lmmsEvalLog(pope, popes, popeSamples(popes)),
      texts: reversed(texts(popes)),
      indices: upTo(popes).map((i) => 5001 - COUNT + i),
    },
    'lmms-eval vizwiz': { file: lmmsEvalLog(vizwiz, viz), texts: texts(viz), indices: upTo(viz) },
    'vlmevalkit pope': { file: vlmEvalKitTable(pope, popes), texts: texts(popes), indices: upTo(popes) },
    'vlmevalkit vizwiz': { file: vlmEvalKitTable(vizwiz, viz), texts: texts(viz), indices: upTo(viz) },
    'vlmevalkit mmbench': {
      file: vlmEvalKitTable(mmbench, mm),
      texts: texts(mm),
      indices: mm.entries.map(({ id }) => Number(id)),
    },
    'vlmevalkit scienceqa by its own table': {
      file: vlmEvalKitTable(scienceqa, science, scienceTable(science)),
      texts: texts(science),
      indices: upTo(science).map((i) => i + 7),
    },
  };
}
