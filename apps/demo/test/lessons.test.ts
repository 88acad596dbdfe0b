/** What the page teaches: lessons from drawings, the exam, and adapters as files. */
import { RandomStream } from '@curio/engine';
import { parseQuestion, renderScene, replyTo } from '@curio/scenes';
import type { GlyphSource } from '@curio/scenes';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { AdapterFileError, packAdapter, unpackAdapter } from '../src/learning/adapter-zip.ts';
import { examOf, marksOf } from '../src/learning/exam.ts';
import { isForExam, lessonsOf, sceneOf } from '../src/learning/lessons.ts';
import { Turns } from '../src/turns.ts';
import { mirrored, taughtPlan } from './taught-plan.ts';

const glyphs: GlyphSource = { count: () => 2, pixels: (digit, i) => new Uint8Array(784).fill(20 * digit + i) };
const random = new RandomStream(3);
const drawings = Array.from({ length: 6 }, (_, i) => mirrored(i, random));

test('every other lesson is about a drawing, each in turn, and is true', () => {
  const lessons = lessonsOf({ drawings, glyphs, count: 24, seed: 1 });
  expect(lessonsOf({ drawings, glyphs, count: 24, seed: 1 })).toEqual(lessons);
  expect(lessonsOf({ drawings, glyphs, count: 24, seed: 2 })).not.toEqual(lessons);
  const taught = lessons.map(({ scene }) => scene.objects.filter(({ drawn }) => drawn).map(({ digit }) => digit));
  expect(taught).toEqual(Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? [(i / 2) % 6] : [])));
  for (const { scene, turns } of lessons) {
    expect(turns.length).toBeGreaterThan(0);
    for (const { question, answer } of turns) expect(answer).toBe(replyTo(parseQuestion(question)!, scene));
    expect(new Set(scene.objects.map(({ cell }) => cell)).size).toBe(scene.objects.length);
  }
});

test('a drawing is moved into its new cell, and covers no other digit', () => {
  for (const { scene } of lessonsOf({ drawings, glyphs, count: 200, seed: 5 })) {
    const taught = scene.objects.find(({ drawn }) => drawn);
    if (!taught) continue;
    const alone = renderScene({ ...scene, objects: [taught] }, glyphs);
    const paper = renderScene({ ...scene, objects: [] }, glyphs);
    const cells = new Set<number>();
    for (let at = 0; at < 72 * 72; at++)
      if ([0, 1, 2].some((c) => alone.rgb[3 * at + c] !== paper.rgb[3 * at + c]))
        cells.add(3 * Math.floor(at / 72 / 24) + Math.floor((at % 72) / 24));
    expect(cells).toContain(taught.cell);
    for (const other of scene.objects) if (other !== taught) expect(cells).not.toContain(other.cell);
  }
});

test('without drawings all lessons are about samples', () => {
  const lessons = lessonsOf({ drawings: [], glyphs, count: 10, seed: 1 });
  expect(lessons.flatMap(({ scene }) => scene.objects).some(({ drawn }) => drawn)).toBe(false);
});

test('the exam asks about held-out drawings and counts right answers', () => {
  expect([0, 1, 2, 3, 4, 5, 6].filter(isForExam)).toEqual([2, 5]);
  const scenes = lessonsOf({ drawings: [], glyphs, count: 8, seed: 4 }).map(({ scene }) => scene);
  const plan = taughtPlan({ scenes, glyphs: [] });
  const exam = examOf(plan);
  expect(exam.filter(({ isDrawing }) => isDrawing).map(({ scene }) => scene)).toEqual(plan.apart.map(sceneOf));
  for (const { question, expected, scene } of exam) expect(expected).toBe(replyTo(parseQuestion(question)!, scene));
  expect(marksOf(exam, 'before', true)).toBeNull();
  const answered = exam.map((one, i) => ({ ...one, before: i === 0 ? 'two .' : one.expected }));
  expect(marksOf(answered, 'before', true)).toEqual({ right: 1, of: 2 });
  expect(marksOf(answered, 'before', false)).toEqual({ right: exam.length - 2, of: exam.length - 2 });
});

test('an adapter can be read from its zip, whatever folder it is in', async () => {
  const files = {
    'config.json': Uint8Array.of(1),
    'adapter_config.json': Uint8Array.of(2, 3),
    'Vit-lora/adapter_model.safetensors': new Uint8Array(5000).fill(7),
  };
  expect(await unpackAdapter(await packAdapter(files))).toEqual(files);
  const strange = zipSync({ 'a/b/adapter_config.json': Uint8Array.of(2), 'a/b/notes.txt': Uint8Array.of(9) });
  expect(await unpackAdapter(new Blob([strange as BlobPart]))).toEqual({ 'adapter_config.json': Uint8Array.of(2) });
});

test('a file that is not an adapter is refused in a sentence', async () => {
  const refused = (bytes: Uint8Array) => unpackAdapter(new Blob([bytes as BlobPart]));
  await expect(refused(Uint8Array.of(1, 2, 3))).rejects.toThrow(
    new AdapterFileError('is not a zip file, or it is damaged'),
  );
  await expect(refused(zipSync({ 'readme.txt': Uint8Array.of(1) }))).rejects.toThrow(
    new AdapterFileError('holds no adapter_config.json'),
  );
  const huge = zipSync({ 'adapter_config.json': new Uint8Array(64e6 + 1) }, { level: 1 });
  await expect(refused(huge)).rejects.toThrow(new AdapterFileError('unpacks to more than 64 MB'));
});

test('turns come in the order of the requests', async () => {
  const turns = new Turns();
  const done: number[] = [];
  const end = await turns.take();
  const others = [1, 2].map(async (n) => {
    const over = await turns.take();
    done.push(n);
    over();
  });
  expect(turns.isWanted).toBe(true);
  expect(done).toEqual([]);
  end();
  await Promise.all(others);
  expect(done).toEqual([1, 2]);
  expect(turns.isWanted).toBe(false);
});
