/**
 * @file GQA, testdev-balanced: compositional questions over scene graphs. Sources:
 * https://cs.stanford.edu/people/dorarad/gqa/evaluate.html, LLaVA's convert_gqa_for_eval.py.
 *
 * Layout: questions {"question_id", "image", "text"} a line; `truth`, GQA's own question file by id; `choices`, its
 * valid and plausible answers, published for val alone. Prompt: the question and the line that asks for a short answer,
 * in the file. Decoding: greedy, 128 tokens. Parsing: trailing full stops off, lower case. Metric: exact match over
 * balanced questions; by kind of question; validity, plausibility, consistency and distribution where their data are.
 * Grounding needs maps of attention and is left out.
 */
import { mean, paired } from '../answers.ts';
import type { Benchmark } from '../benchmark.ts';
import { type Question, readQuestions } from '../question-file.ts';
import { EvalDataError, readJsonObject, required } from '../records.ts';
import { pythonJson } from '../text/python-json.ts';
import { splitWords } from '../text/python-text.ts';

interface GqaTruth {
  readonly answer: string;
  readonly isBalanced: boolean;
  readonly words: number;
  readonly steps: number;
  readonly structural: string;
  readonly semantic: string;
  readonly detailed: string;
  /** The group whose answers form one histogram; null if the question is in none. */
  readonly group: string | null;
  readonly entailed: readonly string[];
  readonly valid: readonly string[] | null;
  readonly plausible: readonly string[] | null;
}

export interface GqaQuestion extends Question {
  readonly id: string;
  readonly truth: GqaTruth | null;
}

const layout = {
  questions: { path: 'llava_gqa_testdev_balanced.jsonl', holds: 'the questions that are asked' },
  truth: { path: 'data/testdev_balanced_questions.json', holds: 'answers and kinds of the questions', optional: true },
  choices: { path: 'data/val_choices.json', holds: 'valid and plausible answers', optional: true },
};

/** Steps of the functional program that the original counts: all but those that only look up or name something. */
const isStep = (step: string): boolean => !['exist', 'query: name', 'choose name'].some((part) => step.includes(part));

/** Chi-square between the histograms of true and given answers of each group, averaged by the groups' sizes, / 100. */
function distribution(pairs: readonly { group: string; gold: string; said: string }[]): number {
  const groups = new Map<string, Map<string, { gold: number; said: number }>>();
  const count = (group: string, answer: string, side: 'gold' | 'said') => {
    const histogram = groups.get(group) ?? groups.set(group, new Map()).get(group)!;
    const counts = histogram.get(answer) ?? histogram.set(answer, { gold: 0, said: 0 }).get(answer)!;
    counts[side]++;
  };
  for (const { group, gold, said } of pairs) {
    count(group, gold, 'gold');
    count(group, said, 'said');
  }
  let [sum, size] = [0, 0];
  for (const histogram of groups.values()) {
    const expected = [...histogram.values()].filter(({ gold }) => gold > 0);
    const total = expected.reduce((all, { gold }) => all + gold, 0);
    sum += total * expected.reduce((all, { gold, said }) => all + (said - gold) ** 2 / gold, 0);
    size += total;
  }
  return size ? sum / size / 100 : 0;
}

