/** @file Lets a model answer the entries of a benchmark into a file, continuing where the file ends. */
import type { Entry } from '@curio/eval';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';
import { answerAll } from '../talk/answer-all.ts';
import type { Talk } from '../talk/open.ts';
import { question } from '../talk/options.ts';
import type { WritingOptions } from '../talk/options.ts';
import { AnswerWriter, answersPath, keepSettings, shardOf } from './answers.ts';
import type { Shard } from './answers.ts';
import { questionsOf } from './data-set.ts';
import type { DataSet } from './data-set.ts';

export interface AskOptions extends Pick<WritingOptions, 'template' | 'aspect' | 'maxNewTokens' | 'seed'> {
  readonly batch: number;
  readonly sq?: number;
  readonly shard?: Shard;
}

/** The settings of the answers: a file is continued only with the same ones, and a score records them. */
export function settingsOf(
  set: DataSet,
  talk: Talk,
  { template = talk.template, aspect, maxNewTokens, sq, seed }: AskOptions,
): Readonly<Record<string, unknown>> {
  const { benchmark, entries, digests } = set;
  const { decoding } = benchmark;
  const first = entries[0]!;
  const withPicture = first.image !== null || first.imageBase64 !== undefined;
  const shown = question(benchmark.prompt(first), withPicture ? new Float32Array() : null, []);
  return {
    ...{ benchmark: benchmark.name, convention: benchmark.title, entries: entries.length, model: talk.name },
    ...{ from: talk.from, template, aspect: aspect ?? decoding.aspect, temperature: decoding.temperature },
    ...{ maxNewTokens: maxNewTokens ?? decoding.maxNewTokens },
    ...(sq !== undefined && { sq, seed, ask: talk.ask }),
    // The complete first prompt shows how questions were asked.
    firstPrompt: talk.speaker.promptText(shown, template),
    data: digests,
  };
}

/** @returns how many were answered before and now; fewer than the entries if `signal` aborted it */
export async function askEntries(
  set: DataSet,
  talk: Talk,
  out: string,
  options: AskOptions,
  signal: AbortSignal,
): Promise<{ path: string; before: number; answered: number; entries: number }> {
  const { benchmark } = set;
  const settings = settingsOf(set, talk, options);
  keepSettings('eval', out, settings);
  const entries: readonly Entry[] = options.shard ? shardOf(set.entries, options.shard) : set.entries;
  const questions = questionsOf(set, entries);
  const path = answersPath(out, talk.name, options.shard);
  const writer = AnswerWriter.open(path, benchmark, entries);
  if (writer.torn) console.error(`eval: ${path}: an incomplete last line was dropped.`);
  const progress = new Progress(openTerminal(process.stderr), []);
  let answered = 0;
  try {
    await answerAll(questions, writer.done, {
      talk,
      options: {
        ...{ temperature: benchmark.decoding.temperature, topK: 0, stop: [], seed: options.seed },
        maxNewTokens: settings.maxNewTokens as number,
        ...{ template: options.template, aspect: settings.aspect as 'crop' | 'pad' },
      },
      ...{ batch: options.batch, sq: options.sq, signal },
      onAnswer: (i, { text }) => {
        writer.write(i, text, talk.name);
        progress.activity('answers', writer.done + ++answered, entries.length);
      },
    });
  } finally {
    writer.close();
    progress.end();
  }
  return { path, before: writer.done, answered, entries: entries.length };
}
