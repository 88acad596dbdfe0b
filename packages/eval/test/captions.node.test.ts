import { expect, test } from 'vitest';
import { cocoCaptions, flickr30k } from '../src/benchmarks/captions.ts';
import { cleaned, scoreCaptions } from '../src/captions/protocol.ts';
import { tokenise } from '../src/index.ts';
import { answer, expectClose, file, lines, openEvalGolden } from './golden.ts';

const golden = openEvalGolden('captions');

test('the PTB tokenizer splits 2,400 captions as CoreNLP does, including its special cases', () => {
  expect(golden.lines.length).toBeGreaterThanOrEqual(2000);
  const have = tokenise(golden.lines);
  expect(
    have.flatMap((text, i) => (text === golden.tokens[i] ? [] : [[golden.lines[i], text, golden.tokens[i]]])),
  ).toEqual([]);
});

test('SQ-LLaVA’s cleaning of captions', () => {
  expect(golden.odd.map((each: string) => cleaned(each, 20))).toEqual(golden.cleaned);
});

test('BLEU, ROUGE-L and CIDEr-D of 2,000 captions, each and overall, by both protocols', () => {
  for (const [protocol, want] of [
    ['coco', golden.coco],
    ['sq-llava', golden.sqLlava],
  ] as const) {
    const have = scoreCaptions(golden.predictions, golden.references, protocol);
    expectClose(have.bleu, want.bleu);
    expectClose([have.rougeL, have.ciderD], [want.rougeL, want.ciderD]);
    expectClose(
      have.each.map((each) => each.bleu[3]),
      want.bleu4Each,
    );
    expectClose(
      have.each.map((each) => each.rougeL),
      want.rougeLEach,
    );
    expectClose(
      have.each.map((each) => each.ciderD),
      want.ciderDEach,
    );
  }
});

test('COCO’s and the plain form of references give the same score; the result file has COCO’s ids', () => {
  const count = 50;
  const questions = Array.from({ length: count }, (_, i) => ({
    question_id: i,
    image: `COCO_${i}.jpg`,
    text: 'Describe.',
  }));
  const coco = {
    images: questions.map((each, i) => ({ id: 9000 + i, file_name: each.image })),
    annotations: questions.flatMap((_, i) =>
      golden.references[i].map((caption: string, k: number) => ({ id: 10 * i + k, image_id: 9000 + i, caption })),
    ),
  };
  const plain = questions.map((each, i) => ({ image: each.image, caption: golden.references[i] }));
  const questionFile = file('q.jsonl', lines(questions));
  const answers = questions.map((each, i) => answer(each.question_id, golden.predictions[i]));
  const want = scoreCaptions(golden.predictions.slice(0, count), golden.references.slice(0, count));
  const byCoco = cocoCaptions.read({ questions: questionFile, references: file('c.json', JSON.stringify(coco)) });
  expectClose([cocoCaptions.score!(byCoco, answers).main], [100 * want.ciderD]);
  for (const text of [JSON.stringify(plain), lines(plain)]) {
    const entries = flickr30k.read({ questions: questionFile, references: file('f.json', text) });
    expectClose([flickr30k.score!(entries, answers).details['ROUGE-L']], [100 * want.rougeL]);
  }
  const written = cocoCaptions.write({
    name: 'tiny',
    entries: byCoco.slice(0, 1),
    answers: [answer(0, 'A "é".')],
    files: {},
  });
  expect(written).toEqual([
    { name: 'results/tiny.json', content: '[{"image_id": 9000, "caption": "A \\"\\u00e9\\"."}]' },
  ]);
});
