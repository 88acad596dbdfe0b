/**
 * Teaching the page in a real headless Chromium: drawings are collected, the model trains on them in the tab, pauses,
 * is reloaded, loses its device, and what it learned goes to Node and back.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { RandomStream } from '@curio/engine';
import { COLORS, openGlyphs, renderScene } from '@curio/scenes';
import type { SceneSamples } from '@curio/scenes';
import { unzipSync } from 'fflate';
import type { BrowserContext, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../../trainer/src/data/png.ts';
import { runCurio } from '../../trainer/test/curio.ts';
import { isForExam, sceneOf } from '../src/learning/lessons.ts';
import type { Drawing } from '../src/learning/lessons.ts';
import { handwrite } from '@curio/testing/handwriting';
import { barriers, ended, newest, servePage, standing } from './served-page.ts';
import type { ServedPage } from './served-page.ts';

const STEPS = 20;
/** Not the one that the page begins with. */
const SEED = 2;
const random = new RandomStream(77);
const BASE = resolve(import.meta.dirname, '../../trainer/base');
let served: ServedPage;

beforeAll(async () => {
  served = await servePage();
});
afterAll(() => served?.close());

/** Draws a digit in mirror image with the mouse, and says what it is. */
async function teach(page: Page, digit: number): Promise<void> {
  const cell = random.integer(9);
  const middle = { x: (cell % 3) * 24 + 12, y: Math.floor(cell / 3) * 24 + 12, height: 18 };
  await page.click(`[data-color=${random.pick(COLORS)}]`);
  const box = (await page.locator('#board').boundingBox())!;
  const unit = box.width / 72;
  for (const stroke of handwrite(digit, middle, random)) {
    const [first, ...rest] = stroke.map(([x, y]) => [box.x + (2 * middle.x - x) * unit, box.y + y * unit] as const);
    await page.mouse.move(...first!);
    await page.mouse.down();
    for (const at of rest) await page.mouse.move(...at);
    await page.mouse.up();
  }
  await page.click(`[data-digit="${digit}"]`);
}

const said = (page: Page): Promise<string> => page.innerText('#taken');
const why = (page: Page): Promise<string> => page.innerText('#train-why');
const state = (page: Page): Promise<string | null> => page.getAttribute('#training', 'data-state');
const step = async (page: Page): Promise<number> =>
  (await page.locator('[data-figure=step]').count()) === 0
    ? 0
    : Number.parseInt(await page.innerText('[data-figure=step]'), 10);
const waits = { timeout: 250_000, interval: 50 };

async function open(context: BrowserContext, to = 'page/'): Promise<Page> {
  const page = await context.newPage();
  await page.goto(served.address + to);
  await page.click('#mode-teach');
  await page.locator('.keypad').waitFor();
  return page;
}

describe('drawings', () => {
  let page: Page;

  test('are taken from the board one at a time, or the page says why not', async () => {
    page = await open(await served.browser.newContext({ reducedMotion: 'reduce' }), 'bare/');
    await page.click('#clear');
    await page.click('[data-digit="5"]');
    expect(await said(page)).toBe('Draw your five on the board first.');
    await page.locator('.sample').nth(3).click();
    await page.click('[data-digit="5"]');
    expect(await said(page)).toBe('One at a time: leave only the digit that you mean on the board.');
    await page.click('#clear');
    await page.focus('#board');
    await page.keyboard.press('5');
    await page.click('[data-digit="5"]');
    expect(await said(page)).toBe('This one is from the samples: clear the board and draw yours.');
    await page.click('#clear');
    await teach(page, 5);
    expect(await said(page)).toBe('Got it: a five. Draw the next one.');
    expect(await page.innerText('#caption')).toBe('Nothing yet: draw a digit, 0 to 9, in a cell.');
    expect(await why(page)).toBe('It needs 5 drawings or more, and has 1.');
    await page.focus('#train');
    await page.keyboard.press('Enter');
    expect(await state(page)).toBe('none');
    // The seed is shown, and can be chosen; invalid input is not accepted.
    expect(await page.inputValue('#seed')).toBe('1');
    for (const [typed, seed] of [
      ['7', '7'],
      ['-1', '7'],
      ['2.5', '7'],
      ['2147483648', '7'],
      ['2147483647', '2147483647'],
      ['', '2147483647'],
    ] as const) {
      await page.fill('#seed', typed);
      await page.press('#seed', 'Tab');
      expect(await page.inputValue('#seed'), typed).toBe(seed);
    }
  });

  test('can be made by the page, and are removed by keyboard', async () => {
    await page.click('.teach summary');
    await page.selectOption('#for-me', '7');
    await page.click('#draw-for-me');
    expect(await page.locator('.tray li').count()).toBe(11);
    expect(await page.locator('.tray li[data-exam=true]').count()).toBe(3);
    await page.locator('.tray li button').first().focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('.tray li').count()).toBe(10);
    expect(await page.evaluate(() => document.activeElement?.className)).toBe('tray');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await barriers(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  });

  test('stay when the page is reloaded', async () => {
    await page.reload();
    await page.click('#mode-teach');
    await expect.poll(() => page.locator('.tray li').count()).toBe(10);
    await page.context().close();
  });
});

