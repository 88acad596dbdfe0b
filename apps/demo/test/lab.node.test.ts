/**
 * The kernel lab in a real headless Chromium: kernels are changed, broken, refused, put into the model and removed
 * again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers, ended, newest, servePage, standing } from './served-page.ts';
import type { ServedPage } from './served-page.ts';

let served: ServedPage;
let page: Page;
const waits = { timeout: 200_000, interval: 50 };

beforeAll(async () => {
  served = await servePage();
  page = await served.browser.newPage({ reducedMotion: 'reduce', viewport: { width: 1120, height: 900 } });
});
afterAll(() => served?.close());

const ownText = (kernel: string): string =>
  readFileSync(join(import.meta.dirname, `../../../kernels/${kernel}.wgsl`), 'utf8');
const lineOf = (text: string, part: string): number => text.split('\n').findIndex((line) => line.includes(part)) + 1;
const state = (): Promise<string | null> => page.getAttribute('#lab-verdict', 'data-state');
const verdict = (): Promise<string> => page.innerText('#lab-verdict > p');
const notice = (): Promise<string> => page.locator('#lab-notice').textContent() as Promise<string>;
const becomes = (wanted: string): Promise<void> => expect.poll(state, waits).toBe(wanted);

/** Replaces the whole text in the editor, as pasting does. */
async function type(text: string): Promise<void> {
  await page.focus('.cm-content');
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
}

/** Asks, and returns the answer. */
async function ask(question: string): Promise<string | null> {
  const before = await page.locator('.talk').count();
  await page.fill('#question', question);
  await page.press('#question', 'Enter');
  await expect.poll(() => page.locator('.talk').count()).toBe(before + 1);
  await ended(page);
  return newest(page).locator('.answer').getAttribute('data-text');
}

test('opens by keyboard, with a first kernel, and is accessible', async () => {
  await page.goto(`${served.address}page/`);
  await page.focus('#open-lab');
  await page.keyboard.press('Enter');
  await page.locator('.cm-content').waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('lab-title');
  expect(await page.inputValue('#lab-kernel')).toBe('rows/softmax_naive');
  expect(await page.locator('#lab-kernel option').count()).toBeGreaterThan(80);
  expect(await page.locator('.cm-content').getAttribute('aria-label')).toBe('WGSL of rows/softmax_naive');
  await page.focus('.cm-content');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('lab-try');
  await expect.poll(() => standing(page), waits).toBe('ready');
  // SwiftShader runs what it was given to its end, whatever happens to the device and the worker.
  expect(await page.innerText('#lab-software')).toBe(
    'Your browser computes in software, where nothing can stop a kernel that runs: loops that run too long are ended in time, but if the page ever hangs, please restart the browser.',
  );
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await barriers(page)).toEqual([]);
  }
});

test('marks what does not compile at its line', async () => {
  const own = ownText('rows/softmax_naive');
  const line = lineOf(own, 'var top = LEAST');
  await type(own.replace('var top = LEAST', 'var top = LAEST'));
  await becomes('fault');
  expect(await verdict()).toBe(`It does not compile. rows/softmax_naive.wgsl, line ${line}: unresolved value 'LAEST'`);
  expect(await page.locator('.cm-lint-marker-error').count()).toBe(1);
  expect(await page.locator('.cm-lintRange-error').innerText()).toBe('LAEST;');
  await page.click('#lab-use');
  expect(await notice()).toBe(`Not used: rows/softmax_naive.wgsl, line ${line}: unresolved value 'LAEST'.`);
  expect(await barriers(page)).toEqual([]);
});

test('refuses what is wrong, by its first wrong element', async () => {
  await page.locator('.shelf button', { hasText: 'Broken on purpose' }).first().click();
  await page.click('#lab-use');
  await expect
    .poll(verdict, waits)
    .toMatch(/^It is wrong in softmax, naive, .*: gradient of input 0\[\d+\] is \S+, expected /);
  await expect.poll(notice).toMatch(/^Not used: it is wrong in softmax, naive, .*: gradient of input 0\[\d+\] is /);
  expect(await page.locator('.cm-lint-marker-error').count()).toBe(0);
  // Nested loops that end late, in one that never ends.
  const late = 'for (var a = 0u; a < 1000000u; a++) { for (var b = 0u; b < 1000000u; b++) { top += x[i]; } }';
  await type(ownText('rows/softmax_naive').replace('{ top = max', `{ i -= 1u; ${late} top = max`));
  await expect
    .poll(verdict, waits)
    .toMatch(/ is NaN, expected .*; a loop that does not end leaves its results unwritten$/);
});

