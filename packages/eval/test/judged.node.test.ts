import { expect, test } from 'vitest';
import { llavaBench } from '../src/benchmarks/llava-bench.ts';
import { mmVet } from '../src/benchmarks/mm-vet.ts';
import {
  answerLine,
  gradeIn,
  gradeRequest,
  gradesFile,
  marksIn,
  readGrades,
  readReviews,
  reviewLine,
  reviewRequest,
  scoreGrades,
  summariseReviews,
} from '../src/index.ts';
import { floatText } from '../src/text/python-json.ts';
import { expectClose, file, lines, openEvalGolden } from './golden.ts';

const golden = openEvalGolden('judged');

test('LLaVA-Bench: the two scores of 2,000 replies', () => {
  const said = golden.replies.map((reply: string) =>
    (marksIn(reply) ?? [-1, -1]).map((mark) => floatText(mark).toLowerCase().replace('infinity', 'inf')),
  );
  expect(said).toEqual(golden.marks);
});

test("LLaVA-Bench: the judge's prompt, the review file byte for byte, and the summary", () => {
  const entries = llavaBench.read({
    questions: file('q.jsonl', lines(golden.questions)),
    context: file('c.jsonl', lines(golden.context)),
    references: file('g.jsonl', lines(golden.gpt4)),
    rules: file('rule.json', JSON.stringify(golden.rules)),
  });
  for (const [i, entry] of entries.entries()) {
    const { body } = reviewRequest(entry, golden.answers[i].text, 'gpt-4-0314');
    expect(body).toEqual(golden.asked[i]);
  }
  const reviews = entries.map((entry, i) => reviewLine(i, entry, golden.answers[i], golden.judge[i])).join('');
  expect(reviews).toBe(golden.reviews);
  const printed = [...summariseReviews(readReviews(file('r.jsonl', reviews)))].map(
    ([name, values]) => `${name} ${values.map(floatText).join(' ')}\n`,
  );
  expect(`review\n${printed.join('')}=================================\n`).toBe(golden.summary);
  const [answers, requests] = llavaBench.write({ name: 'tiny', entries, answers: golden.answers, files: {} });
  expect(answers.content).toBe(golden.answers.map(answerLine).join(''));
  expect(JSON.parse((requests.content as string).split('\n')[3])).toEqual({
    custom_id: '3',
    method: 'POST',
    url: '/v1/chat/completions',
    body: golden.asked[3],
  });
});

test('MM-Vet: the grader’s input and grades byte for byte; totals by capability and by set of them', () => {
  const questions = golden.vetAnswers.map((each: { question_id: number }) => ({
    question_id: each.question_id,
    image: 'x.jpg',
    text: 'q',
  }));
  const entries = mmVet.read({
    questions: file('q.jsonl', lines(questions)),
    truth: file('mm-vet.json', JSON.stringify(golden.meta)),
    grader: file('mm-vet_evaluator.py', 'import json\n\nprompt = """Compare.\n\nx | y\n"""\n'),
  });
  const [results, requests] = mmVet.write({ name: 'tiny', entries, answers: golden.vetAnswers, files: {} });
  expect(results.content).toBe(golden.vetResults);
  expect((requests.content as string).split('\n').length).toBe(219);
  const { truth } = entries[0];
  expect(gradeRequest(entries[0], 'cat', 'm').body).toEqual({
    model: 'm',
    messages: [
      {
        role: 'user',
        content: `Compare.\n\nx | y\n\n${truth!.question} | ${truth!.answer.replace('<AND>', ' <AND> ').replace('<OR>', ' <OR> ')} | cat | `,
      },
    ],
    temperature: 0,
    max_tokens: 3,
  });
  expect(gradeRequest(entries[0], 'cat', 'm', 2).body.temperature).toBe(0.5);
  expect(['0.5', '1.0 good', '0', '1.5', '-0.1', 'good', '', 'nan'].map(gradeIn)).toEqual([
    0.5,
    1,
    0,
    null,
    null,
    null,
    null,
    null,
  ]);
  const grades = readGrades(file('grades.json', golden.gradesFile));
  expect(gradesFile(grades)).toBe(golden.gradesFile);
  const score = scoreGrades(entries, grades);
  for (const [name, value] of Object.entries<number>(golden.totals)) expectClose([score[name]], [value]);
  for (const [name, value] of Object.entries<number>(golden.bySet))
    expectClose([score[name === 'total' ? name : `set ${name}`]], [value]);
});
