/**
 * @file LLaVA-Bench (in the wild): 60 open questions about 24 pictures; a judge rates the answer next to GPT-4's own.
 * Sources: LLaVA's LLaVA_Bench.md, eval_gpt_review_bench.py and summarize_gpt_review.py.
 *
 * Layout: questions {"question_id", "image", "text", "category"} a line; context.jsonl {"image", "caption"};
 * answers_gpt4.jsonl; rule.json with a prompt and a role for each category. Prompt: the question as it is. Decoding:
 * greedy, 1024 tokens. Judge: context, question, both answers, rule; temperature 0.2, 1024 tokens; the first line of
 * its reply holds two marks, a reply without them counts as -1, -1. Metric: 100 · mean(mark 2) / mean(mark 1).
 */
import { answerLine, mean, paired } from '../answers.ts';
import type { Answer, Benchmark, SourceFile } from '../benchmark.ts';
import { type JudgeRequest, judgeRequest } from '../judge.ts';
import { type Question, readQuestions } from '../question-file.ts';
import { byId, EvalDataError, readJsonLines, readJsonObject, required, shown } from '../records.ts';
import { PythonFloat, pythonJson } from '../text/python-json.ts';
import { parseFloatLikePython } from '../text/python-text.ts';
import { roundLikePython } from '../text/rounding.ts';

const categories = ['conv', 'detail', 'complex'] as const;

interface Judging {
  readonly caption: string;
  /** GPT-4's answer and its id. */
  readonly reference: string;
  readonly referenceId: string | number;
  readonly rule: string;
  readonly role: string;
}

export interface LlavaBenchQuestion extends Question {
  readonly category: (typeof categories)[number];
  readonly judging: Judging | null;
}

/** A line of the review file that the summary script reads. */
export interface Review {
  readonly category: string;
  readonly marks: readonly [number, number];
}

const layout = {
  questions: { path: 'questions.jsonl', holds: 'the questions' },
  context: { path: 'context.jsonl', holds: 'what is in the pictures, for the judge', optional: true },
  references: { path: 'answers_gpt4.jsonl', holds: "GPT-4's answers, in the order of the questions", optional: true },
  rules: { path: 'rule.json', holds: 'what the judge is told, by category', optional: true },
};

/** The two marks in the first line of a judge's reply; null where there are none. */
export function marksIn(reply: string): readonly [number, number] | null {
  const marks = reply.split('\n')[0].replaceAll(',', ' ').split(' ').map(parseFloatLikePython);
  return marks.length === 2 && marks[0] !== null && marks[1] !== null ? [marks[0], marks[1]] : null;
}

const contentFor = (question: LlavaBenchQuestion, judging: Judging, text: string): string =>
  `[Context]\n${judging.caption}\n\n[Question]\n${question.text}\n\n` +
  [judging.reference, text]
    .map((answer, i) => `[${judging.role} ${i + 1}]\n${answer}\n\n[End of ${judging.role} ${i + 1}]\n\n`)
    .join('') +
  `[System]\n${judging.rule}\n\n`;

function judgingOf(question: LlavaBenchQuestion): Judging {
  if (!question.judging)
    throw new EvalDataError(
      'llava-bench: the judge needs context, references and rules; give context.jsonl, answers_gpt4.jsonl and rule.json.',
    );
  return question.judging;
}

/** The request about an answer. @param model the judge; the published numbers are by gpt-4-0314 */
export const reviewRequest = (question: LlavaBenchQuestion, text: string, model: string): JudgeRequest =>
  judgeRequest(String(question.id), {
    model,
    messages: [
      { role: 'system', content: 'You are a helpful and precise assistant for checking the quality of the answer.' },
      { role: 'user', content: contentFor(question, judgingOf(question), text) },
    ],
    temperature: 0.2,
    max_tokens: 1024,
  });

/** The line of the review file for a judge's reply. @param place the question's position in the file, from 0 */
export function reviewLine(place: number, question: LlavaBenchQuestion, answer: Answer, reply: string): string {
  return `${pythonJson({
    id: place + 1,
    question_id: question.id,
    answer1_id: judgingOf(question).referenceId,
    answer2_id: answer.answer_id,
    category: `llava_bench_${question.category}`,
    content: reply,
    // Integers if there were no marks, floats if there were; all are averaged.
    tuple: marksIn(reply)?.map((mark) => new PythonFloat(mark)) ?? [-1, -1],
  })}\n`;
}

export const readReviews = (file: SourceFile): Review[] =>
  readJsonLines(file).map((record) => {
    const marks = record.list('tuple', 'two marks');
    if (marks.length !== 2 || !marks.every((mark) => typeof mark === 'number')) record.refuse('tuple', 'two marks');
    return { category: record.text('category'), marks: [Number(marks[0]), Number(marks[1])] };
  });

