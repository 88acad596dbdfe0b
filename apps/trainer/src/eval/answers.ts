/**
 * @file The answers of an evaluation: files in the published format, which has no room for settings, and
 * `settings.json`; they are continued only with the same settings.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, DataError } from '@curio/engine';
import { answerLine, answerOf, partOf, readAnswers } from '@curio/eval';
import type { Answer, Entry } from '@curio/eval';
import { LineFile } from '../disk/line-file.ts';
import { readJson, readText, writeAtomic } from '../run/files.ts';
import { answerId } from '../talk/questions-file.ts';
import { ofData } from './data-set.ts';
import type { AnyBenchmark } from './data-set.ts';

/** Part `index` of `parts`, from 1. */
export interface Shard {
  readonly index: number;
  readonly parts: number;
}

export const answersPath = (out: string, name: string, shard?: Shard): string =>
  shard ? join(out, 'shards', `${name}.${shard.index}-of-${shard.parts}.jsonl`) : join(out, 'answers', `${name}.jsonl`);

export const shardOf = <T>(entries: readonly T[], { index, parts }: Shard): T[] => partOf(entries, parts, index - 1);

export const idOfAnswer = (benchmark: AnyBenchmark, answer: Answer): string | number =>
  benchmark.idOf?.(answer) ?? answer.question_id;

/**
 * Stores the settings of a folder, or compares them with the stored ones. `command` is how errors begin.
 * @throws ConfigError
 */
export function keepSettings(command: string, out: string, settings: Readonly<Record<string, unknown>>): void {
  const path = join(out, 'settings.json');
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  if (!existsSync(path)) return writeAtomic(path, text);
  const there = readJson(path, command) as Record<string, unknown>;
  for (const key of new Set([...Object.keys(there), ...Object.keys(settings)])) {
    const [was, is] = [there[key], settings[key]].map((value) => JSON.stringify(value) ?? 'not given');
    if (was !== is)
      throw new ConfigError(
        `${command}: ${path} says ${key} ${was} and this is ${is}; go on with the same model, data and options, or give another --out.`,
      );
  }
}

/** Answers, written in the order of the entries as they are generated. */
export class AnswerWriter {
  private constructor(
    private readonly file: LineFile,
    private readonly benchmark: AnyBenchmark,
    private readonly entries: readonly Entry[],
    /** Entries answered earlier. */
    readonly done: number,
  ) {}

  /** @throws ConfigError if the file has answers to other entries or another process writes it */
  static open(path: string, benchmark: AnyBenchmark, entries: readonly Entry[]): AnswerWriter {
    return LineFile.open(path, (file) => AnswerWriter.of(file, benchmark, entries));
  }

  private static of(file: LineFile, benchmark: AnyBenchmark, entries: readonly Entry[]): AnswerWriter {
    const { path } = file;
    const { answers } = ofData(() =>
      readAnswers({ name: path, text: file.text }, (answer) => idOfAnswer(benchmark, answer)),
    );
    answers.forEach((answer, i) => {
      const [is, wanted] = [idOfAnswer(benchmark, answer), entries[i]?.id];
      if (is !== wanted)
        throw new ConfigError(
          `eval: ${path}, line ${i + 1}: answers ${JSON.stringify(is)} and ${wanted === undefined ? `there are ${entries.length} entries` : `entry ${i + 1} is ${JSON.stringify(wanted)}`}; give the data that it was begun with, or another --out.`,
        );
    });
    return new AnswerWriter(file, benchmark, entries, answers.length);
  }

  /** Whether a truncated last line was dropped. */
  get torn(): boolean {
    return this.file.torn;
  }

  write(index: number, text: string, modelId: string): void {
    const { benchmark, entries } = this;
    const entry = entries[index]!;
    const answer = answerOf(benchmark, entry, { text, answerId: answerId(entry.id, text, modelId), modelId });
    this.file.write(answerLine(answer));
  }

  close(): void {
    this.file.close();
  }
}

/** The answers of a file, one for each entry, in any order. @throws DataError */
export function readAnswersOf(path: string, benchmark: AnyBenchmark): Answer[] {
  const text = readText(path, 'eval');
  return ofData(() => readAnswers({ name: path, text }, (answer) => idOfAnswer(benchmark, answer)).answers);
}

/** Joins the files of all shards. @throws DataError if one is not finished */
export function joinShards(
  out: string,
  name: string,
  benchmark: AnyBenchmark,
  entries: readonly Entry[],
  parts: number,
): void {
  let text = '';
  for (let index = 1; index <= parts; index++) {
    const path = answersPath(out, name, { index, parts });
    if (!existsSync(path)) throw new DataError(`eval: ${path} does not exist; run --shard ${index}/${parts} first.`);
    const own = shardOf(entries, { index, parts });
    const writer = AnswerWriter.open(path, benchmark, own);
    try {
      if (writer.done < own.length || writer.torn)
        throw new DataError(
          `eval: ${path} has ${writer.done} answers and its shard ${own.length} entries; finish --shard ${index}/${parts} first.`,
        );
      text += readText(path, 'eval');
    } finally {
      writer.close();
    }
  }
  writeAtomic(answersPath(out, name), text);
}
