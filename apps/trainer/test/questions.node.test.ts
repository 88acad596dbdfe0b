/** What self-asked questions are measured by: similarity by CLIP, diversity, consistency; and the command. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { noGrad, openGpu, reshape, tensor, upload } from '@curio/engine';
import {
  ClipModel,
  clipTextFromHf,
  ClipTokens,
  clipVisionFromHf,
  openTokens,
  preprocessImage,
  readPreprocessorConfig,
  textInputs,
  textRows,
} from '@curio/model';
import type { Picture } from '@curio/model';
import { openWeightFolder, Weights } from '@curio/nn';
import { caption, renderScene } from '@curio/scenes';
import { expect, test } from 'vitest';
import { IMAGE } from '../src/base/recipe.ts';
import { RUN_PRESETS } from '../src/config/presets.ts';
import { openHandwriting } from '../src/data/digits.ts';
import { generatePart } from '../src/data/generate.ts';
import { diversityOf, summariseConsistency } from '../src/questions/measure.ts';
import { binned } from '../src/questions/page.ts';
import { openPublishedSimilarity, openSimilarity } from '../src/questions/similarity.ts';
import { folderSource } from '../src/run/files.ts';
import { RunFolder } from '../src/run/run-folder.ts';
import { baseFolder } from '../src/train/open.ts';
import { runCurio, TINY } from './curio.ts';

test('CLIP rates captions closer to their own picture than to another one, in any batch', async () => {
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

const CLIP = resolve(import.meta.dirname, '../../../packages/testing/published/clip');
const published = JSON.parse(readFileSync(join(CLIP, 'expected.json'), 'utf8')) as {
  readonly texts: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly logits: readonly (readonly number[])[];
  readonly cosines: readonly (readonly number[])[];
};
/** As packages/testing/python/clip_folder.py draws them. */
const drawn = (k: number): Picture => ({
  ...{ width: 40, height: 30 },
  rgb: Uint8Array.from({ length: 3 * 40 * 30 }, (_, i) => (i * (k + 3) + (i % 97)) % 256),
});
const jsonOf = (name: string, folder = CLIP) => JSON.parse(readFileSync(join(folder, name), 'utf8'));

test('a published CLIP: the ids of its tokenizer, its cosines and its logits are those of transformers', async () => {
  const { texts, ids, logits, cosines } = published;
  const text = clipTextFromHf(jsonOf('config.json'), 'config.json');
  const tokens = new ClipTokens(jsonOf('tokenizer.json'), text.maxPositions, text.vocabSize);
  expect(texts.map((each) => tokens.encode(each))).toEqual(ids);
  const end = ids[0]!.at(-1)!;
  expect(tokens.encode('a photo of a cat<|endoftext|> dog')).toEqual(ids[0]);
  expect(tokens.encode('x '.repeat(100))).toHaveLength(text.maxPositions);
  const gpu = await openGpu();
  try {
    const similarity = await openPublishedSimilarity(gpu, CLIP);
    for (const k of [0, 1]) {
      const found = await similarity(texts.map((each) => ({ picture: drawn(k), text: each })));
      found.forEach((cosine, i) => expect([k, i, Math.abs(cosine - cosines[k]![i]!) < 1e-5]).toEqual([k, i, true]));
    }
    const weights = new Weights(gpu, { parts: [{ tensors: await openWeightFolder(folderSource(CLIP)) }] });
    const vision = clipVisionFromHf(jsonOf('config.json'), 'config.json');
    const clip = new ClipModel(weights, vision, text);
    await weights.load();
    const image = readPreprocessorConfig(jsonOf('preprocessor_config.json'), 'crop', vision.imageSize);
    const scaled = await gpu.scope(() =>
      noGrad(() => {
        const pixels = Float32Array.from([0, 1].flatMap((k) => [...preprocessImage(drawn(k), image)]));
        const pictures = reshape(tensor(gpu, pixels), [2, 3, image.size, image.size]);
        const words = upload(gpu, textInputs(textRows(ids)));
        return clip.similarities(clip.encodeImages(pictures).pooled, clip.encodeTexts(words)).read();
      }),
    );
    logits.flat().forEach((logit, i) => expect([i, Math.abs(scaled[i]! - logit) < 1e-4]).toEqual([i, true]));
  } finally {
    gpu.close();
  }
  expect(end).toBe(text.vocabSize - 1);
});

