/**
 * @file POPE: is an object there, yes or no; absent ones are drawn at random, by popularity, or by co-occurrence.
 * Sources: https://github.com/RUCAIBox/POPE, LLaVA's eval_pope.py.
 *
 * Layout: questions {"question_id", "image", "text", "category"} a line; labels in coco_pope_<category>.json, a line
 * each {"question_id", "image", "text", "label"}, in the order of the category's questions; pictures of COCO val2014.
 * Prompt: the question and the line that asks for a short answer, in the file. Decoding: greedy, 128 tokens. Parsing:
 * the text before the first full stop, commas dropped, split at single spaces; `No`, `no` or `not` among the words is
 * no, anything else yes. Metric: F1 of yes in each category, and their mean, which LLaVA reports.
 */
import { answerLine, mean, paired } from '../answers.ts';
import type { Benchmark } from '../benchmark.ts';
import { type Question, readQuestions } from '../question-file.ts';
import { EvalDataError, readJsonLines, required, shown } from '../records.ts';

const categories = ['adversarial', 'popular', 'random'] as const;
type Category = (typeof categories)[number];

export interface PopeQuestion extends Question {
  readonly category: Category;
  readonly label: 'yes' | 'no';
}

const labels = (category: Category) => ({
  path: `coco/coco_pope_${category}.json`,
  holds: `the labels of the category ${category}`,
});
const layout = {
  questions: { path: 'llava_pope_test.jsonl', holds: 'the questions of all categories' },
  adversarial: labels('adversarial'),
  popular: labels('popular'),
  random: labels('random'),
};

export function yesOrNo(answer: string): 'yes' | 'no' {
  const words = answer.split('.')[0].replaceAll(',', '').split(' ');
  return words.some((word) => word === 'No' || word === 'no' || word === 'not') ? 'no' : 'yes';
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

/** Precision, recall, F1, accuracy and share of yes; 0 where the original divides by zero. */
export function popeMeasures(pairs: readonly { said: 'yes' | 'no'; label: 'yes' | 'no' }[]) {
  const count = (said: string, label: string) =>
    pairs.filter((each) => each.said === said && each.label === label).length;
  const [tp, fp, tn, fn] = [count('yes', 'yes'), count('yes', 'no'), count('no', 'no'), count('no', 'yes')];
  const [precision, recall] = [ratio(tp, tp + fp), ratio(tp, tp + fn)];
  return {
    F1: ratio(2 * precision * recall, precision + recall),
    accuracy: ratio(tp + tn, pairs.length),
    precision,
    recall,
    'yes ratio': ratio(tp + fp, pairs.length),
  };
}

export const pope: Benchmark<PopeQuestion, keyof typeof layout> = {
  name: 'pope',
  title: 'POPE',
  source: 'https://github.com/RUCAIBox/POPE',
  layout,
  images: 'val2014',
  decoding: { temperature: 0, maxNewTokens: 128, aspect: 'pad' },

  read(files) {
    const truth = Object.fromEntries(
      categories.map((category) => [category, readJsonLines(required('pope', files, category, layout[category].path))]),
    );
    const next = { adversarial: 0, popular: 0, random: 0 };
    const file = required('pope', files, 'questions', layout.questions.path);
    const questions = readQuestions<PopeQuestion>(file, (record) => {
      const category = record.oneOf('category', categories);
      const label = truth[category][next[category]++];
      if (!label)
        record.refuse(
          'category',
          `of a question that ${files[category]!.name} has a label for; it has ${truth[category].length}`,
        );
      // Labels are matched by position, so a different picture means that a line is missing or out of order.
      if (label.has('image') && label.text('image') !== record.text('image'))
        record.refuse('image', `${shown(label.text('image'))}, as in ${label.where}, whose label it gets`);
      return { category, label: label.oneOf('label', ['yes', 'no']) };
    });
    for (const category of categories)
      if (next[category] !== truth[category].length)
        throw new EvalDataError(
          `${file.name}: category '${category}' has ${next[category]} questions and ${files[category]!.name} ${truth[category].length} labels; both must have the same number.`,
        );
    return questions;
  },
  prompt: (entry) => entry.text,
  parse: yesOrNo,

  score(entries, answers) {
    const judged = paired('pope', entries, answers).map(([entry, text]) => ({
      id: entry.id,
      category: entry.category,
      said: yesOrNo(text),
      label: entry.label,
    }));
    const byCategory = categories
      .map((category) => ({ category, pairs: judged.filter((each) => each.category === category) }))
      .filter(({ pairs }) => pairs.length)
      .map(({ category, pairs }) => ({ category, measures: popeMeasures(pairs) }));
    return {
      main: 100 * mean(byCategory.map(({ measures }) => measures.F1)),
      mainName: 'mean F1 of the categories',
      details: Object.fromEntries(
        byCategory.flatMap(({ category, measures }) =>
          Object.entries(measures).map(([name, value]) => [`${category} ${name}`, 100 * value]),
        ),
      ),
      perEntry: new Map(judged.map((each) => [each.id, Number(each.said === each.label)])),
    };
  },

  /** The official scorer reads the answers file itself. */
  write: ({ name, answers }) => [{ name: `answers/${name}.jsonl`, content: answers.map(answerLine).join('') }],
};
