/**
 * @file VQAv2, test-dev: short answers to questions about COCO pictures. The server scores; val can be scored here.
 * Sources: https://visualqa.org, https://github.com/GT-Vision-Lab/VQA, LLaVA's convert_vqav2_for_submission.py.
 *
 * Layout: questions {"question_id", "image", "text"} a line; pictures of COCO test2015; `all`, the whole of test2015,
 * whose ids must all be in the upload. Prompt: the question and the line that asks for a short answer, both in the
 * file. Decoding: greedy, 128 tokens. Parsing: EvalAI's processor. Metric: VQA accuracy over ten annotators.
 */
import { mean, paired } from '../answers.ts';
import type { Benchmark } from '../benchmark.ts';
import { normaliseAnswer } from '../metrics/answer-normaliser.ts';
import { vqaAccuracy } from '../metrics/soft-accuracy.ts';
import { type Question, readQuestions } from '../question-file.ts';
import { byId, EvalDataError, readJsonLines, readJsonObject, required } from '../records.ts';
import { pythonJson } from '../text/python-json.ts';

export interface VqaQuestion extends Question {
  readonly truth: {
    readonly answers: readonly string[];
    readonly questionType: string;
    readonly answerType: string;
  } | null;
}

const layout = {
  questions: { path: 'llava_vqav2_mscoco_test-dev2015.jsonl', holds: 'the questions that are asked' },
  all: { path: 'llava_vqav2_mscoco_test2015.jsonl', holds: 'the questions that the upload must name', optional: true },
  annotations: { path: 'v2_mscoco_val2014_annotations.json', holds: 'ten answers each, for val', optional: true },
};

export const vqav2: Benchmark<VqaQuestion, keyof typeof layout> = {
  name: 'vqav2',
  title: 'VQAv2',
  source: 'https://visualqa.org/evaluation.html',
  layout,
  images: 'test2015',
  decoding: { temperature: 0, maxNewTokens: 128, aspect: 'pad' },

  read(files) {
    const truths =
      files.annotations &&
      byId(files.annotations.name, readJsonObject(files.annotations).records('annotations'), (each) => each.id());
    return readQuestions(required('vqav2', files, 'questions', layout.questions.path), (record) => {
      const found = truths?.get(record.id());
      if (truths && !found) record.refuse('question_id', `one that ${files.annotations!.name} has answers to`);
      return {
        truth: found
          ? {
              answers: found.records('answers').map((each) => each.text('answer')),
              questionType: found.text('question_type'),
              answerType: found.text('answer_type'),
            }
          : null,
      };
    });
  },
  prompt: (entry) => entry.text,
  parse: normaliseAnswer,

  score(entries, answers) {
    const groups = new Map<string, number[]>();
    const perEntry = new Map(
      paired('vqav2', entries, answers).map(([entry, text]) => {
        if (!entry.truth)
          throw new EvalDataError(
            'vqav2: the questions have no reference answers; give v2_mscoco_val2014_annotations.json with the questions of val, or upload the answers to EvalAI.',
          );
        const accuracy = vqaAccuracy(normaliseAnswer(text), entry.truth.answers);
        for (const group of [`answer type ${entry.truth.answerType}`, `question type ${entry.truth.questionType}`])
          (groups.get(group) ?? groups.set(group, []).get(group)!).push(accuracy);
        return [entry.id, accuracy];
      }),
    );
    const details = Object.fromEntries([...groups].map(([group, values]) => [group, 100 * mean(values)]));
    return { main: 100 * mean([...perEntry.values()]), mainName: 'VQA accuracy', details, perEntry };
  },

  /** EvalAI's upload: every id of `all`, in its order; a question that was not asked gets an empty answer. */
  write({ name, entries, answers, files }) {
    const texts = new Map(paired('vqav2', entries, answers, { missing: '' }).map(([entry, text]) => [entry.id, text]));
    const ids = files.all ? readJsonLines(files.all).map((record) => record.id()) : entries.map((entry) => entry.id);
    const upload = ids.map((id) => ({ question_id: id, answer: normaliseAnswer(texts.get(id) ?? '') }));
    return [{ name: `answers_upload/${name}.json`, content: pythonJson(upload) }];
  },
};
