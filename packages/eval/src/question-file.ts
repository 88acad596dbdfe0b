/** @file Question files of LLaVA's bundle, which share one form: {"question_id", "image", "text", …} a line. */
import type { Entry, SourceFile } from './benchmark.ts';
import { byId, type FileRecord, readJsonLines, someOf } from './records.ts';

export interface Question extends Entry {
  readonly image: string;
  /** The prompt, its suffix included. */
  readonly text: string;
}

export function readQuestions<Q extends Question>(
  file: SourceFile,
  more: (record: FileRecord) => Omit<Q, keyof Question>,
): Q[] {
  const questions = readJsonLines(file).map(
    (record) =>
      ({
        id: record.id(),
        image: record.text('image', 'the file name of a picture'),
        text: record.text('text', 'the prompt'),
        ...more(record),
      }) as unknown as Q,
  );
  byId(file.name, questions, (question) => question.id);
  return someOf(file, questions);
}
