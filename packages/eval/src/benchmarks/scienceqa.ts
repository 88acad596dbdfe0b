/**
 * @file ScienceQA, test: school questions with two to five options, half of them with a picture. Sources:
 * https://github.com/lupantech/ScienceQA, LLaVA's eval_science_qa.py.
 *
 * Layout: questions, a list in LLaVA's training form {"id", "image"?, "conversations"}; `splits` pid_splits.json (split
 * → ids); `problems` problems.json (id → choices, place of the answer). Prompt: the first turn without `<image>`, and
 * the line that asks for a letter. Decoding: greedy, 1024 tokens. Parsing: a letter A to E; or a letter and ". "; or
 * exactly one `The answer is X.`; else FAILED. Metric: accuracy, and over questions with a picture (IMG), which tables
 * print. A reply that cannot be read is wrong (LLaVA), or stands for an option drawn at random from a seed (ScienceQA's
 * own).
 */
import { mean, paired } from '../answers.ts';
import type { Answer, Benchmark, Entry, ResultFile, Score } from '../benchmark.ts';
import { OPTION_LETTER } from '../prompts.ts';
import { byId, EvalDataError, readJsonList, readJsonObject, required, shown } from '../records.ts';
import { PythonFloat, pythonJson } from '../text/python-json.ts';
import { PythonRandom } from '../text/python-random.ts';
import { codePoints, strip } from '../text/python-text.ts';

export interface ScienceQuestion extends Entry {
  readonly id: string;
  readonly question: string;
  readonly choices: readonly string[];
  /** The index of the right choice, from 0. */
  readonly answer: number;
}

const letters = ['A', 'B', 'C', 'D', 'E'];
const layout = {
  questions: { path: 'llava_test_CQM-A.json', holds: 'the questions, in the form of training data' },
  splits: { path: 'pid_splits.json', holds: 'the ids of each split' },
  problems: { path: 'problems.json', holds: 'choices and answers by id' },
};

/** The letter that a reply names, or FAILED. */
export function chosenLetter(reply: string): string {
  if (letters.includes(reply)) return reply;
  if (codePoints(reply) >= 3 && letters.includes(reply[0]) && reply.slice(1, 3) === '. ') return reply[0];
  const named = [...reply.matchAll(/The answer is ([A-Z])[^\n]/g)];
  return named.length === 1 ? named[0][1] : 'FAILED';
}

/** The index of the chosen option; -1 for none of them. */
const placeOf = (letter: string, choices: readonly string[]): number =>
  letters.slice(0, choices.length).indexOf(letter);

/** @param seed of the random fallback; without one a reply that cannot be read is wrong */
export function scoreScienceQa(entries: readonly ScienceQuestion[], answers: readonly Answer[], seed?: number): Score {
  const random = seed === undefined ? null : new PythonRandom(seed);
  const judged = paired('scienceqa', entries, answers, { missing: 'FAILED' }).map(([entry, text]) => {
    const place = placeOf(chosenLetter(text), entry.choices);
    const taken = place < 0 && random ? random.below(entry.choices.length) : place;
    return { entry, hit: Number(taken === entry.answer) };
  });
  // The original recognises a picture by the saved prompt, so a question that was never asked has none.
  const pictured = new Set(
    answers.flatMap((answer) => (answer.prompt.includes('<image>') ? [answer.question_id] : [])),
  );
  const withImage = judged.filter(({ entry }) => pictured.has(entry.id));
  return {
    main: 100 * mean(withImage.map(({ hit }) => hit)),
    mainName: 'IMG accuracy',
    details: {
      accuracy: 100 * mean(judged.map(({ hit }) => hit)),
      questions: judged.length,
      'with a picture': withImage.length,
    },
    perEntry: new Map(judged.map(({ entry, hit }) => [entry.id, hit])),
  };
}

/** The two files that LLaVA's scorer writes, so that other programs can read them. */
function resultFiles(name: string, entries: readonly ScienceQuestion[], answers: readonly Answer[]): ResultFile[] {
  const prompts = byId('scienceqa, answers', answers, (answer) => answer.question_id);
  const analyses = paired('scienceqa', entries, answers, { missing: 'FAILED' }).map(([entry, text]) => {
    const prompt = prompts.get(entry.id)?.prompt ?? 'Unknown';
    return {
      question_id: entry.id,
      parsed_ans: chosenLetter(text),
      ground_truth: letters[entry.answer],
      question: prompt,
      pred: text,
      is_multimodal: prompt.includes('<image>'),
    };
  });
  const place = (i: number) => placeOf(analyses[i].parsed_ans, entries[i].choices);
  const [correct, incorrect] = [true, false].map((right) =>
    analyses.filter((_, i) => (place(i) === entries[i].answer) === right),
  );
  const summary = {
    acc: new PythonFloat((correct.length / entries.length) * 100),
    correct: correct.length,
    count: entries.length,
    results: new Map(entries.map((entry, i) => [entry.id, place(i)])),
    outputs: new Map(analyses.map((each) => [each.question_id, each.pred])),
  };
  return [
    { name: `answers/${name}_output.jsonl`, content: pythonJson({ correct, incorrect }, 2) },
    { name: `answers/${name}_result.json`, content: pythonJson(summary, 2) },
  ];
}

export const scienceqa: Benchmark<ScienceQuestion, keyof typeof layout> = {
  name: 'scienceqa',
  title: 'ScienceQA',
  source: 'https://github.com/lupantech/ScienceQA',
  layout,
  images: 'images/test',
  decoding: { temperature: 0, maxNewTokens: 1024, aspect: 'crop' },

  /** In the order of the split, which the scorer keeps. */
  read(files) {
    const file = required('scienceqa', files, 'questions', layout.questions.path);
    const questions = byId(file.name, readJsonList(file), (record) => record.text('id'));
    const problems = readJsonObject(required('scienceqa', files, 'problems', layout.problems.path));
    const splits = readJsonObject(required('scienceqa', files, 'splits', layout.splits.path));
    return splits.texts('test').map((id) => {
      const record = questions.get(id);
      if (!record)
        throw new EvalDataError(
          `${splits.where}: 'test' has the id ${shown(id)}, which ${file.name} lacks; both must come from the same release.`,
        );
      if (!problems.has(id)) record.refuse('id', `one of ${problems.where}`);
      const problem = problems.record(id);
      const choices = problem.texts('choices');
      const answer = problem.whole('answer');
      if (choices.length > letters.length) problem.refuse('choices', `a list of at most ${letters.length}`);
      if (!(answer >= 0 && answer < choices.length))
        problem.refuse('answer', `an index of 'choices', 0 to ${choices.length - 1}`);
      const first = record.records('conversations')[0] ?? record.refuse('conversations', 'a list of at least one turn');
      return {
        id,
        image: record.has('image') ? record.text('image') : null,
        question: strip(first.text('value').replaceAll('<image>', '')),
        choices,
        answer,
      };
    });
  },
  prompt: (entry) => `${entry.question}\n${OPTION_LETTER}`,
  record: (entry, answer) => ({ ...answer, prompt: `${entry.image === null ? '' : '<image>\n'}${answer.prompt}` }),
  parse: chosenLetter,
  score: (entries, answers) => scoreScienceQa(entries, answers),
  write: ({ name, entries, answers }) => resultFiles(name, entries, answers),
};
