/**
 * @file Answers as the published scripts save them, one JSON object a line, and how they are matched to entries by id.
 */
import type { Answer, Entry, SourceFile } from './benchmark.ts';
import { byId, EvalDataError, type FileRecord, readJsonLines, shown } from './records.ts';
import { pythonJson } from './text/python-json.ts';

/** One line, byte for byte as Python's json.dumps has it, newline included. */
export const answerLine = (answer: Answer): string => `${pythonJson(answer)}\n`;

const answerFrom = (record: FileRecord): Answer => ({
  question_id: record.id(),
  prompt: record.text('prompt'),
  text: record.text('text'),
  answer_id: record.has('answer_id') ? record.text('answer_id') : '',
  model_id: record.has('model_id') ? record.text('model_id') : '',
  metadata: record.has('metadata') ? record.record('metadata').fields : {},
});

/**
 * The answers in a file. A last line without a newline was cut short when the run ended: it is dropped, its entry is
 * answered again, and `length` is the offset at which to write on.
 */
export function readAnswers(
  file: SourceFile,
  idOf: (answer: Answer) => string | number = (answer) => answer.question_id,
): { answers: Answer[]; length: number } {
  const length = file.text.lastIndexOf('\n') + 1;
  const answers = readJsonLines({ name: file.name, text: file.text.slice(0, length) }).map(answerFrom);
  byId(file.name, answers, idOf);
  return { answers, length };
}

/**
 * Each entry with the text of its answer, in the order of the entries. @param missing the text for an unanswered entry;
 * without it one is an error
 */
export function paired<E extends Entry>(
  benchmark: string,
  entries: readonly E[],
  answers: readonly Answer[],
  {
    missing,
    idOf = (answer) => answer.question_id,
  }: { missing?: string; idOf?: (answer: Answer) => string | number } = {},
): [E, string][] {
  const byQuestion = byId(`${benchmark}, answers`, answers, idOf);
  const known = byId(`${benchmark}, entries`, entries, (entry) => entry.id);
  const stray = answers.find((answer) => !known.has(idOf(answer)));
  if (stray)
    throw new EvalDataError(
      `${benchmark}: the answer to question_id ${shown(stray.question_id)} belongs to none of the ${entries.length} entries; score it with the question file that it was made from.`,
    );
  return entries.map((entry) => {
    const text = byQuestion.get(entry.id)?.text ?? missing;
    if (text === undefined)
      throw new EvalDataError(
        `${benchmark}: entry ${shown(entry.id)} has no answer, ${answers.length} of ${entries.length} have one; finish the run first.`,
      );
    return [entry, text];
  });
}

/** Contiguous parts of ceil(n / parts) entries, split as in the published scripts; `index` counts from 0. */
export function partOf<T>(entries: readonly T[], parts: number, index: number): T[] {
  const size = Math.ceil(entries.length / parts);
  return entries.slice(index * size, (index + 1) * size);
}

export const mean = (values: readonly number[]): number =>
  values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
