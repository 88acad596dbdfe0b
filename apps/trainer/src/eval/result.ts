/** @file The outcome of an evaluation: the files of the benchmark, `result.json`, and `scores.jsonl` by entry. */
import { join } from 'node:path';
import { EvalDataError, scoreScienceQa } from '@curio/eval';
import type { Answer, ResultFile, Run, Score } from '@curio/eval';
import { writeAtomic } from '../run/files.ts';
import { idOfAnswer, readAnswersOf } from './answers.ts';
import { ofData } from './data-set.ts';
import type { DataSet } from './data-set.ts';
import { exported } from './export.ts';
import type { Export } from './export.ts';
import { javaMetrics } from './java-metrics.ts';
import type { Judge } from './judge.ts';

export interface ResultOptions {
  readonly out: string;
  readonly name: string;
  readonly answers: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly judge?: Judge;
  /** ScienceQA: for a reply that names no option, choose a random one with this seed. */
  readonly fallbackSeed?: number;
  /** Other evaluation kits whose files are written too. */
  readonly exports?: readonly Export[];
}

export interface Result {
  readonly benchmark: string;
  readonly title: string;
  readonly source: string;
  readonly name: string;
  readonly entries: number;
  /** Null if it cannot be computed; `notScored` says why. */
  readonly score: Omit<Score, 'perEntry'> | null;
  readonly notScored: readonly string[];
  readonly files: readonly string[];
  readonly settings: Readonly<Record<string, unknown>>;
}

/** Writes the files and scores what can be scored. @throws DataError for answers that do not match the entries */
export async function writeResult(set: DataSet, options: ResultOptions): Promise<Result> {
  const { benchmark, files, entries } = set;
  const { out, name, settings, judge } = options;
  const answers = answersTo(set, options.answers);
  const run: Run = { name, entries, answers, files };
  const written: ResultFile[] = ofData(() => [...benchmark.write(run), ...exported(benchmark, run, options.exports)]);
  const notScored: string[] = [];
  let score: Score | null = null;
  if (benchmark.judging && judge) {
    const { askJudge } = await import('./judge.ts');
    const replies = join(out, 'judge', `${name}-${judge.model}.replies.jsonl`);
    const judged = await askJudge(run, benchmark.judging, judge, replies);
    notScored.push(...judged.failed);
    if (judged.failed.length === 0) {
      const finished = ofData(() => benchmark.judging!.finish(run, judged.replies, judge.model));
      written.push(...finished.files);
      score = finished.score;
    }
  } else if (benchmark.judging) {
    notScored.push(
      `${benchmark.name}: a judge gives the score; ask one with --judge URL --judge-model NAME (published: ${benchmark.judging.publishedModel}), or give it the files written.`,
    );
  } else {
    try {
      score =
        options.fallbackSeed !== undefined
          ? scoreScienceQa(entries as Parameters<typeof scoreScienceQa>[0], answers, options.fallbackSeed)
          : (benchmark.score?.(entries, answers) ?? null);
    } catch (error) {
      // All entries are answered, so the reference answers are missing, which only the official server has.
      if (!(error instanceof EvalDataError)) throw error;
      notScored.push(error.message);
    }
  }
  const captions = score && benchmark.captions?.(entries, answers);
  if (score && captions) {
    const { scores, skipped } = await javaMetrics(captions);
    score = { ...score, details: { ...score.details, ...scores } };
    notScored.push(...skipped);
  }
  for (const { name: path, content } of written) writeAtomic(join(out, path), content);
  if (score) {
    const lines = [...score.perEntry].map(([id, value]) => `${JSON.stringify({ id, score: value })}\n`);
    writeAtomic(join(out, 'scores.jsonl'), lines.join(''));
  }
  const { perEntry: _, ...told } = score ?? { perEntry: null };
  const result: Result = {
    ...{ benchmark: benchmark.name, title: benchmark.title, source: benchmark.source, name, entries: entries.length },
    score: score && (told as Omit<Score, 'perEntry'>),
    notScored,
    files: [options.answers, ...written.map((file) => join(out, file.name))].filter(
      (path, i, all) => all.indexOf(path) === i,
    ),
    settings: {
      ...settings,
      ...(judge && { judge: { url: judge.url, model: judge.model } }),
      ...(options.fallbackSeed !== undefined && { fallbackSeed: options.fallbackSeed }),
    },
  };
  writeAtomic(join(out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  return result;
}

/** The answers to the entries, in their order. Answers to other entries, beyond a limit, are ignored. */
function answersTo({ benchmark, entries }: DataSet, path: string): Answer[] {
  const byId = new Map(readAnswersOf(path, benchmark).map((answer) => [idOfAnswer(benchmark, answer), answer]));
  const answers = entries.flatMap(({ id }) => byId.get(id) ?? []);
  return answers.length < byId.size ? [...byId.values()] : answers;
}
