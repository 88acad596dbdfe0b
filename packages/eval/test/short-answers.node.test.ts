import { describe, expect, test } from 'vitest';
import { gqa } from '../src/benchmarks/gqa.ts';
import { pope, yesOrNo } from '../src/benchmarks/pope.ts';
import { questionIn, textvqa, textvqaNoOcr } from '../src/benchmarks/textvqa.ts';
import { vizwiz } from '../src/benchmarks/vizwiz.ts';
import { vqav2 } from '../src/benchmarks/vqav2.ts';
import { answerLine, normaliseAnswer, readAnswers, softAccuracy, vqaAccuracy } from '../src/index.ts';
import { normaliseForVqa } from '../src/metrics/answer-normaliser.ts';
import { answer, expectClose, file, lines, openEvalGolden } from './golden.ts';

const suffix = '\nAnswer the question using a single word or phrase.';

describe('answers against ten annotators', () => {
  const golden = openEvalGolden('vqa');
  const ids: number[] = golden.texts.map((_: string, i: number) => 1000 + i);
  const questions = ids.map((id) => ({ question_id: id, image: `VizWiz_val_0000${id}.jpg`, text: `What?${suffix}` }));
  const answers = ids.map((id, i) => answer(id, golden.texts[i], `What?${suffix}`, i));
  const questionFile = file('questions.jsonl', lines(questions));

  test('EvalAI’s processor and VQA’s own agree with the originals on 2,000 answers, all contractions among them', () => {
    expect(golden.texts.length).toBeGreaterThanOrEqual(2000);
    expect(golden.texts.map(normaliseAnswer)).toEqual(golden.normalised);
    expect(golden.texts.map(normaliseForVqa)).toEqual(golden.vqaNormalised);
  });

  test('an answers file has the bytes that Python writes, and can be read again', () => {
    expect(answers.map(answerLine).join('')).toBe(golden.answersFile);
    const cut = golden.answersFile.slice(0, -5);
    const { answers: read, length } = readAnswers(file('answers.jsonl', cut));
    expect(read).toEqual(answers.slice(0, -1));
    expect(length).toBe(cut.lastIndexOf('\n') + 1);
  });

  test('VQAv2: accuracy by question, by kind and overall; EvalAI’s upload', () => {
    const said: string[] = golden.texts.map(normaliseAnswer);
    expectClose(
      said.map((text, i) => 100 * vqaAccuracy(text, golden.references[i])),
      golden.vqaAccuracy,
    );
    const annotations = {
      annotations: ids.map((id, i) => ({
        question_id: id,
        question_type: golden.annotations[i][0],
        answer_type: golden.annotations[i][1],
        answers: golden.references[i].map((each: string) => ({ answer: each })),
      })),
    };
    const entries = vqav2.read({ questions: questionFile, annotations: file('a.json', JSON.stringify(annotations)) });
    const score = vqav2.score!(entries, answers);
    expectClose([score.main], [golden.overall.overall]);
    for (const [name, value] of Object.entries<number>(golden.overall.perAnswerType))
      expectClose([score.details[`answer type ${name}`]], [value]);
    for (const [name, value] of Object.entries<number>(golden.overall.perQuestionType))
      expectClose([score.details[`question type ${name}`]], [value]);
    const all = file('all.jsonl', lines([...questions, { question_id: 7, image: 'x', text: 'y' }]));
    const written = vqav2.write({ name: 'val/tiny', entries, answers: answers.slice(0, -3), files: { all } });
    expect(written).toEqual([{ name: 'answers_upload/val/tiny.json', content: golden.upload }]);
  });

  test('VizWiz: accuracy by question; EvalAI’s upload', () => {
    expectClose(
      golden.texts.map((text: string, i: number) => softAccuracy(text, golden.references[i])),
      golden.vizwiz,
    );
    const vizwizQuestions = ids.map((id) => ({
      question_id: id,
      image: `VizWiz_val_${String(id).padStart(8, '0')}.jpg`,
      text: '?',
    }));
    const entries = vizwiz.read({ questions: file('q.jsonl', lines(vizwizQuestions)) });
    expect(vizwiz.write({ name: 'v', entries, answers, files: {} })[0].content).toBe(golden.vizwizUpload);
  });

  test('TextVQA: question in the prompt, soft accuracy by question and overall', () => {
    expect(golden.prompts.map(questionIn)).toEqual(golden.questions);
    expectClose(
      golden.texts.map((text: string, i: number) => softAccuracy(text, golden.references[i])),
      golden.textvqa,
    );
    const asked = ids.map((id, i) => ({
      question_id: `img${i >> 1}`,
      image: `${id}.jpg`,
      text: `What IS ${i % 2}?\nReference OCR token: A, b${suffix}`,
    }));
    const data = asked.map((each, i) => ({
      image_id: each.question_id,
      question: `What is ${i % 2}?`,
      answers: golden.references[i],
    }));
    const files = { questions: file('q.jsonl', lines(asked)), annotations: file('a.json', JSON.stringify({ data })) };
    const entries = textvqa.read(files);
    const given = entries.map((entry, i) => answer(entry.imageId, golden.texts[i], textvqa.prompt(entry)));
    expectClose([textvqa.score!(entries, given).main], [100 * golden.textvqaMean]);
    const plain = textvqaNoOcr.read(files);
    expect(textvqaNoOcr.prompt(plain[1])).toBe(`What IS 1?${suffix}`);
    const givenPlain = plain.map((entry, i) => answer(entry.imageId, golden.texts[i], textvqaNoOcr.prompt(entry)));
    expectClose([textvqaNoOcr.score!(plain, givenPlain).main], [100 * golden.textvqaMean]);
  });
});