/**
 * By category and for `all`: the ratio in per cent, and both means times ten; means are rounded to three decimals first
 * and the results to one, as in summarize_gpt_review.py.
 */
export function summariseReviews(reviews: readonly Review[]): Map<string, readonly [number, number, number]> {
  const names = [...new Set(reviews.map((review) => review.category)), 'all'].sort();
  return new Map(
    names.map((name) => {
      const own = reviews.filter((review) => name === 'all' || review.category === name);
      const [first, second] = [0, 1].map((i) => roundLikePython(mean(own.map(({ marks }) => marks[i])), 3));
      const rounded = (value: number) => roundLikePython(value, 1);
      return [name, [rounded((second / first) * 100), rounded(first * 10), rounded(second * 10)]];
    }),
  );
}

export const llavaBench: Benchmark<LlavaBenchQuestion, keyof typeof layout> = {
  name: 'llava-bench',
  title: 'LLaVA-Bench (in the wild)',
  source: 'https://github.com/haotian-liu/LLaVA/blob/main/docs/LLaVA_Bench.md',
  layout,
  images: 'images',
  decoding: { temperature: 0, maxNewTokens: 1024, aspect: 'crop' },

  read(files) {
    const { context, references, rules } = files;
    const captions = context && byId(context.name, readJsonLines(context), (record) => record.text('image'));
    const answers = references && readJsonLines(references);
    const byCategory = rules && readJsonObject(rules);
    let place = 0;
    return readQuestions<LlavaBenchQuestion>(
      required('llava-bench', files, 'questions', layout.questions.path),
      (record) => {
        const category = record.oneOf('category', categories);
        const i = place++;
        if (!captions || !answers || !byCategory) return { category, judging: null };
        const image =
          captions.get(record.text('image')) ?? record.refuse('image', `one that ${context.name} describes`);
        const caption = image.fields.caption;
        const reference = answers[i];
        if (!reference || reference.id() !== record.id())
          record.refuse(
            'question_id',
            `${shown(reference?.fields.question_id)}, as at the same position in ${references.name}`,
          );
        const rule = byCategory.record(`llava_bench_${category}`);
        return {
          category,
          judging: {
            caption: Array.isArray(caption)
              ? image.texts('caption').join('\n')
              : image.text('caption', 'a string or a list of strings'),
            reference: reference.text('text'),
            referenceId: reference.has('answer_id') ? reference.id('answer_id') : reference.id(),
            rule: rule.text('prompt'),
            role: rule.text('role'),
          },
        };
      },
    );
  },
  prompt: (entry) => entry.text,
  parse: (answer) => answer,

  // The official script accepts a reply without marks as it is.
  judging: {
    publishedModel: 'gpt-4-0314',
    request: (entry, text, model) => reviewRequest(entry, text, model),
    isMark: () => true,
    attempts: 1,
    finish({ name, entries, answers }, replies, judge) {
      const byQuestion = byId('llava-bench, answers', answers, (answer) => answer.question_id);
      const lines = entries.map((entry, place) =>
        reviewLine(place, entry, byQuestion.get(entry.id)!, replies.get(entry.id)!.text),
      );
      const file = { name: `reviews/${name}-${judge}.jsonl`, content: lines.join('') };
      const summary = summariseReviews(readReviews({ name: file.name, text: file.content }));
      const details = [...summary].flatMap(([category, [ratio, first, second]]) => [
        [category, ratio],
        [`${category}, mean of GPT-4's answers`, first],
        [`${category}, mean of the model's`, second],
      ]);
      const marks = entries.map((entry) => marksIn(replies.get(entry.id)!.text));
      return {
        files: [file],
        score: {
          main: summary.get('all')![0],
          mainName: "mark as a share of GPT-4's",
          details: Object.fromEntries(details),
          perEntry: new Map(entries.map((entry, i) => [entry.id, (marks[i]?.[1] ?? -1) / 10])),
        },
      };
    },
  },

  /** The answers file for the official judge script, and the same as requests to any judge. */
  write({ name, entries, answers }) {
    const byQuestion = byId('llava-bench, answers', answers, (answer) => answer.question_id);
    const pairs = paired('llava-bench', entries, answers);
    const lines = pairs.map(([entry]) => answerLine(byQuestion.get(entry.id)!)).join('');
    const requests = pairs
      .filter(([entry]) => entry.judging)
      .map(([entry, text]) => reviewRequest(entry, text, 'gpt-4-0314'));
    return [
      { name: `answers/${name}.jsonl`, content: lines },
      ...(requests.length
        ? [{ name: `judge/${name}.jsonl`, content: requests.map((each) => `${pythonJson(each)}\n`).join('') }]
        : []),
    ];
  },
};