export const gqa: Benchmark<GqaQuestion, keyof typeof layout> = {
  name: 'gqa',
  title: 'GQA',
  source: 'https://cs.stanford.edu/people/dorarad/gqa/evaluate.html',
  layout,
  images: 'images',
  decoding: { temperature: 0, maxNewTokens: 128, aspect: 'pad' },

  read(files) {
    const truths = files.truth && readJsonObject(files.truth);
    const choices = files.choices && readJsonObject(files.choices);
    return readQuestions<GqaQuestion>(required('gqa', files, 'questions', layout.questions.path), (record) => {
      const id = record.text('question_id', 'a string, as in GQA');
      if (!truths) return { truth: null };
      if (!truths.has(id)) record.refuse('question_id', `one that ${files.truth!.name} has an answer to`);
      const truth = truths.record(id);
      const types = truth.record('types');
      const own = choices?.has(id) ? choices.record(id) : null;
      return {
        truth: {
          answer: truth.text('answer'),
          isBalanced: truth.fields.isBalanced === true,
          words: splitWords(truth.text('question')).length,
          steps: truth
            .records('semantic')
            .filter((step) => isStep(`${step.text('operation')}: ${step.text('argument')}`)).length,
          structural: types.text('structural'),
          semantic: types.text('semantic'),
          detailed: types.text('detailed'),
          group: truth.record('groups').has('global') ? truth.record('groups').text('global') : null,
          entailed: truth.has('entailed') ? truth.texts('entailed').filter((each) => each !== id) : [],
          valid: own?.texts('valid') ?? null,
          plausible: own?.texts('plausible') ?? null,
        },
      };
    });
  },
  prompt: (entry) => entry.text,
  parse: (answer) => answer.replace(/\.+$/, '').toLowerCase(),

  score(entries, answers) {
    const all = paired('gqa', entries, answers).map(([entry, text]) => {
      if (!entry.truth)
        throw new EvalDataError(
          'gqa: the questions have no answers to compare with; give data/testdev_balanced_questions.json.',
        );
      const said = gqa.parse(text, entry);
      return { id: entry.id, said, truth: entry.truth, hit: Number(said === entry.truth.answer) };
    });
    const balanced = all.filter(({ truth }) => truth.isBalanced);
    const details: Record<string, number> = {};
    const add = (name: string, of: readonly { hit: number }[]) => {
      details[name] = 100 * mean(of.map(({ hit }) => hit));
    };
    const split = (name: string, key: (truth: GqaTruth) => string | number) => {
      for (const kind of new Set(balanced.map(({ truth }) => key(truth))))
        add(
          `${name} ${kind}`,
          balanced.filter(({ truth }) => key(truth) === kind),
        );
    };
    add(
      'binary',
      balanced.filter(({ truth }) => truth.structural !== 'query'),
    );
    add(
      'open',
      balanced.filter(({ truth }) => truth.structural === 'query'),
    );
    split('structural', (truth) => truth.structural);
    split('semantic', (truth) => truth.semantic);
    split('steps', (truth) => truth.steps);
    split('words', (truth) => truth.words);
    details.distribution = distribution(
      balanced.flatMap(({ said, truth }) =>
        truth.group === null ? [] : [{ group: truth.group, gold: truth.answer, said }],
      ),
    );
    if (balanced.every(({ truth }) => truth.valid && truth.plausible)) {
      // For questions about what things have in common the original takes these three words, whatever the file says.
      const within = ({ said, truth }: (typeof all)[number], group: 'valid' | 'plausible') => ({
        hit: Number(
          (truth.detailed.includes('Common') ? ['color', 'material', 'shape'] : truth[group]!).includes(said),
        ),
      });
      add(
        'validity',
        balanced.map((each) => within(each, 'valid')),
      );
      add(
        'plausibility',
        balanced.map((each) => within(each, 'plausible')),
      );
    }
    const hits = new Map(all.map(({ id, hit }) => [id, hit]));
    const implied = balanced.filter(({ hit, truth }) => hit && truth.entailed.length);
    if (implied.length && implied.every(({ truth }) => truth.entailed.every((id) => hits.has(id))))
      details.consistency = 100 * mean(implied.map(({ truth }) => mean(truth.entailed.map((id) => hits.get(id)!))));
    return {
      main: 100 * mean(balanced.map(({ hit }) => hit)),
      mainName: 'accuracy',
      details,
      perEntry: new Map(balanced.map(({ id, hit }) => [id, hit])),
    };
  },

  write({ name, entries, answers }) {
    const predictions = paired('gqa', entries, answers).map(([entry, text]) => ({
      questionId: entry.id,
      prediction: gqa.parse(text, entry),
    }));
    return [{ name: `${name}/testdev_balanced_predictions.json`, content: pythonJson(predictions) }];
  },
};
