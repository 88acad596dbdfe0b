/**
 * @file MM-Vet: 218 open questions that need several capabilities at once; a judge grades each answer from 0 to 1.
 * Sources: https://github.com/yuweihao/MM-Vet (mm-vet_evaluator.py), LLaVA's convert_mmvet_for_eval.py.
 *
 * Layout: questions {"question_id", "image", "text"} a line; mm-vet.json (`v1_<id>` → question, answer, capability);
 * the official mm-vet_evaluator.py, from which the judge's prompt is read. Prompt: the question as it is. Decoding:
 * greedy, 1024 tokens. Judge: prompt, then `question | answer | prediction | `; temperature 0, 3 tokens. Metric: 100 ·
 * mean grade, in total, by capability and by the set of capabilities that a question needs.
 */
import { mean, paired } from '../answers.ts';
import type { Benchmark, SourceFile } from '../benchmark.ts';
import { type JudgeRequest, judgeRequest } from '../judge.ts';
import { type Question, readQuestions } from '../question-file.ts';
import { EvalDataError, readJsonObject, required, shown } from '../records.ts';
import { PythonFloat, pythonJson } from '../text/python-json.ts';
import { parseFloatLikePython, strip } from '../text/python-text.ts';

export interface MmVetQuestion extends Question {
  readonly truth: {
    readonly question: string;
    readonly answer: string;
    readonly capabilities: readonly string[];
  } | null;
  readonly judgePrompt: string | null;
}

/** What the official grader stores for a question: one value for each run. */
export interface Grade {
  readonly model: readonly string[];
  readonly content: readonly string[];
  readonly score: readonly number[];
}

const layout = {
  questions: { path: 'llava-mm-vet.jsonl', holds: 'the questions' },
  truth: { path: 'mm-vet/mm-vet.json', holds: 'answers and capabilities', optional: true },
  grader: { path: 'mm-vet_evaluator.py', holds: "the judge's prompt", optional: true },
};

const keyOf = (question: MmVetQuestion): string => `v1_${question.id}`;

/** The string between the quotes of `prompt = """…"""` in the official grader. */
function promptOf(file: SourceFile): string {
  const found = /^prompt = """([\s\S]*?)"""/m.exec(file.text)?.[1];
  if (found === undefined)
    throw new EvalDataError(
      `${file.name}: no line begins with 'prompt = """'; give mm-vet_evaluator.py of the official repository.`,
    );
  return found.replace(/\\n/g, '\n');
}

/**
 * The request about an answer. @param again how often it was asked before: the grader then asks for a digit, each time
 * at a temperature 0.5 higher, and after five failures grades 0
 */
export function gradeRequest(question: MmVetQuestion, text: string, model: string, again = 0): JudgeRequest {
  const { truth, judgePrompt } = question;
  if (!truth || judgePrompt === null)
    throw new EvalDataError(
      'mm-vet: the judge needs answers and its prompt; give mm-vet/mm-vet.json and mm-vet_evaluator.py.',
    );
  const answer = truth.answer.replaceAll('<AND>', ' <AND> ').replaceAll('<OR>', ' <OR> ');
  const content = `${judgePrompt}\n${[truth.question, answer, text, ''].join(' | ')}`;
  return judgeRequest(keyOf(question), {
    model,
    messages: [{ role: 'user', content: content + (again ? '\nPredict the correctness of the answer (digit): ' : '') }],
    temperature: again > 1 ? 0.5 * (again - 1) : 0,
    max_tokens: 3,
  });
}

/** The grade in a judge's reply, its first word; null where that is not a number from 0 to 1. */
export function gradeIn(reply: string): number | null {
  const grade = parseFloatLikePython(strip(reply.split(' ')[0]));
  // NaN is neither above 1 nor below 0, so the original accepts it; it would turn every mean into NaN.
  return grade !== null && grade >= 0 && grade <= 1 ? grade : null;
}

/** The grades in the grader's own file, …-grade-<n>runs.json. */
export const gradesFile = (grades: ReadonlyMap<string, Grade>): string =>
  pythonJson(
    new Map(
      [...grades].map(([id, grade]) => [id, { ...grade, score: grade.score.map((each) => new PythonFloat(each)) }]),
    ),
    4,
  );

