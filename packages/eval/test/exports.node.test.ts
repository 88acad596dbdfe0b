import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { flickr30k } from '../src/benchmarks/captions.ts';
import { mmbench } from '../src/benchmarks/mmbench.ts';
import { pope } from '../src/benchmarks/pope.ts';
import { scienceqa } from '../src/benchmarks/scienceqa.ts';
import { lmmsEvalLog, vlmEvalKitTable, type Run } from '../src/index.ts';
import { exportCases, mmbenchRun, popeRun, popeSamples } from './exports.ts';
import { expectClose, file, lines } from './golden.ts';

interface Golden {
  readonly sha256: string;
  readonly count: number;
  /** Texts that were read otherwise than they were written, by place. */
  readonly differs: readonly (readonly [number, string])[];
  readonly scores?: readonly Readonly<Record<string, number>>[];
}

const golden: Readonly<Record<string, Golden>> = JSON.parse(
  fs.readFileSync(path.join(import.meta.dirname, '../../testing/golden/eval/exports.json'), 'utf8'),
);

test('the exported files are those that lmms-eval and VLMEvalKit read, with all answers in them', () => {
  const cases = exportCases();
  expect(Object.keys(golden).sort()).toEqual(Object.keys(cases).sort());
  for (const [name, { file: written, texts }] of Object.entries(cases)) {
    const { sha256, count, differs } = golden[name];
    expect([name, createHash('sha256').update(written.content).digest('hex')]).toEqual([name, sha256]);
    expect(count).toBe(texts.length);
    // What pandas takes for a missing value, and control characters, of which the kit's own workbooks have as many.
    for (const [place, read] of differs) {
      expect(name).toContain('vlmevalkit');
      expect(texts[place]).toMatch(read === '' ? /^(None|nan|NA|N\/A|null|NULL|)$/ : /[\x00-\x1f]/);
    }
  }
});

test("VLMEvalKit's circular accuracy of the exported workbook is the one computed here", () => {
  const run = mmbenchRun();
  const { details } = mmbench.score!(run.entries as never, run.answers);
  for (const { split, Overall } of golden['vlmevalkit mmbench'].scores!) expectClose([details[split] / 100], [Overall]); // the kit's table has ten digits
});

const run: Run = popeRun();
const samples = popeSamples(run);
const two = { ...run, entries: run.entries.slice(0, 2), answers: run.answers.slice(0, 2) };

test('documents are matched by id, or by position if their questions agree; else refused', () => {
  const ids = (text: string): number[] =>
    JSON.parse(lmmsEvalLog(pope, two, file('samples.jsonl', text)).content as string).logs.map(
      ({ doc_id }: { doc_id: number }) => doc_id,
    );
  const [first, second] = two.entries.map((entry) => pope.prompt(entry as never).split('\n')[0]);
  const doc = (doc_id: number, fields: object): object => ({ doc_id, doc: fields });
  expect(ids(lines([doc(4, { question: first }), doc(9, { question: second })]))).toEqual([4, 9]);
  expect(ids(samples.text)).toEqual([5000, 4999]);
  // A part of the documents has a limit, which the kit's reader must be told to take.
  const log = JSON.parse(lmmsEvalLog(pope, two, samples).content as string);
  expect(log.args.limit).toBe(2);
  expect(() => ids(lines([doc(4, { question: second }), doc(9, { question: first })]))).toThrow(
    `lmms-eval: samples.jsonl, line 1: its question is ${JSON.stringify(second)} and the entry's prompt ${JSON.stringify(`${first} Answer the question using a single word or phrase.`).slice(0, 77)}…; give documents of the same data set.`,
  );
  expect(() => ids(lines([doc(4, { question: first })]))).toThrow(
    `lmms-eval: no field of samples.jsonl, line 1 names the ids of the 2 entries, such as ${two.entries[0].id}, and there are 1 documents; give documents of the same data set.`,
  );
  expect(() => ids('{"doc_id": "x", "doc": {}}\n')).toThrow(
    `samples.jsonl, line 1: field 'doc_id' is "x"; it must be a whole number.`,
  );
  expect(() => vlmEvalKitTable(pope, two, file('POPE.tsv', 'question\nx\n'))).toThrow(
    "POPE.tsv: it has no column 'index'; give the kit's table of the data set.",
  );
});

test('what a kit does not have, or cannot score, is refused', () => {
  expect(() => vlmEvalKitTable(flickr30k, two)).toThrow(
    'vlmevalkit: it has no data set of flickr30k; it has those of gqa, vizwiz, scienceqa, textvqa, textvqa-no-ocr, pope, mm-vet, llava-bench, mmbench, mmbench-cn, coco-captions.',
  );
  expect(() => vlmEvalKitTable(scienceqa, two)).toThrow(
    'vlmevalkit: its scorer of ScienceQA_TEST looks questions up in its own table, which is not given; give it by --export vlmevalkit=ScienceQA_TEST.tsv.',
  );
});
