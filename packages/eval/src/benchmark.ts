/** @file What a benchmark is: five functions and some facts, so that one command can run any of them. */
import type { JudgeReply, JudgeRequest } from './judge.ts';

/** A file that the caller has read; the name is for errors. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** A file that the caller writes: the name is relative to the folder of results. */
export interface ResultFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface LayoutFile {
  /** Where the published bundle has it, below the benchmark's folder. */
  readonly path: string;
  readonly holds: string;
  /** Without it the benchmark runs, but has no local score. */
  readonly optional?: boolean;
}

/** As the published scripts decode: greedy, one beam. */
export interface Decoding {
  readonly temperature: 0;
  readonly maxNewTokens: 128 | 1024;
  /** `pad` squares the picture first, `crop` cuts its middle. */
  readonly aspect: 'pad' | 'crop';
}

export interface Entry {
  /** Unique in the benchmark; it pairs answers with entries. */
  readonly id: string | number;
  /** The picture's file in the benchmark's folder of pictures; null for a question without one. */
  readonly image: string | null;
  /** The picture itself in base64, where the data set carries it (MMBench). */
  readonly imageBase64?: string;
}

/** A line of an answers file, its fields in the order in which LLaVA's model_vqa_loader.py writes them. */
export interface Answer {
  readonly question_id: string | number;
  readonly prompt: string;
  readonly text: string;
  readonly answer_id: string;
  readonly model_id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface AnswerText {
  readonly text: string;
  readonly answerId: string;
  readonly modelId: string;
}

/** A benchmark's numbers, unrounded; per cent unless the benchmark's file says otherwise. */
export interface Score {
  /** The number that tables print. */
  readonly main: number;
  readonly mainName: string;
  readonly details: Readonly<Record<string, number>>;
  /** By id of the entry, 0 to 1, for paired tests between models. */
  readonly perEntry: ReadonlyMap<string | number, number>;
}

export interface Benchmark<E extends Entry = Entry, Role extends string = string> {
  /** As in `curio eval <name>`. */
  readonly name: string;
  readonly title: string;
  /** Where data, format and metric come from. */
  readonly source: string;
  readonly layout: Readonly<Record<Role, LayoutFile>>;
  /** The folder of pictures, below the benchmark's folder; null where the data carry them. */
  readonly images: string | null;
  readonly decoding: Decoding;
  /** Entries in the order of the question file, with their truth where the optional files are given. */
  read(files: Readonly<Partial<Record<Role, SourceFile>>>): E[];
  /** The question as the model gets it, after `<image>` and a newline where the entry has a picture. */
  prompt(entry: E): string;
  /** The line saved for an answer, where it has more or other fields than `answerOf` gives it. */
  record?(entry: E, answer: Answer): Answer & Readonly<Record<string, unknown>>;
  /** The id of the entry that an answer belongs to, where it is not its question_id. */
  idOf?(answer: Answer): string;
  /** What the metric compares. */
  parse(answer: string, entry: E): string;
  /**
   * Needs an answer for every entry, unless the official rule fills the gap. @throws EvalDataError without the truth
   */
  score?(entries: readonly E[], answers: readonly Answer[]): Score;
  /** For captions: what programs of others score (METEOR, SPICE); null without references. */
  captions?(entries: readonly E[], answers: readonly Answer[]): CaptionPair[] | null;
  /** How a judge's replies become a score, where the metric needs one. */
  readonly judging?: Judging<E, Role>;
  /** The answers in the files that the official server, script or judge takes. */
  write(run: Run<E, Role>): ResultFile[];
}

/** A caption and those of people, tokenised as the PTB tokenizer does, tokens with a space between. */
export interface CaptionPair {
  readonly id: string | number;
  readonly caption: string;
  readonly references: readonly string[];
}

export interface Run<E extends Entry = Entry, Role extends string = string> {
  /** Names the files, as a checkpoint's name does in the published scripts. */
  readonly name: string;
  readonly entries: readonly E[];
  readonly answers: readonly Answer[];
  readonly files: Readonly<Partial<Record<Role, SourceFile>>>;
}

/** How a judge marks answers. */
export interface Judging<E extends Entry = Entry, Role extends string = string> {
  /** The judge of the published numbers. */
  readonly publishedModel: string;
  /** What the judge is asked; `again` counts replies that could not be used. @throws EvalDataError without its files */
  request(entry: E, text: string, model: string, again: number): JudgeRequest;
  /** Whether a reply has a mark; where it has none the judge is asked again, so many times in all. */
  isMark(reply: string): boolean;
  readonly attempts: number;
  /** The official files, and the score from replies to every entry. */
  finish(
    run: Run<E, Role>,
    replies: ReadonlyMap<string | number, JudgeReply>,
    judge: string,
  ): { readonly files: readonly ResultFile[]; readonly score: Score };
}

/** The record that the published scripts save for an answer. */
export function answerOf<E extends Entry>(benchmark: Benchmark<E>, entry: E, given: AnswerText): Answer {
  const answer = {
    question_id: entry.id,
    prompt: benchmark.prompt(entry),
    text: given.text,
    answer_id: given.answerId,
    model_id: given.modelId,
    metadata: {},
  };
  return benchmark.record?.(entry, answer) ?? answer;
}