test('an incomplete CLIP is refused with what is missing', async () => {
  const gpu = await openGpu();
  try {
    const without = async (name: string, change: (json: Record<string, unknown>) => void): Promise<Error> => {
      const folder = mkdtempSync(join(tmpdir(), 'curio-clip-'));
      for (const file of ['config.json', 'tokenizer.json', 'preprocessor_config.json', 'model.safetensors'])
        copyFileSync(join(CLIP, file), join(folder, file));
      const json = jsonOf(name, folder);
      change(json);
      writeFileSync(join(folder, name), JSON.stringify(json));
      try {
        await openPublishedSimilarity(gpu, folder);
      } catch (error) {
        return new Error((error as Error).message.replaceAll(`${folder}/`, ''));
      }
      throw new Error('it opens');
    };
    expect((await without('config.json', (json) => delete json.text_config)).message).toBe(
      'config.json: text_config is missing; only a whole CLIP has a text tower.',
    );
    const gelu = (json: Record<string, unknown>): void =>
      void ((json.text_config as Record<string, unknown>).hidden_act = 'gelu');
    expect((await without('config.json', gelu)).message).toBe(
      'config.json: hidden_act is "gelu"; only "quick_gelu" is supported.',
    );
    const rows = (json: Record<string, unknown>): void =>
      void ((json.text_config as Record<string, unknown>).vocab_size = 544);
    expect((await without('config.json', rows)).message).toBe(
      "tokenizer.json: '<|endoftext|>' has id 544 and the text tower has 544 rows; take the folder's own files.",
    );
    const width = (json: Record<string, unknown>): void => void (json.projection_dim = 21);
    expect((await without('config.json', width)).message).toMatch(
      /^weights: 'visual_projection.weight' in .*model.safetensors is \[20, 48\] and the model needs \[21, 48\];/,
    );
    expect((await without('tokenizer.json', (json) => delete json.model)).message).toBe(
      'tokenizer.json: no model.vocab; a BPE tokenizer of the Hugging Face format is needed.',
    );
    await expect(openPublishedSimilarity(gpu, tmpdir())).rejects.toThrow(
      `questions: ${join(tmpdir(), 'config.json')} does not exist; give the folder of a complete CLIP.`,
    );
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

test('consistency: identical answers, and how often they are right', () => {
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

test('bins contain every value, the largest in the last', () => {
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

  const other = await runCurio(folder, ['questions', '--run', 'runs/a', '--seeds', '1', '--clip', CLIP, '--json']);
  expect(other.code, other.stderr).toBe(0);
  const measured = JSON.parse(other.stdout);
  expect(measured.clip).toBe(CLIP);
  expect(measured.similarities[3].own).not.toEqual(result.similarities[3].own);
  expect(readFileSync(join(folder, 'eval/questions/a/questions.html'), 'utf8')).toContain(`the CLIP ${CLIP}.`);

  const own = RunFolder.create({ root: join(folder, 'runs'), name: 'own', preset: 'small' });
  const data = { ...RUN_PRESETS.small.data, scenes: null, stage1: 'a.json', stage2: 'b.json' };
  own.writeConfig({ ...RUN_PRESETS.small, data }, {} as Parameters<RunFolder['writeConfig']>[1]);
  mkdirSync(own.file('adapter'));
  own.unlock();
  expect((await runCurio(folder, ['questions', '--run', 'runs/own'])).sentence).toBe(
    'questions: runs/own was trained on data of its own; it must be a run on the embedded scenes, whose truth is known.',
  );
});