test('stops by button and by Escape, and the model answers meanwhile', async () => {
  await page.locator('.sample').first().click();
  await page.click('#lab-own');
  for (const stop of [() => page.click('#lab-try'), () => page.press('.cm-content', 'Escape')]) {
    await becomes('running');
    await expect.poll(verdict, waits).toMatch(/^(Checking|Timing)/);
    await stop();
    await becomes('stopped');
    await page.press('.cm-content', 'Control+Enter');
  }
  expect(await ask('Is there a red digit?')).toBe('yes .');
});

const KERNEL = 'rows/norm_rms_naive';

test('shows times of a right text beside the other variants and the roof', async () => {
  await page.selectOption('#lab-kernel', KERNEL);
  expect(await page.locator('#lab-use').getAttribute('aria-disabled')).toBe('true');
  await type(`${ownText(KERNEL)}\n// mine`);
  await becomes('right');
  expect(await verdict()).toMatch(
    /^Right in all \d+ cases of rmsNorm, naive, forward and backward, compared with float64; the worst error is \d+ % of what is allowed\.$/,
  );
  expect(await page.innerText('#lab-speed')).toMatch(
    /^Yours is \S+ times as fast as Curio’s own forward, \S+ times as fast as Curio’s own backward\.$/,
  );
  const rows = await page.locator('.bars[data-direction=forward] tbody tr').allInnerTexts();
  expect(rows[0]).toMatch(/^yours\s+\S+\sms\s+\S+\s%$/);
  expect(rows[1]).toMatch(/^Curio’s own\s/);
  expect(rows.at(-1)).toMatch(/^a copy of as many bytes\s+\S+\sms/);
  expect(rows.length).toBeGreaterThan(3);
  expect(await page.locator('.bars[data-direction=backward] tbody tr').count()).toBeGreaterThan(2);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await barriers(page)).toEqual([]);
  }
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  }
  await page.setViewportSize({ width: 1120, height: 900 });
});

test('puts a right kernel into the model, whose answers stay the same', async () => {
  await page.click('#lab-use');
  await expect.poll(notice, waits).toBe(`The model runs your ${KERNEL} now.`);
  expect(await page.innerText('#lab-in-use')).toBe(`In the model now: your ${KERNEL}.`);
  expect(await ask('Is there a red digit?')).toBe('yes .');
  await expect.poll(() => page.innerText('#lab-in-use')).toBe(`In the model now: your ${KERNEL}, which it has run.`);
});

test('restores Curio’s own kernels', async () => {
  await page.click('#lab-back');
  await expect.poll(notice).toBe('Curio’s own kernels run again.');
  expect(await page.locator('#lab-in-use').count()).toBe(0);
  expect(await ask('Is there a red digit?')).toBe('yes .');
});

test('recovers from a lost device, with Curio’s own kernels in the model', async () => {
  await page.click('#lab-use');
  await expect.poll(notice, waits).toBe(`The model runs your ${KERNEL} now.`);
  await page.click('#lab-try');
  await expect.poll(verdict, waits).toMatch(/^(Checking|Timing)/);
  await (await served.browser.newBrowserCDPSession()).send('Browser.crashGpuProcess');
  await becomes('failed');
  expect(await verdict()).toBe(
    'The graphics device was lost while running this kernel; the next text gets a fresh one.',
  );
  await expect.poll(() => standing(page), waits).toBe('ready');
  expect(await notice()).toBe('The model was reopened, with Curio’s own kernels.');
  await page.click('#lab-try');
  await becomes('right');
  expect(await ask('Is there a red digit?')).toBe('yes .');
});

test('is one step from the kernel that just ran', async () => {
  await page.click('#how');
  const link = page.locator('.how .kernel').first();
  await link.waitFor({ timeout: 100_000 });
  const name = await link.innerText();
  await link.click();
  await expect.poll(() => page.inputValue('#lab-kernel')).toBe(name);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('lab-title');
});
