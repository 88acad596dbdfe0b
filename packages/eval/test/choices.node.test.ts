import { strFromU8, unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { mmbench, mmbenchCn } from '../src/benchmarks/mmbench.ts';
import { scienceqa, scoreScienceQa } from '../src/benchmarks/scienceqa.ts';
import { answerLine, answerOf, inferOption } from '../src/index.ts';
import { PythonRandom } from '../src/text/python-random.ts';
import { answer, expectClose, file, openEvalGolden } from './golden.ts';

test('ScienceQA: both files of LLaVA’s scorer byte for byte, for 2,000 questions, and its two accuracies', () => {
  const golden = openEvalGolden('scienceqa');
  const entries = scienceqa.read({
    questions: file('q.json', JSON.stringify(golden.questions)),
    splits: file('pid_splits.json', JSON.stringify({ test: golden.ids })),
    problems: file('problems.json', JSON.stringify(golden.problems)),
  });
  expect(entries.map((entry) => entry.id)).toEqual(golden.ids);
  const answers = golden.texts.map((text: string, i: number) =>
    answerOf(scienceqa, entries[i], { text, answerId: `answer${i}`, modelId: 'curio-tiny' }),
  );
  const [output, result] = scienceqa.write({ name: 'tiny', entries, answers, files: {} });
  expect(output.content).toBe(golden.output);
  expect(result.content).toBe(golden.result);
  const { main, details } = scienceqa.score!(entries, answers);
  const [, total, correct, accuracy, image] =
    /Total: (\d+), Correct: (\d+), Accuracy: ([\d.]+)%, IMG-Accuracy: ([\d.]+)%/.exec(golden.printed)!;
  expectClose([details.questions, details.accuracy], [Number(total), (100 * Number(correct)) / Number(total)]);
  expect([details.accuracy.toFixed(2), main.toFixed(2)]).toEqual([accuracy, image]);
});

test('ScienceQA: the random fallback draws what Python’s random draws, and only if a reply cannot be parsed', () => {
  const golden = openEvalGolden('scienceqa');
  for (const [seed, drawn] of golden.draws as [number, number[]][]) {
    const random = new PythonRandom(seed);
    expect(drawn.map((_, i) => random.below(2 + (i % 4)))).toEqual(drawn);
  }
  const [seed, drawn] = golden.draws[1] as [number, number[]]; // seed 10: of 2, 3, 4 and 5 choices in turn
  const entries = drawn.map((place, i) => ({
    id: String(i),
    image: null,
    question: '?',
    choices: Array(2 + (i % 4)).fill('x'),
    answer: place,
  }));
  const unreadable = entries.map((entry) => answer(entry.id, 'I cannot say'));
  expect(scoreScienceQa(entries, unreadable, seed).details.accuracy).toBe(100);
  expect(scoreScienceQa(entries, unreadable).details.accuracy).toBe(0);
  expect(() => new PythonRandom(-1)).toThrow('random: the seed is -1; it must be a whole number from 0 to 4294967295.');
});

test('MMBench: options inferred, circular accuracy by split and category, the workbook’s cells, of 2,000 rows', () => {
  const golden = openEvalGolden('mmbench');
  const entries = mmbench.read({ table: file('table.tsv', golden.table) });
  expect(entries.length).toBeGreaterThanOrEqual(2000);
  expect(golden.texts.map((text: string, i: number) => inferOption(text, entries[i].options))).toEqual(golden.inferred);
  const answers = entries.map((entry, i) => answer(entry.id, golden.texts[i]));
  const { main, details, perEntry } = mmbench.score!(entries, answers);
  expectClose([main], [100 * golden.overall]);
  expect(Object.fromEntries(perEntry)).toEqual(golden.hits);
  for (const { split, Overall, ...kinds } of golden.report) {
    expectClose([details[split]], [100 * Overall]);
    for (const [kind, value] of Object.entries<number>(kinds))
      expectClose([details[`${split} ${kind}`]], [100 * value]);
  }
  const [{ name, content }] = mmbench.write({ name: 'tiny', entries, answers, files: {} });
  expect(name).toBe('answers_upload/tiny.xlsx');
  expect(cellsOf(content as Uint8Array)).toEqual(
    golden.sheet.map((row: unknown[]) => row.filter((cell) => cell !== null)),
  );
});

/** Row by row, the cells that are there. */
function cellsOf(bytes: Uint8Array): (string | number)[][] {
  const sheet = strFromU8(unzipSync(bytes)['xl/worksheets/sheet1.xml']);
  const plain = (text: string) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
  return [...sheet.matchAll(/<row [^>]*>([\s\S]*?)<\/row>/g)].map(([, row]) =>
    [...row.matchAll(/<v>(.*?)<\/v>|<t [^>]*>([\s\S]*?)<\/t>/g)].map(([, value, text]) =>
      value === undefined ? plain(text) : Number(value),
    ),
  );
}

test('MMBench: the prompt stops at the first missing option and leaves out a missing hint; the saved line is LLaVA’s', () => {
  const head = 'index\tquestion\thint\tA\tB\tC\tD\tanswer\tcategory\timage\tsource\tl2-category\tcomment\tsplit\n';
  const table = file(
    't.tsv',
    `${head}1000007\t"What ""is""\tit?"\tLook.\tcat\tdog\t\tcow\tB\tocr\taGk=\tx\ty\t\tdev\n`,
  );
  const [entry] = mmbenchCn.read({ table });
  expect(mmbenchCn.prompt(entry)).toBe('Look.\nWhat "is"\tit?\nA. cat\nB. dog\n请直接回答选项字母。');
  expect(answerLine(answerOf(mmbenchCn, entry, { text: 'B', answerId: 'a', modelId: 'm' }))).toBe(
    '{"question_id": 1000007, "round_id": 0, "prompt": "Look.\\nWhat \\"is\\"\\tit?\\nA. cat\\nB. dog", "text": "B", "options": ["cat", "dog"], "option_char": ["A", "B"], "answer_id": "a", "model_id": "m", "metadata": {}}\n',
  );
});
