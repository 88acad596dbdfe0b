import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KINDS, openGlyphs, QUESTIONS, renderScene, replyTo, type Scene } from '@curio/scenes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, imageFolder, readImage } from '../src/data/decode.ts';
import { openHandwriting } from '../src/data/digits.ts';
import { generatePart, pictureOf } from '../src/data/generate.ts';
import { pageSamples } from '../src/data/page-samples.ts';
import { encodePng } from '../src/data/png.ts';
import { openSet } from '../src/data/open-set.ts';
import { fileOf, truthFileOf, writeDataset } from '../src/data/write.ts';

const SIZES = { stage1: 6, stage2: 6, heldout: 11, 'heldout-ask': 3 };
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'curio-data-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('handwriting', () => {
  test('has 10,000 digits in two disjoint splits', () => {
    const [train, heldOut] = [openHandwriting('train'), openHandwriting('heldOut')];
    let total = 0;
    for (let digit = 0; digit < 10; digit++) {
      total += train.count(digit) + heldOut.count(digit);
      const seen = new Set(
        Array.from({ length: train.count(digit) }, (_, i) => Buffer.from(train.pixels(digit, i)).toString('latin1')),
      );
      for (let i = 0; i < heldOut.count(digit); i++)
        expect(seen.has(Buffer.from(heldOut.pixels(digit, i)).toString('latin1'))).toBe(false);
    }
    expect(total).toBe(10_000);
    const first = train.pixels(3, 0);
    expect([first.length, Math.max(...first) > 200, Math.min(...first)]).toEqual([784, true, 0]);
  });
});

describe('the written data set', () => {
  const hash = (root: string): string => {
    const sum = createHash('sha256');
    for (const file of (readdirSync(root, { recursive: true }) as string[]).sort()) {
      if (/\.(json|png)$/.test(file)) sum.update(file).update(readFileSync(join(root, file)));
    }
    return sum.digest('hex');
  };

  test('is LLaVA JSON with its images and its truth, the same bytes for the same seed', async () => {
    const [one, two, other] = ['one', 'two', 'other'].map((name) => join(folder, name));
    writeDataset(one, 7, SIZES);
    writeDataset(two, 7, SIZES);
    writeDataset(other, 8, SIZES);
    expect(hash(one)).toBe(hash(two));
    expect(hash(one)).not.toBe(hash(other));
    expect(readdirSync(folder).filter((name) => name.includes('.partial'))).toEqual([]);
    for (const part of ['stage1', 'stage2', 'heldout', 'heldout-ask'] as const) {
      const set = (await openSet(join(one, fileOf(part)), join(one, 'images'))).samples;
      const samples = await Promise.all(Array.from({ length: set.length }, (_, i) => set.read(i)));
      const truth = JSON.parse(readFileSync(join(one, truthFileOf(part)), 'utf8')) as {
        id: string;
        scene: Scene;
        kinds: string[];
      }[];
      const images = imageFolder(join(one, 'images'));
      for (const {
        images: [image],
      } of samples)
        expect(await images.has(image!), image).toBe(true);
      expect(truth.map(({ id }) => id)).toEqual(samples.map(({ id }) => id));
      samples.forEach(({ messages }, i) =>
        messages.forEach(({ role, text }, j) => {
          if (role === 'human')
            expect(replyTo(QUESTIONS.get(text!.replace('<image>\n', ''))!, truth[i].scene)).toBe(messages[j + 1].text);
        }),
      );
      if (part === 'heldout') expect(truth.map(({ kinds }) => kinds[0])).toEqual([...KINDS]);
    }
    const split = (part: 'stage2' | 'heldout') => openHandwriting(part === 'stage2' ? 'train' : 'heldOut');
    for (const part of ['stage2', 'heldout'] as const) {
      const truth = JSON.parse(readFileSync(join(one, truthFileOf(part)), 'utf8')) as { id: string; scene: Scene }[];
      const image = await imageFolder(join(one, 'images')).read(`${part}/${truth[0].id}.png`);
      expect(image).toEqual(renderScene(truth[0].scene, split(part)));
    }
  });

  test('never changes silently: the committed base and adapter were trained on these pictures and words', () => {
    const sum = createHash('sha256');
    for (const part of ['stage1', 'stage2', 'heldout', 'heldout-ask'] as const) {
      for (const sample of generatePart(part, { seed: 1, count: 22 })) {
        sum.update(JSON.stringify(sample)).update(pictureOf(part, sample).rgb);
      }
    }
    expect(sum.digest('hex')).toBe('7a2b3cc3dd6f7479272417b243e6274f780187526f2ddefd375ea61d89ff3c17');
  });

  test('a sample depends only on the seed and its number', () => {
    const few = generatePart('stage2', { seed: 3, count: 4 });
    expect(generatePart('stage2', { seed: 3, count: 9 }).slice(0, 4)).toEqual(few);
    expect(generatePart('stage1', { seed: 3, count: 4 })[0].scene).not.toEqual(few[0].scene);
    expect(pictureOf('stage2', few[0]).width).toBe(72);
  });
});

describe('images', () => {
  test('gray and transparent PNGs are read as RGB bytes', async () => {
    const picture = { width: 3, height: 2, rgb: Uint8Array.from({ length: 18 }, (_, i) => i * 14) };
    expect(await decodeImage(encodePng(picture), 'x.png')).toEqual(picture);
    const { default: sharp } = await import('sharp');
    const gray = await sharp(Uint8Array.of(10, 200), { raw: { width: 2, height: 1, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect([...(await decodeImage(gray, 'gray.png')).rgb]).toEqual([10, 10, 10, 200, 200, 200]);
    const clear = await sharp(Uint8Array.of(10, 20, 30, 0), { raw: { width: 1, height: 1, channels: 4 } })
      .png()
      .toBuffer();
    expect([...(await decodeImage(clear, 'clear.png')).rgb]).toEqual([10, 20, 30]);
  });

  test('a missing file and a file that is not an image are one sentence each', async () => {
    await expect(readImage(join(folder, 'none.png'))).rejects.toThrow(
      `image: '${join(folder, 'none.png')}' not found.`,
    );
    writeFileSync(join(folder, 'text.png'), 'no picture');
    await expect(readImage(join(folder, 'text.png'))).rejects.toThrow(
      /text\.png' cannot be decoded \(.+\); it must be a PNG, JPEG, WebP, GIF, AVIF, TIFF, BMP or Netpbm file\.$/,
    );
  });
});

test('the page gets held-out scenes with just the handwriting they use', () => {
  const samples = pageSamples(1, 12, 4);
  const glyphs = openGlyphs(samples);
  const original = generatePart('heldout-ask', { seed: 1, count: 12 });
  expect(JSON.stringify(samples).length).toBeLessThan(120_000);
  samples.scenes.forEach((scene, i) => {
    expect(renderScene(scene, glyphs)).toEqual(pictureOf('heldout-ask', original[i]));
  });
  for (let digit = 0; digit < 10; digit++) expect(glyphs.count(digit)).toBeGreaterThanOrEqual(4);
  // The committed file is this and nothing else.
  const committed = readFileSync(new URL('../../demo/public/scene-samples.json', import.meta.url), 'utf8');
  expect(committed === `${JSON.stringify(samples)}\n`).toBe(true);
});
