import { describe, expect, test } from 'vitest';
import { cocoCaptions } from '../src/benchmarks/captions.ts';
import { gqa } from '../src/benchmarks/gqa.ts';
import { llavaBench } from '../src/benchmarks/llava-bench.ts';
import { mmVet } from '../src/benchmarks/mm-vet.ts';
import { mmbench } from '../src/benchmarks/mmbench.ts';
import { pope } from '../src/benchmarks/pope.ts';
import { scienceqa } from '../src/benchmarks/scienceqa.ts';
import { textvqa } from '../src/benchmarks/textvqa.ts';
import { vizwiz } from '../src/benchmarks/vizwiz.ts';
import { vqav2 } from '../src/benchmarks/vqav2.ts';
import { type Answer, benchmarkNamed, benchmarks, EvalDataError, partOf, readAnswers } from '../src/index.ts';

const file = (name: string, value: unknown) => ({
  name,
  text: typeof value === 'string' ? value : JSON.stringify(value),
});
const lines = (name: string, records: readonly unknown[]) =>
  file(name, records.map((each) => JSON.stringify(each)).join('\n'));
const question = { question_id: 7, image: 'a.jpg', text: 'Is it?\nShort.' };
const answer = (id: string | number, text = 'yes'): Answer => ({
  question_id: id,
  prompt: 'p',
  text,
  answer_id: '',
  model_id: '',
  metadata: {},
});

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(EvalDataError);
    return (error as Error).message;
  }
  return 'nothing was refused';
};