export function readGrades(file: SourceFile): Map<string, Grade> {
  const all = readJsonObject(file);
  return new Map(
    Object.keys(all.fields).map((id) => {
      const record = all.record(id);
      const score = record.list('score', 'a list of grades from 0 to 1');
      if (!score.length || !score.every((each) => typeof each === 'number' && each >= 0 && each <= 1))
        record.refuse('score', 'a list of grades from 0 to 1');
      return [id, { model: record.texts('model'), content: record.texts('content'), score: score as number[] }];
    }),
  );
}

/** Per cent: `total`, each capability, each set of capabilities (`ocr_rec`, sorted), averaged over the judge's runs. */
export function scoreGrades(
  questions: readonly MmVetQuestion[],
  grades: ReadonlyMap<string, Grade>,
): Record<string, number> {
  const groups = new Map<string, number[]>([['total', []]]);
  for (const question of questions) {
    const grade = grades.get(keyOf(question));
    if (!grade)
      throw new EvalDataError(
        `mm-vet: ${shown(keyOf(question))} has no grade, ${grades.size} of ${questions.length} have one; let the judge finish.`,
      );
    if (!question.truth)
      throw new EvalDataError('mm-vet: the questions have no capabilities; give mm-vet/mm-vet.json.');
    const own = [...new Set(question.truth.capabilities)].sort();
    for (const group of new Set(['total', ...own, `set ${own.join('_')}`]))
      (groups.get(group) ?? groups.set(group, []).get(group)!).push(mean(grade.score));
  }
  return Object.fromEntries([...groups].map(([group, values]) => [group, 100 * mean(values)]));
}

export const mmVet: Benchmark<MmVetQuestion, keyof typeof layout> = {
  name: 'mm-vet',
  title: 'MM-Vet',
  source: 'https://github.com/yuweihao/MM-Vet',
  layout,
  images: 'mm-vet/images',
  decoding: { temperature: 0, maxNewTokens: 1024, aspect: 'crop' },

  read(files) {
    const truths = files.truth && readJsonObject(files.truth);
    const judgePrompt = files.grader ? promptOf(files.grader) : null;
    return readQuestions<MmVetQuestion>(required('mm-vet', files, 'questions', layout.questions.path), (record) => {
      if (!truths) return { truth: null, judgePrompt };
      const key = `v1_${record.id()}`;
      if (!truths.has(key)) record.refuse('question_id', `n of a key v1_n in ${truths.where}`);
      const truth = truths.record(key);
      return {
        truth: {
          question: truth.text('question'),
          answer: truth.text('answer'),
          capabilities: truth.texts('capability'),
        },
        judgePrompt,
      };
    });
  },
  prompt: (entry) => entry.text,
  parse: (answer) => answer,

  judging: {
    publishedModel: 'gpt-4-0613',
    request: gradeRequest,
    isMark: (reply) => gradeIn(reply) !== null,
    // The grader asks a sixth time and grades 0 whatever comes.
    attempts: 5,
    finish({ name, entries }, replies, judge) {
      const grades = new Map(
        entries.map((entry): [string, Grade] => {
          const { model, text } = replies.get(entry.id)!;
          return [keyOf(entry), { model: [model], content: [text], score: [gradeIn(text) ?? 0] }];
        }),
      );
      const { total, ...details } = scoreGrades(entries, grades);
      return {
        files: [{ name: `results/${name}_${judge}-grade-1runs.json`, content: gradesFile(grades) }],
        score: {
          main: total!,
          mainName: 'mean grade',
          details,
          perEntry: new Map(entries.map((entry) => [entry.id, grades.get(keyOf(entry))!.score[0]!])),
        },
      };
    },
  },

  /** The grader's input, and the same as requests to any judge. */
  write({ name, entries, answers }) {
    const pairs = paired('mm-vet', entries, answers);
    const results = new Map(pairs.map(([entry, text]) => [keyOf(entry), text]));
    const requests = pairs
      .filter(([entry]) => entry.truth && entry.judgePrompt !== null)
      .map(([entry, text]) => gradeRequest(entry, text, 'gpt-4-0613'));
    return [
      { name: `results/${name}.json`, content: pythonJson(results, 2) },
      ...(requests.length
        ? [{ name: `judge/${name}.jsonl`, content: requests.map((each) => `${pythonJson(each)}\n`).join('') }]
        : []),
    ];
  },
};
