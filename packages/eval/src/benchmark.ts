/** @file What a benchmark is: a few functions and facts, so that one command can run any of them. */
import type { JudgeReply, JudgeRequest } from './judge.ts';

/** A file that the caller has read; errors give its name. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** A file for the caller to write; the name is relative to the results folder. */
export interface ResultFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface LayoutFile {
  /** Its path in the published bundle, below the benchmark's folder. */
  readonly path: string;
  readonly holds: string;
  /** Without it the benchmark runs, but cannot be scored here. */
  readonly optional?: boolean;
}

/** As the published scripts decode: greedily, with one beam. */
export interface Decoding {
  readonly temperature: 0;
  readonly maxNewTokens: 128 | 1024;
  /** `pad` makes the picture square by padding, `crop` takes its centre. */
  readonly aspect: 'pad' | 'crop';
}

export interface Entry {
  /** Unique within the benchmark; answers are matched to entries by it. */
  readonly id: string | number;
  /** File name in the benchmark's folder of pictures; null for a question without a picture. */
  readonly image: string | null;
  /** The picture itself in base64, where the data set includes it (MMBench). */
  readonly imageBase64?: string;
}

/** A line of an answers file; the fields are in the order in which LLaVA's model_vqa_loader.py writes them. */
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

/** A benchmark's scores, unrounded, in per cent unless the benchmark's file says otherwise. */
export interface Score {
  /** The score that tables print. */
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
  /** Where the data, the format and the metric come from. */
  readonly source: string;
  readonly layout: Readonly<Record<Role, LayoutFile>>;
  /** The folder of pictures, below the benchmark's folder; null where the data include them. */
  readonly images: string | null;
  readonly decoding: Decoding;
  /** Entries in the order of the question file, with their reference answers where the optional files are given. */
  read(files: Readonly<Partial<Record<Role, SourceFile>>>): E[];
  /** The question as the model gets it, after `<image>` and a newline if the entry has a picture. */
  prompt(entry: E): string;
  /** The line saved for an answer, if its fields differ from those of `answerOf`. */
  record?(entry: E, answer: Answer): Answer & Readonly<Record<string, unknown>>;
  /** The id of the entry that an answer belongs to, if that is not its question_id. */
  idOf?(answer: Answer): string;
  /** The part of an answer that the metric compares. */
  parse(answer: string, entry: E): string;
  /**
   * Needs an answer to every entry, unless the official scorer fills gaps. @throws EvalDataError without reference
   * answers
   */
  score?(entries: readonly E[], answers: readonly Answer[]): Score;
  /** For captions: the input of external scorers (METEOR, SPICE); null without references. */
  captions?(entries: readonly E[], answers: readonly Answer[]): CaptionPair[] | null;
  /** How a judge's replies become a score, if the metric needs a judge. */
  readonly judging?: Judging<E, Role>;
  /** The answers as files for the official server, script or judge. */
  write(run: Run<E, Role>): ResultFile[];
}

/** A caption and its human references, tokenised by the PTB tokenizer, tokens separated by spaces. */
export interface CaptionPair {
  readonly id: string | number;
  readonly caption: string;
  readonly references: readonly string[];
}

export interface Run<E extends Entry = Entry, Role extends string = string> {
  /** Used in file names, like a checkpoint's name in the published scripts. */
  readonly name: string;
  readonly entries: readonly E[];
  readonly answers: readonly Answer[];
  readonly files: Readonly<Partial<Record<Role, SourceFile>>>;
}

/** How a judge marks answers. */
export interface Judging<E extends Entry = Entry, Role extends string = string> {
  /** The judge behind the published numbers. */
  readonly publishedModel: string;
  /**
   * The request about an answer; `again` is the number of unusable replies so far. @throws EvalDataError without its
   * files
   */
  request(entry: E, text: string, model: string, again: number): JudgeRequest;
  /** Whether a reply contains a mark; if not, the judge is asked again, `attempts` times in all. */
  isMark(reply: string): boolean;
  readonly attempts: number;
  /** The official files, and the score that replies to all entries give. */
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