test('GQA: all that eval.py reports, for 2,000 questions; its input file', () => {
  const golden = openEvalGolden('gqa');
  const ids = Object.keys(golden.truth);
  const questions = ids.map((id) => ({
    question_id: id,
    image: `${id}.jpg`,
    text: golden.truth[id].question + suffix,
  }));
  const entries = gqa.read({
    questions: file('q.jsonl', lines(questions)),
    truth: file('truth.json', JSON.stringify(golden.truth)),
    choices: file('choices.json', JSON.stringify(golden.choices)),
  });
  const answers = ids.map((id, i) => answer(id, golden.texts[i]));
  expect(gqa.write({ name: 'tiny', entries, answers, files: {} })[0].content).toBe(golden.predictions);
  const { main, details } = gqa.score!(entries, answers);
  const { scores } = golden;
  expectClose([main], [scores.accuracy]);
  for (const name of ['binary', 'open', 'validity', 'plausibility', 'consistency', 'distribution'])
    expectClose([details[name]], [scores[name]]);
  const groups = { structural: 'StructuralType', semantic: 'SemanticType', steps: 'Steps', words: 'Length' };
  for (const [name, kind] of Object.entries(groups))
    for (const [value, [accuracy]] of Object.entries<[number, number]>(scores[`accuracyPer${kind}`]))
      expectClose([details[`${name} ${value}`]], [accuracy]);
});

test('POPE: yes and no of 2,100 answers, and the five numbers of each category', () => {
  const golden = openEvalGolden('pope');
  const entries = pope.read({
    questions: file('q.jsonl', lines(golden.questions)),
    adversarial: file('a.json', lines(golden.labels.adversarial)),
    popular: file('p.json', lines(golden.labels.popular)),
    random: file('r.json', lines(golden.labels.random)),
  });
  const answers = entries.map((entry, i) => answer(entry.id, golden.texts[i]));
  const { main, details } = pope.score!(entries, answers);
  const f1: number[] = [];
  for (const category of ['adversarial', 'popular', 'random']) {
    const texts = golden.texts.filter((_: string, i: number) => entries[i].category === category);
    expect(texts.map(yesOrNo)).toEqual(golden.scores[category].said);
    const printed = (name: string) =>
      Number(new RegExp(`^${name}: (.*)$`, 'm').exec(golden.scores[category].printed)![1]);
    for (const [name, ours] of [
      ['Accuracy', 'accuracy'],
      ['Precision', 'precision'],
      ['Recall', 'recall'],
      ['F1 score', 'F1'],
      ['Yes ratio', 'yes ratio'],
    ])
      expectClose([details[`${category} ${ours}`]], [100 * printed(name)]);
    f1.push(printed('F1 score'));
  }
  expectClose([main], [(100 * (f1[0] + f1[1] + f1[2])) / 3]);
  expect(pope.write({ name: 'tiny', entries, answers, files: {} })[0].content).toBe(answers.map(answerLine).join(''));
});
