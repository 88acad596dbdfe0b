/**
 * @file VizWiz: questions that blind people asked about their own photographs; many cannot be answered. Sources:
 * https://vizwiz.org/tasks-and-datasets/vqa, LLaVA's convert_vizwiz_for_submission.py; local score as in lmms-eval's
 * vizwiz_vqa.
 *
 * Layout: questions {"question_id", "image", "text"} a line; pictures of test. Prompt: question, the line that allows
 * `Unanswerable`, the line that asks for a short answer, all in the file. Decoding: greedy, 128 tokens. Parsing:
 * EvalAI's processor. Metric: soft accuracy over ten annotators.
 */
import { mean, paired } from '../answers.ts';
import type { Benchmark } from '../benchmark.ts';
import { normaliseAnswer } from '../metrics/answer-normaliser.ts';
import { softAccuracy } from '../metrics/soft-accuracy.ts';
import { type Question, readQuestions } from '../question-file.ts';
import { byId, EvalDataError, readJsonList, required } from '../records.ts';
import { pythonJson } from '../text/python-json.ts';

export interface VizWizQuestion extends Question {
  readonly answers: readonly string[] | null;
}

const layout = {
  questions: { path: 'llava_test.jsonl', holds: 'the questions' },
  annotations: { path: 'Annotations/val.json', holds: 'ten answers each, for val', optional: true },
};

export const vizwiz: Benchmark<VizWizQuestion, keyof typeof layout> = {
  name: 'vizwiz',
  title: 'VizWiz',
  source: 'https://vizwiz.org/tasks-and-datasets/vqa/',
  layout,
  images: 'test',
  decoding: { temperature: 0, maxNewTokens: 128, aspect: 'pad' },

  read(files) {
    const truths =
      files.annotations && byId(files.annotations.name, readJsonList(files.annotations), (each) => each.text('image'));
    return readQuestions(required('vizwiz', files, 'questions', layout.questions.path), (record) => {
      const found = truths?.get(record.text('image'));
      if (truths && !found) record.refuse('image', `one that ${files.annotations!.name} has answers to`);
      return { answers: found ? found.records('answers').map((each) => each.text('answer')) : null };
    });
  },
  prompt: (entry) => entry.text,
  parse: normaliseAnswer,

  score(entries, answers) {
    const perEntry = new Map(
      paired('vizwiz', entries, answers).map(([entry, text]) => {
        if (!entry.answers)
          throw new EvalDataError(
            'vizwiz: the questions have no reference answers; give Annotations/val.json with the questions of val, or upload the answers to EvalAI.',
          );
        return [entry.id, softAccuracy(text, entry.answers)];
      }),
    );
    return { main: 100 * mean([...perEntry.values()]), mainName: 'VQA accuracy', details: {}, perEntry };
  },

  write({ name, entries, answers }) {
    const upload = paired('vizwiz', entries, answers).map(([entry, text]) => ({
      image: entry.image,
      answer: normaliseAnswer(text),
    }));
    return [{ name: `answers_upload/${name}.json`, content: pythonJson(upload) }];
  },
};