describe('a training in the tab', () => {
  let context: BrowserContext;
  let page: Page;
  let folder: string;
  /** The zip that the page saved. */
  let zip: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'curio-taught-'));
    context = await served.browser.newContext({ reducedMotion: 'reduce', viewport: { width: 1120, height: 900 } });
  });
  afterAll(async () => {
    await context?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('continues with a full disk, and runs only in one tab', async () => {
    page = await open(context);
    await page.click('#clear');
    for (let i = 0; i < 9; i++) await teach(page, 5);
    await expect.poll(() => standing(page), waits).toBe('ready');
    await page.check(`input[name=steps][value="${STEPS}"]`);
    await page.fill('#seed', `${SEED}`);
    const devtools = await context.newCDPSession(page);
    const origin = new URL(served.address).origin;
    await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1000 });
    await page.click('#train');
    const full = 'The disk has no room for what it learns: it continues, but a reload would lose it.';
    await expect.poll(() => why(page), waits).toBe(full);
    await page.click('#pause');
    await expect.poll(() => state(page), waits).toBe('paused');
    await devtools.send('Storage.overrideQuotaForOrigin', { origin });
    const other = await open(context);
    await expect.poll(() => standing(other), waits).toBe('ready');
    await other.click('#train');
    const elsewhere = 'Another tab of this page is training: continue there, or close it first.';
    await expect.poll(() => why(other), waits).toBe(elsewhere);
    await other.close();
  });

  test('answers meanwhile, pauses, and is still there after a reload', async () => {
    await page.click('#resume');
    await expect.poll(() => state(page), waits).toBe('training');
    await page.click('#mode-ask');
    await page.locator('.sample').first().click();
    await page.fill('#question', 'Is there a red digit?');
    await page.press('#question', 'Enter');
    await ended(page);
    expect(await newest(page).locator('.answer').getAttribute('data-text')).toBe('yes .');
    await page.click('#mode-teach');
    await page.click('#pause');
    await expect.poll(() => state(page), waits).toBe('paused');
    expect(await barriers(page)).toEqual([]);
    const at = await step(page);
    expect(at).toBeGreaterThan(1);
    expect(at).toBeLessThan(STEPS);
    await page.reload();
    await page.click('#mode-teach');
    await expect.poll(() => state(page), waits).toBe('paused');
    expect(await step(page)).toBe(at);
    expect(await why(page)).toBe(`It rests: step ${at} of ${STEPS}.`);
    expect(await page.locator('.tray li').count()).toBe(9);
  });

  test('continues by itself after a lost device, and is right about drawings it never saw', async () => {
    await page.click('#resume');
    await expect.poll(() => state(page), waits).toBe('training');
    const devtools = await served.browser.newBrowserCDPSession();
    await devtools.send('Browser.crashGpuProcess');
    await expect.poll(() => standing(page), waits).toBe('loading');
    await expect.poll(() => state(page), waits).toBe('done');
    expect(await step(page)).toBe(STEPS);
    const [before, after] = (await page.innerText('[data-marks=drawings] b')).match(/\d+(?= of 3)/g)!.map(Number);
    expect(after).toBeGreaterThan(before!);
    expect(await page.innerText('[data-marks=samples] b')).toMatch(/^\d of 8/);
    expect(await page.locator('.asked li').count()).toBeGreaterThan(0);
    expect(await page.getAttribute('#in-use', 'data-use')).toBe('learned');
    expect(await barriers(page)).toEqual([]);
    await page.click('#use');
    await expect.poll(() => page.getAttribute('#in-use', 'data-use')).toBe('original');
    await page.click('#use');
    await expect.poll(() => page.getAttribute('#in-use', 'data-use')).toBe('learned');
  });

  test('is exported to Node as a PEFT folder, which answers the same about the same drawings', async () => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export')]);
    expect(download.suggestedFilename()).toBe('curio-adapter.zip');
    zip = join(folder, 'adapter.zip');
    await download.saveAs(zip);
    for (const [name, bytes] of Object.entries(unzipSync(readFileSync(zip)))) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), bytes);
    }
    const [text, kept] = await page.evaluate(async () => {
      const learning = await (await navigator.storage.getDirectory()).getDirectoryHandle('learning');
      const textOf = async (folder: FileSystemDirectoryHandle, name: string): Promise<string> =>
        (await (await folder.getFileHandle(name)).getFile()).text();
      let state = '';
      // TypeScript's lib has no iterators of folders.
      for await (const handle of (learning as unknown as { values(): AsyncIterable<FileSystemHandle> }).values())
        if (handle.kind === 'directory') state = await textOf(handle as FileSystemDirectoryHandle, 'state.json');
      return [await textOf(learning, 'drawings.json'), state] as const;
    });
    expect((JSON.parse(kept) as { plan: { seed: number } }).plan.seed).toBe(SEED);
    const drawings = (JSON.parse(text) as Drawing[]).filter((_, i) => isForExam(i));
    const samples = JSON.parse(
      readFileSync(join(import.meta.dirname, '../public/scene-samples.json'), 'utf8'),
    ) as SceneSamples;
    const glyphs = openGlyphs(samples);
    const answers = await page.locator('#outcome tbody tr td:nth-child(4)').allInnerTexts();
    expect(answers.length).toBe(drawings.length);
    for (const [i, drawing] of drawings.entries()) {
      const picture = join(folder, `${i}.png`);
      writeFileSync(picture, encodePng(renderScene(sceneOf(drawing), glyphs)));
      const told = await runCurio(folder, [
        'ask',
        picture,
        `which digit is ${drawing.color} ?`,
        ...['--model', join(BASE, 'language'), '--vision', join(BASE, 'vision')],
        ...['--adapter', join(folder, 'curio-adapter')],
      ]);
      expect(told.code, told.stderr).toBe(0);
      expect(answers[i]!.toLowerCase()).toContain(told.stdout.trim().split('\n').at(-1)!.replace(' .', ''));
    }
    expect(answers.filter((answer) => answer.startsWith('Five')).length).toBeGreaterThan(0);
  });

  test('is forgotten, refuses a broken file, and is restored from its own', async () => {
    await page.click('#forget');
    await expect.poll(() => state(page)).toBe('none');
    expect(await page.locator('#in-use').count()).toBe(0);
    for (const [name, buffer, sentence] of [
      [
        'broken.zip',
        Buffer.from('PK no zip'),
        '“broken.zip” is not a zip file, or it is damaged, so nothing has changed.',
      ],
      [
        'cut.zip',
        readFileSync(zip).subarray(0, 5000),
        '“cut.zip” is not a zip file, or it is damaged, so nothing has changed.',
      ],
    ] as const) {
      await page.setInputFiles('#adapter', { name, mimeType: 'application/zip', buffer });
      await expect.poll(() => why(page), waits).toBe(sentence);
    }
    await page.setInputFiles('#adapter', zip);
    await expect.poll(() => state(page), waits).toBe('done');
    await expect.poll(() => page.getAttribute('#in-use', 'data-use')).toBe('learned');
    await page.reload();
    await page.locator('#learned-note').waitFor();
    expect(await page.innerText('#learned-note')).toMatch(/^It answers with what it learned from you\./);
  });
});