describe('data that a benchmark cannot use is refused with file, entry, field and values', () => {
  const q = lines('q.jsonl', [question]);
  const labels = { adversarial: file('a.json', ''), popular: file('p.json', '') };
  const popeQuestion = { ...question, category: 'random' };
  const sqa = { id: '5', conversations: [{ from: 'human', value: 'Which?' }] };
  const problems = (problem: object) => file('problems.json', { 5: { choices: ['x', 'y'], answer: 0, ...problem } });
  const splits = file('pid_splits.json', { test: ['5'] });
  const table = (row: string) => ({ table: file('t.tsv', `index\tquestion\tA\tB\tanswer\timage\n${row}`) });
  const text = { ...question, question_id: 'img' };
  const cases: [string, () => unknown, string][] = [
    [
      'no file',
      () => vqav2.read({}),
      "vqav2: the file 'questions' is missing; give llava_vqav2_mscoco_test-dev2015.jsonl from the published bundle.",
    ],
    [
      'no JSON',
      () => vizwiz.read({ questions: file('q.jsonl', '{"question_id": 1, "im') }),
      /^q\.jsonl, line 1: .* is not JSON \(.*\); each line must be one JSON object\.$/ as unknown as string,
    ],
    [
      'no entry',
      () => vqav2.read({ questions: file('q.jsonl', '\n') }),
      'q.jsonl: it has no entries; it must have at least one.',
    ],
    [
      'no object',
      () => gqa.read({ questions: file('q.jsonl', '[1]') }),
      'q.jsonl, line 1: [1] is not an object; it must be one, {…}.',
    ],
    [
      'a field missing',
      () => vqav2.read({ questions: lines('q.jsonl', [question, { question_id: 8, text: 'x' }]) }),
      "q.jsonl, line 2: field 'image' is missing; it must be the file name of a picture.",
    ],
    [
      'an id twice',
      () => vqav2.read({ questions: lines('q.jsonl', [question, question]) }),
      'q.jsonl: id 7 occurs at position 1 and again at 2; each id must occur once.',
    ],
    [
      'another kind of id',
      () => gqa.read({ questions: q }),
      "q.jsonl, line 1: field 'question_id' is 7; it must be a string, as in GQA.",
    ],
    [
      'answers of other questions',
      () => vqav2.read({ questions: q, annotations: file('a.json', { annotations: [] }) }),
      "q.jsonl, line 1: field 'question_id' is 7; it must be one that a.json has answers to.",
    ],
    [
      'POPE: a category',
      () =>
        pope.read({
          ...labels,
          questions: lines('q.jsonl', [{ ...question, category: 'rare' }]),
          random: file('r.json', ''),
        }),
      'q.jsonl, line 1: field \'category\' is "rare"; it must be one of "adversarial", "popular", "random".',
    ],
    [
      'POPE: a label out of order',
      () =>
        pope.read({
          ...labels,
          questions: lines('q.jsonl', [popeQuestion]),
          random: lines('r.json', [{ image: 'b.jpg', label: 'yes' }]),
        }),
      'q.jsonl, line 1: field \'image\' is "a.jpg"; it must be "b.jpg", as in r.json, line 1, whose label it gets.',
    ],
    [
      'POPE: labels left over',
      () =>
        pope.read({
          ...labels,
          questions: lines('q.jsonl', [popeQuestion]),
          random: lines('r.json', [{ label: 'yes' }, { label: 'no' }]),
        }),
      "q.jsonl: category 'random' has 1 questions and r.json 2 labels; both must have the same number.",
    ],
    [
      'POPE: a label',
      () =>
        pope.read({
          ...labels,
          questions: lines('q.jsonl', [popeQuestion]),
          random: lines('r.json', [{ label: 'maybe' }]),
        }),
      'r.json, line 1: field \'label\' is "maybe"; it must be one of "yes", "no".',
    ],
    [
      'ScienceQA: another release',
      () => scienceqa.read({ questions: file('q.json', []), splits, problems: problems({}) }),
      'pid_splits.json: \'test\' has the id "5", which q.json lacks; both must come from the same release.',
    ],
    [
      'ScienceQA: a place',
      () => scienceqa.read({ questions: file('q.json', [sqa]), splits, problems: problems({ answer: 2 }) }),
      "problems.json, 5: field 'answer' is 2; it must be an index of 'choices', 0 to 1.",
    ],
    [
      'TextVQA: nine answers',
      () =>
        textvqa.read({
          questions: lines('q.jsonl', [text]),
          annotations: file('a.json', { data: [{ image_id: 'img', question: 'is it?', answers: Array(9).fill('x') }] }),
        }),
      'a.json, data[0]: field \'answers\' is ["x","x","x","x","x","x","x","x","x"]; it must be a list of ten, not of 9.',
    ],
    [
      'TextVQA: a form',
      () => textvqa.read({ questions: lines('q.jsonl', [{ ...text, text: 'one line' }]) }),
      "q.jsonl, line 1: field 'text' is \"one line\"; it must be a question, an optional line 'Reference OCR token: …' and a last line.",
    ],
    [
      'MMBench: an index',
      () => mmbench.read(table('x\t?\ta\tb\tA\taGk=')),
      't.tsv, row 2: field \'index\' is "x"; it must be a whole number, n or n + k·1000000.',
    ],
    [
      'MMBench: an answer',
      () => mmbench.read(table('1\t?\ta\tb\tE\taGk=')),
      't.tsv, row 2: field \'answer\' is "E"; it must be one of A, B, C, D.',
    ],
    [
      'MMBench: too long a row',
      () => mmbench.read(table('1\t?\ta\tb\tA\taGk=\tx')),
      't.tsv, row 2: it has 7 fields and the header 6; each row must have the same number.',
    ],
    [
      'MMBench: a quote',
      () => mmbench.read(table('1\t"?\ta\tb\tA\taGk=')),
      't.tsv, row 2: a quote is never closed; was its download cut short?',
    ],
    [
      'MMBench: columns',
      () => mmbench.read({ table: file('t.tsv', 'index,question\n1,2\n') }),
      't.tsv: it has the columns "index,question" and no \'index\'; give mmbench_dev_20230712.tsv separated by tabs.',
    ],
    [
      'LLaVA-Bench: references out of order',
      () =>
        llavaBench.read({
          questions: lines('q.jsonl', [{ ...question, category: 'conv' }]),
          context: lines('c.jsonl', [{ image: 'a.jpg', caption: 'x' }]),
          references: lines('g.jsonl', [{ question_id: 8, text: 'x' }]),
          rules: file('rule.json', {}),
        }),
      "q.jsonl, line 1: field 'question_id' is 7; it must be 8, as at the same position in g.jsonl.",
    ],
    [
      'MM-Vet: a key',
      () => mmVet.read({ questions: q, truth: file('mm-vet.json', {}) }),
      "q.jsonl, line 1: field 'question_id' is 7; it must be n of a key v1_n in mm-vet.json.",
    ],
    [
      'MM-Vet: the grader',
      () => mmVet.read({ questions: q, grader: file('g.py', 'x') }),
      'g.py: no line begins with \'prompt = """\'; give mm-vet_evaluator.py of the official repository.',
    ],
    [
      'captions of other pictures',
      () => cocoCaptions.read({ questions: q, references: file('c.json', { images: [], annotations: [] }) }),
      'q.jsonl, line 1: field \'image\' is "a.jpg"; it must be one that c.json has captions for.',
    ],
    [
      'an answers file',
      () => readAnswers(file('a.jsonl', '{"question_id": 7, "text": "x"}\n')),
      "a.jsonl, line 1: field 'prompt' is missing; it must be a string.",
    ],
    [
      'an answer twice',
      () =>
        vizwiz.write({ name: 'x', entries: vizwiz.read({ questions: q }), answers: [answer(7), answer(7)], files: {} }),
      'vizwiz, answers: id 7 occurs at position 1 and again at 2; each id must occur once.',
    ],
    [
      'an answer missing',
      () => vizwiz.write({ name: 'x', entries: vizwiz.read({ questions: q }), answers: [], files: {} }),
      'vizwiz: entry 7 has no answer, 0 of 1 have one; finish the run first.',
    ],
    [
      'a stray answer',
      () =>
        vizwiz.write({
          name: 'x',
          entries: vizwiz.read({ questions: q }),
          answers: [answer(7), answer('7')],
          files: {},
        }),
      'vizwiz: the answer to question_id "7" belongs to none of the 1 entries; score it with the question file that it was made from.',
    ],
    [
      'no truth',
      () => vqav2.score!(vqav2.read({ questions: q }), [answer(7)]),
      'vqav2: the questions have no reference answers; give v2_mscoco_val2014_annotations.json with the questions of val, or upload the answers to EvalAI.',
    ],
  ];
  test.each(cases)('%s', (_, run, sentence) => {
    const said = refusal(run);
    if ((sentence as unknown) instanceof RegExp) expect(said).toMatch(sentence);
    else expect(said).toBe(sentence);
  });
});

test('every benchmark states its source, and is found by its name', () => {
  for (const benchmark of benchmarks) {
    expect(benchmark.source).toMatch(/^https:/);
    expect(benchmarkNamed(benchmark.name)).toBe(benchmark);
  }
  expect(() => benchmarkNamed('vqa')).toThrow(/^eval: there is no benchmark 'vqa'; it must be one of vqav2, gqa, /);
});

test('parts are contiguous, of ceil(n / parts) entries, and cover all', () => {
  const entries = [1, 2, 3, 4, 5, 6, 7];
  expect([0, 1, 2].map((index) => partOf(entries, 3, index))).toEqual([[1, 2, 3], [4, 5, 6], [7]]);
  expect([0, 1, 2, 3].flatMap((index) => partOf(entries, 4, index))).toEqual(entries);
});
