/** See inside, and how it works, in a real headless Chromium. */
import type { Locator, Page } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers, ended, newest, servePage } from './served-page.ts';
import type { ServedPage } from './served-page.ts';

/** Records the worker's messages by kind, and whether it was asked to trace. */
const LISTEN = `
  self.heard = {};
  self.asked = [];
  const { Worker } = self;
  self.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      this.addEventListener('message', ({ data }) => (heard[data.kind] = (heard[data.kind] ?? 0) + 1));
    }
    postMessage(message) {
      if ('trace' in message) asked.push(message.trace);
      super.postMessage(message);
    }
  };`;
let served: ServedPage;
let page: Page;
beforeAll(async () => {
  served = await servePage();
  page = await served.browser.newPage({ viewport: { width: 1120, height: 900 }, reducedMotion: 'reduce' });
  await page.addInitScript(LISTEN);
  await page.goto(`${served.address}page/`);
  await page.locator('.sample').nth(1).click();
});
afterAll(() => served?.close());

async function ask(question: string): Promise<void> {
  await page.fill('#question', question);
  await page.press('#question', 'Enter');
  await expect.poll(() => newest(page).locator('h3').innerText()).toContain(question);
  await ended(page);
}
const said = (): Promise<string> => page.locator('.seen > [role=status]').innerText();
const word = (n: number): Locator => newest(page).locator('.word').nth(n);
/** What is drawn over the board, or over the picture of the panel; null if nothing is. */
const drawn = async (where: '.board' | '.looked'): Promise<string | null> => {
  const overlay = page.locator(`${where} .overlay`);
  if ((await overlay.count()) === 0) return null;
  return overlay.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
};

test('is off at first: nothing is traced, and nothing can be pointed at', async () => {
  await ask('Which digit is red?');
  expect(await page.locator('.word, .overlay, .seen').count()).toBe(0);
  expect(await page.getAttribute('#inside', 'aria-pressed')).toBe('false');
  const [heard, asked] = (await page.evaluate('[heard, asked]')) as [Record<string, number>, boolean[]];
  expect(asked).toEqual([false]);
  expect(heard).toMatchObject({ done: 1 });
  expect(Object.keys(heard)).not.toContain('word');
  expect(Object.keys(heard)).not.toContain('patches');
});

test('switched on, it traces the last answer: its words are the same, and each lights up patches', async () => {
  const text = await newest(page).locator('.answer').innerText();
  await page.click('#inside');
  await ended(page);
  expect(await newest(page).locator('.answer').innerText()).toBe(text);
  expect(await said()).toBe('Point at a word, tap it, or reach it with Tab and the arrow keys.');
  expect(await drawn('.board')).toBeNull();
  expect(await page.locator('.chances').count()).toBe(0);
  await word(0).hover();
  expect(await said()).toMatch(
    /^For “seven” it looked at the picture with \d+\s% of its attention \(the mean over all/,
  );
  const lit = await drawn('.board');
  expect(lit).not.toBeNull();
  expect(await drawn('.looked')).toBe(lit);
  const chances = page.locator('.chances li');
  expect(await chances.count()).toBe(5);
  expect(await chances.first().innerText()).toMatch(/^“seven”\s+(>\s)?\d+\s%$/);
  await page.selectOption('#layer', '0');
  expect(await said()).toContain('(layer 1)');
  expect(await drawn('.board')).not.toBe(lit);
  expect(await barriers(page)).toEqual([]);
});

test('by keyboard: Tab reaches a text, arrow keys its words', async () => {
  await page.selectOption('#layer', 'mean');
  await page.click('#self');
  await ended(page);
  const description = newest(page).locator('.description');
  await description.locator('.word').first().focus();
  const first = await said();
  await page.keyboard.press('ArrowRight');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('large');
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-pressed'))).toBe('true');
  expect(await said()).toMatch(/^For “large” /);
  expect(await said()).not.toBe(first);
  await page.keyboard.press('End');
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('.');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.closest('p')?.className)).toBe('question');
  // Each text is one stop, at the word that was pointed at last.
  expect(await description.locator('.word[tabindex="0"]').count()).toBe(1);
  expect(await barriers(page)).toEqual([]);
});

