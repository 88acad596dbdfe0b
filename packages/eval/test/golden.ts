import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { Answer, SourceFile } from '../src/index.ts';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../testing/golden/eval');

/** What packages/testing/python/make_eval_goldens.py wrote. */
// biome-ignore lint/suspicious/noExplicitAny: its shape is the script's
export const openEvalGolden = (name: string): any =>
  JSON.parse(gunzipSync(fs.readFileSync(path.join(folder, `${name}.json.gz`))).toString());

export const file = (name: string, text: string): SourceFile => ({ name, text });
export const lines = (records: readonly unknown[]): string =>
  records.map((each) => `${JSON.stringify(each)}\n`).join('');

export const answer = (id: string | number, text: string, prompt = 'p', i = 0): Answer => ({
  question_id: id,
  prompt,
  text,
  answer_id: `answer${i}`,
  model_id: 'curio-tiny',
  metadata: {},
});

/** All of them, to 1e-9; the first that differs is told by its place. */
export function expectClose(have: readonly number[], want: readonly number[]): void {
  expect(have.length).toBe(want.length);
  const at = want.findIndex((value, i) => !(Math.abs(have[i] - value) <= 1e-9));
  if (at >= 0) expect([at, have[at]]).toEqual([at, want[at]]);
}
