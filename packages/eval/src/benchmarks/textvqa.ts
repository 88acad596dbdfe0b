/**
 * @file TextVQA, val 0.5.1: questions whose answer is written in the picture. Two conventions: the question file gives
 * the tokens that an OCR system read (LLaVA's, `textvqa`), or the line with them is left out (`textvqa-no-ocr`); scores
 * of the two are not comparable. Sources: https://textvqa.org, LLaVA's eval_textvqa.py and m4c_evaluator.py.
 *
 * Layout: questions {"question_id" (the picture's id), "image", "text"} a line; `annotations` with ten answers. Prompt:
 * question, `Reference OCR token: …`, the line that asks for a short answer. Decoding: greedy, 128 tokens. Parsing:
 * EvalAI's processor. Metric: soft accuracy. A picture has several questions, so answers are paired by id and prompt.
 */
import { answerLine, mean, paired } from '../answers.ts';
import type { Answer, Benchmark } from '../benchmark.ts';
import { normaliseAnswer } from '../metrics/answer-normaliser.ts';
import { softAccuracy } from '../metrics/soft-accuracy.ts';
import { OCR_PREFIX } from '../prompts.ts';
import type { Question } from '../question-file.ts';
import {
  byId,
  EvalDataError,
  type FileRecord,
  readJsonLines,
  readJsonObject,
  required,
  shown,
  someOf,
} from '../records.ts';

export interface TextVqaQuestion extends Question {
  readonly id: string;
  readonly imageId: string;
  readonly answers: readonly string[] | null;
}

const layout = {
  questions: { path: 'llava_textvqa_val_v051_ocr.jsonl', holds: 'the questions with OCR tokens' },
  annotations: { path: 'TextVQA_0.5.1_val.json', holds: 'ten answers each', optional: true },
};

/** The question in a prompt, lower-cased, found by its line or by the words around it; null for an unknown form. */
export function questionIn(prompt: string): string | null {
  const lines = prompt.split('\n');
  if (prompt.startsWith('OCR tokens: '))
    return /Question: ([\s\S]*?) Short answer:/.exec(prompt)?.[1].toLowerCase() ?? null;
  if (lines.length === 3 && prompt.includes(OCR_PREFIX))
    return lines[prompt.startsWith(OCR_PREFIX.trimEnd()) ? 1 : 0].toLowerCase();
  return lines.length === 2 ? lines[0].toLowerCase() : null;
}

const withoutOcr = (prompt: string): string =>
  prompt
    .split('\n')
    .filter((line) => !line.startsWith(OCR_PREFIX.trimEnd()))
    .join('\n');

const keyOf = (imageId: string | number, prompt: string): string => `${imageId}\n${prompt}`;

function annotationsOf(file: FileRecord): Map<string | number, FileRecord> {
  const records = file.records('data');
  // As in the original, of two equal questions about a picture the last one counts.
  return new Map(records.map((each) => [keyOf(each.text('image_id'), each.text('question').toLowerCase()), each]));
}

function textVqa(
  name: string,
  title: string,
  promptOf: (text: string) => string,
): Benchmark<TextVqaQuestion, keyof typeof layout> {
  const idOf = (answer: Answer) => keyOf(answer.question_id, answer.prompt);
  return {
    name,
    title,
    source: 'https://textvqa.org/challenge/',
    layout,
    images: 'train_images',
    decoding: { temperature: 0, maxNewTokens: 128, aspect: 'pad' },
    idOf,

    read(files) {
      const file = required(name, files, 'questions', layout.questions.path);
      const truths = files.annotations && annotationsOf(readJsonObject(files.annotations));
      const questions = readJsonLines(file).map((record) => {
        const [imageId, text] = [record.text('question_id', "a text, the picture's id"), promptOf(record.text('text'))];
        const question =
          questionIn(text) ?? record.refuse('text', `a question, an optional line '${OCR_PREFIX}…' and a last line`);
        const truth = truths?.get(keyOf(imageId, question));
        if (truths && !truth)
          record.refuse('text', `a question about ${shown(imageId)} that ${files.annotations!.name} has`);
        const answers = truth?.texts('answers') ?? null;
        if (answers && answers.length !== 10) truth!.refuse('answers', `a list of ten, not of ${answers.length}`);
        return { id: keyOf(imageId, text), imageId, image: record.text('image'), text, answers };
      });
      byId(file.name, questions, (question) => question.id);
      return someOf(file, questions);
    },
    prompt: (entry) => entry.text,
    record: (entry, answer) => ({ ...answer, question_id: entry.imageId }),
    parse: normaliseAnswer,

    score(entries, answers) {
      const perEntry = new Map(
        paired(name, entries, answers, { idOf }).map(([entry, text]) => {
          if (!entry.answers)
            throw new EvalDataError(
              `${name}: the questions have no reference answers; give ${layout.annotations.path}.`,
            );
          return [entry.id, softAccuracy(text, entry.answers)];
        }),
      );
      return { main: 100 * mean([...perEntry.values()]), mainName: 'accuracy', details: {}, perEntry };
    },

    /** The official scorer reads the answers file itself. */
    write: (run) => [{ name: `answers/${run.name}.jsonl`, content: run.answers.map(answerLine).join('') }],
  };
}

export const textvqa = textVqa('textvqa', 'TextVQA (OCR tokens in the prompt)', (text) => text);
export const textvqaNoOcr = textVqa('textvqa-no-ocr', 'TextVQA (no OCR tokens)', withoutOcr);