test('the prototypes are colors over the picture, with their iterations', async () => {
  await page.locator('.views label', { hasText: 'Prototypes' }).click();
  const seen = new Set<string | null>([await drawn('.board')]);
  expect(await said()).toMatch(/^In the end the 36 patches belong to \d+ of 16 prototypes, by \d+\s% on average/);
  const slider = page.locator('#iteration');
  for (const name of ['2 of 2', '1 of 2']) {
    await slider.press('ArrowLeft');
    expect(await slider.getAttribute('aria-valuetext')).toBe(name);
    expect(await said()).toContain(`In iteration ${name} `);
    seen.add(await drawn('.board'));
  }
  expect(seen.size).toBe(3);
  expect(seen).not.toContain(null);
  expect(await barriers(page)).toEqual([]);
  // Pressing a word shows what it attended to.
  await word(0).click();
  expect(await page.locator('.views [value=attention]').isChecked()).toBe(true);
});

test('another picture on the board is not lit; the panel keeps the one in question', async () => {
  expect(await drawn('.board')).not.toBeNull();
  await page.locator('.sample').nth(2).click();
  expect(await drawn('.board')).toBeNull();
  expect(await drawn('.looked')).not.toBeNull();
  await page.locator('.sample').nth(1).click();
  expect(await drawn('.board')).not.toBeNull();
});

test('on a narrow screen and in the dark nothing overflows, and words are large enough for a finger', async () => {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  expect(await barriers(page)).toEqual([]);
  const phone = await served.browser.newPage({
    ...{ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, reducedMotion: 'reduce' },
  });
  await phone.goto(`${served.address}page/`);
  await phone.tap('#inside');
  await phone.tap('#self');
  await ended(phone);
  await newest(phone).locator('.word').nth(2).tap();
  expect(await phone.locator('.seen > [role=status]').innerText()).toMatch(/^For “/);
  for (const box of await newest(phone).locator('.word').all())
    expect((await box.boundingBox())!.height).toBeGreaterThanOrEqual(44);
  expect(await barriers(phone)).toEqual([]);
  await phone.close();
});

test('switched off, it is as before', async () => {
  await page.click('#inside');
  expect(await page.locator('.word, .overlay, .seen').count()).toBe(0);
  await ask('Is there a red digit?');
  expect(await page.locator('.word').count()).toBe(0);
  expect(((await page.evaluate('asked')) as boolean[]).at(-1)).toBe(false);
});

test('how it works: four stages on the picture of the board, each with its kernel and time', async () => {
  await page.setViewportSize({ width: 1120, height: 900 });
  const how = page.locator('.how');
  await page.click('#how');
  await expect.poll(() => how.locator('li').count(), { timeout: 60_000 }).toBe(4);
  await expect.poll(() => how.locator('[role=status]').innerText()).toBe('');
  const texts = await how.locator('li').allInnerTexts();
  expect(texts.map((text) => text.split('\n')[0])).toEqual(['Patches', 'Prototypes', 'Words', 'Its own question']);
  for (const [i, told] of [
    /cut into 36 patches, and the image tower turns each into 128 numbers\./,
    /the 36 patches belong to \d+ of 16 prototypes/,
    /“A (small|large) \w+ \w+ at .*\.”\s+For “/s,
    /“\w.*[?.]”\s+For “/s,
  ].entries())
    expect(texts[i]).toMatch(told);
  for (const text of texts)
    expect(text).toMatch(
      /[a-z]+\/[a-z_0-9]+ just ran (once|\d+ times) in [\d.]+\sms, the longest of \d+ dispatches in/,
    );
  expect(await how.locator('.overlay').count()).toBe(4);
  // Stop and Escape end it, and its later messages are not shown; then it can be shown again.
  const saying = how.locator('[role=status]');
  for (const stop of [() => page.click('#stop'), () => page.keyboard.press('Escape')]) {
    // All four stages may be over before the stop arrives; then it tries once more.
    await expect
      .poll(async () => {
        await page.click('#how');
        expect(await saying.innerText()).toMatch(/^Stage \d of 4/);
        expect(await page.getAttribute('#stop', 'aria-disabled')).toBe('false');
        await stop();
        return saying.innerText();
      })
      .toBe('Stopped.');
    expect(await page.getAttribute('#stop', 'aria-disabled')).toBe('true');
  }
  const shown = await how.locator('li').count();
  expect(shown).toBeLessThan(4);
  await ask('Is there a red digit?');
  expect(await saying.innerText()).toBe('Stopped.');
  expect(await how.locator('li').count()).toBe(shown);
  await page.click('#how');
  await expect.poll(() => how.locator('li').count(), { timeout: 60_000 }).toBe(4);
  await expect.poll(() => saying.innerText()).toBe('');
  expect(await barriers(page)).toEqual([]);
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  await page.click('#clear');
  await page.locator('#how').click({ force: true });
  expect(await how.locator('[role=status]').innerText()).toBe('Draw a digit first.');
});
