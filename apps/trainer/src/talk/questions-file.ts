/**
 * @file Questions as JSON Lines, `{ question_id, image?, text }` in LLaVA's format, and the file of their answers: one
 * line each, in the order of the questions. An unfinished file is continued.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { ConfigError, DataError } from '@curio/engine';
import { isObject } from '@curio/nn';
import { LineFile } from '../disk/line-file.ts';

export interface FileQuestion {
  readonly id: string | number;
  /** Path of the picture; undefined without one. */
  readonly image?: string;
  readonly text: string;
}

/** Reads questions. `images`: the folder that image paths are relative to. @throws DataError with line and field */
export function readQuestions(path: string, images: string): FileQuestion[] {
  if (!existsSync(path)) throw new DataError(`batch: '${path}' not found; give a JSON Lines file.`);
  const seen = new Map<string, number>();
  const questions = readFileSync(path, 'utf8')
    .replace(/^\ufeff/, '')
    .split('\n')
    .flatMap((line, i): FileQuestion[] => {
      if (line.trim() === '') return [];
      const where = `batch: ${path}:${i + 1}`;
      const { question_id: id, text, image } = parseObject(line, where);
      if ((typeof id !== 'string' && typeof id !== 'number') || id === '')
        throw new DataError(`${where}: question_id is ${JSON.stringify(id)}; it must be text or a number.`);
      const before = seen.get(String(id));
      if (before !== undefined)
        throw new DataError(
          `${where}: question_id ${JSON.stringify(id)} is also in line ${before}; each question needs its own.`,
        );
      seen.set(String(id), i + 1);
      if (typeof text !== 'string' || text.trim() === '')
        throw new DataError(`${where}: text is ${JSON.stringify(text)}; it must be the question.`);
      if (image === undefined || image === null) return [{ id, text: withoutTag(text) }];
      if (typeof image !== 'string')
        throw new DataError(`${where}: image is ${JSON.stringify(image)}; it must be a path, or left out.`);
      const file = isAbsolute(image) ? image : join(images, image);
      if (!existsSync(file))
        throw new DataError(`${where}: image '${image}' not found under ${images}; give its folder with --images.`);
      return [{ id, text: withoutTag(text), image: file }];
    });
  if (questions.length === 0) throw new DataError(`batch: ${path}: it has no questions; it must have at least one.`);
  return questions;
}

/** Some files have `<image>` in the text; it is added back for the model. */
const withoutTag = (text: string): string => text.replaceAll('<image>', '').trim();

function parseObject(line: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new DataError(`${where}: not JSON (${(error as Error).message}); each line must be one object.`);
  }
  if (!isObject(value)) throw new DataError(`${where}: is ${JSON.stringify(value)}; each line must be one object.`);
  return value;
}

/** A short hash of the settings of answers: a file is continued only with the same settings. */
export const fingerprint = (settings: object): string =>
  createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 12);

/** Id of an answer: the same for the same question, answer and settings. */
export const answerId = (...parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);

/** Answers, written as they are generated; an incomplete line left by a crash is dropped on reopening. */
export class AnswersFile {
  private constructor(
    private readonly file: LineFile,
    /** Questions already answered. */
    readonly done: number,
  ) {}

  /**
   * Opens the file and checks its answers against the questions.
   * @throws ConfigError if it has other settings or other questions, or another process has it open
   */
  static open(path: string, questions: readonly FileQuestion[], settings: string): AnswersFile {
    return LineFile.open(path, (file) => AnswersFile.of(file, questions, settings));
  }

  private static of(file: LineFile, questions: readonly FileQuestion[], settings: string): AnswersFile {
    const { path } = file;
    const lines = file.text.split('\n').slice(0, -1);
    lines.forEach((line, i) => {
      const where = `batch: ${path}:${i + 1}`;
      const { question_id: id, metadata } = parseObject(line, where);
      const question = questions[i];
      if (!question || question.id !== id)
        throw new ConfigError(
          `${where}: answers question ${JSON.stringify(id)} and ${question ? `question ${i + 1} of the input is ${JSON.stringify(question.id)}` : `the input has ${questions.length} questions`}; give the input that it was started with, or another --out.`,
        );
      const made = (metadata as { settings?: unknown } | undefined)?.settings;
      if (made !== settings)
        throw new ConfigError(
          `${where}: was written with settings ${JSON.stringify(made)}, now they are "${settings}"; give the same model and options, or another --out.`,
        );
    });
    return new AnswersFile(file, lines.length);
  }

  write(answer: object): void {
    this.file.write(`${JSON.stringify(answer)}\n`);
  }

  close(): void {
    this.file.close();
  }
}
