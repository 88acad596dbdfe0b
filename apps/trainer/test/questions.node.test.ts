/** What self-asked questions are measured by: similarity by CLIP, diversity, consistency; and the command. */
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGpu } from '@curio/engine';
import { openTokens, preprocessImage } from '@curio/model';
import { caption, renderScene } from '@curio/scenes';
import { expect, test } from 'vitest';
import { IMAGE } from '../src/base/recipe.ts';
import { RUN_PRESETS } from '../src/config/presets.ts';
import { openHandwriting } from '../src/data/digits.ts';
import { generatePart } from '../src/data/generate.ts';
import { diversityOf, summariseConsistency } from '../src/questions/measure.ts';
import { binned } from '../src/questions/page.ts';
import { openSimilarity } from '../src/questions/similarity.ts';
import { folderSource } from '../src/run/files.ts';
import { RunFolder } from '../src/run/run-folder.ts';
import { baseFolder } from '../src/train/open.ts';
import { runCurio, TINY } from './curio.ts';

test('CLIP finds captions nearer to their own picture than to another one, in any batch', async () => {
  const gpu = await openGpu();
  try {
    const [language, vision] = [baseFolder(RUN_PRESETS.small, 'language'), baseFolder(RUN_PRESETS.small, 'vision')];
    const tokens = await openTokens(folderSource(language), {
      extra: [],
      rows: RUN_PRESETS.small.model.language.vocabSize,
    });
    const similarity = await openSimilarity(gpu, vision, tokens, (picture) => preprocessImage(picture, IMAGE));
    const glyphs = openHandwriting('heldOut');
    const scenes = generatePart('heldout-ask', { seed: 3, count: 70 }, glyphs).map(({ scene }) => scene);
    const pairs = scenes.map((scene) => ({ picture: renderScene(scene, glyphs), text: caption(scene) }));
    const own = await similarity(pairs); // more than one part
    const other = await similarity(pairs.map(({ text }, i) => ({ text, picture: pairs[(i + 35) % 70]!.picture })));
    const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
    expect(own.length).toBe(70);
    expect(Math.max(...own.map(Math.abs))).toBeLessThanOrEqual(1.00001);
    expect(mean(own) - mean(other)).toBeGreaterThan(0.3);
    expect(own.filter((value, i) => value > other[i]!).length).toBeGreaterThan(63);
    const [alone] = await similarity([pairs[69]!]);
    expect(alone).toBeCloseTo(own[69]!, 4);
    // Longer than the text tower reads: cut, not refused.
    const [long] = await similarity([{ ...pairs[0]!, text: 'a large red seven '.repeat(20) }]);
    expect(Math.abs(long!)).toBeLessThanOrEqual(1.00001);
  } finally {
    gpu.close();
  }
});

test('diversity counts texts, n-grams and kinds', () => {
  const found = diversityOf(['where is the two ?', 'where is the two ?', 'which digit is red ?', 'red red']);
  expect(found).toMatchObject({ count: 4, different: 3, kinds: { where: 2 / 3, digit_col: 1 / 3 } });
  // where is the two ? which digit red, of 17 words.
  expect(found.distinct1).toBe(8 / 17);
});

test('consistency: answers that are all the same, and how often right', () => {
  expect(
    summariseConsistency([
      { expected: 'red .', answers: ['red .', 'red .'] },
      { expected: 'red .', answers: ['blue .', 'blue .'] },
      { expected: null, answers: ['one .', 'one .'] },
      { expected: 'two .', answers: ['two .', 'six .'] },
    ]),
  ).toEqual({ questions: 4, seeds: 2, same: 0.75, rightWhenSame: 0.5, rightWhenNot: 0.5 });
  expect(summariseConsistency([]).rightWhenSame).toBeNull();
});

test('bins have every value, the greatest in the last', () => {
  const bins = binned([0, 0.5, 1, 1], 0, 1);
  expect([bins[0], bins[15], bins[29]]).toEqual([0.25, 0.25, 0.5]);
  expect(binned([2, 2], 2, 2)[0]).toBe(1);
});

test('the command measures a run and writes a page with pictures', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'curio-questions-'));
  const trained = await runCurio(folder, ['train', '--preset', 'small', '--name', 'a', ...TINY]);
  expect(trained.code, trained.stderr).toBe(0);
  const { code, stdout, stderr } = await runCurio(folder, ['questions', '--run', 'runs/a', '--seeds', '2', '--json']);
  expect(code, stderr).toBe(0);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({
    name: 'a',
    asked: { count: 12 }, // two pictures, three questions, two seeds
    data: { count: 22, kinds: { where: 2 / 22 } },
    consistency: { questions: 6, seeds: 2 },
  });
  expect(result.similarities.map(({ label, own }: { label: string; own: number[] }) => [label, own.length])).toEqual([
    ['true captions', 2],
    ['self-asked questions', 12],
    ['its own answers', 12],
    ["the data's questions", 22],
    ["the data's answers", 22],
  ]);
  const page = readFileSync(join(folder, 'eval/questions/a/questions.html'), 'utf8');
  expect(page).toContain('src="data:image/png;base64,iVBOR');
  expect(page.match(/<rect class="own"/g)!.length).toBe(5 * 30);
  expect(page).not.toMatch(/https?:|<script|<link|src="(?!data:)/);

  const own = RunFolder.create({ root: join(folder, 'runs'), name: 'own', preset: 'small' });
  const data = { ...RUN_PRESETS.small.data, scenes: null, stage1: 'a.json', stage2: 'b.json' };
  own.writeConfig({ ...RUN_PRESETS.small, data }, {} as Parameters<RunFolder['writeConfig']>[1]);
  mkdirSync(own.file('adapter'));
  own.unlock();
  expect((await runCurio(folder, ['questions', '--run', 'runs/own'])).sentence).toBe(
    'questions: runs/own was trained on data of its own; it must be a run on the embedded scenes and base, whose truth and text tower are known.',
  );
});
