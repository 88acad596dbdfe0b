/**
 * The built page in a real headless Chromium: digits are drawn with the mouse, questions answered, self-questions
 * stream in.
 */
import { RandomStream } from '@curio/engine';
import { COLORS, digitWord, PLACES } from '@curio/scenes';
import type { Color } from '@curio/scenes';
import { chromium } from 'playwright';
import type { Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../../scripts/chromium.mjs';
import { handwrite } from '@curio/testing/handwriting';
import { ended, newest, servePage, standing } from './served-page.ts';
import type { ServedPage } from './served-page.ts';

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = new RandomStream(seed);
let served: ServedPage;
let page: Page;

beforeAll(async () => {
  served = await servePage();
});
afterAll(() => served?.close());

/** Draws a large digit into a cell with the mouse, stroke by stroke. */
async function draw(digit: number, color: Color, cell: number): Promise<void> {
  await page.click(`[data-color=${color}]`);
  await page.click('[data-pen=large]');
  const box = (await page.locator('#board').boundingBox())!;
  const unit = box.width / 72;
  const middle = { x: (cell % 3) * 24 + 12, y: Math.floor(cell / 3) * 24 + 12, height: 18 };
  for (const [[x, y], ...rest] of handwrite(digit, middle, random)) {
    await page.mouse.move(box.x + x * unit, box.y + y * unit);
    await page.mouse.down();
    for (const [u, v] of rest) await page.mouse.move(box.x + u * unit, box.y + v * unit);
    await page.mouse.up();
  }
}

/** Asks, waits for the whole answer, and returns it. */
async function ask(question: string): Promise<string> {
  const before = await page.locator('.talk').count();
  await page.fill('#question', question);
  await page.press('#question', 'Enter');
  await expect.poll(() => page.locator('.talk').count()).toBe(before + 1);
  await ended(page);
  return (await newest(page).locator('.answer').getAttribute('data-text')) ?? '';
}

describe('the page', () => {
  test('opens the model and names the device', async () => {
    page = await served.browser.newPage({ viewport: { width: 1120, height: 900 } });
    const wrong: string[] = [];
    page.on('pageerror', ({ message }) => wrong.push(message));
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    await page.goto(`${served.address}page/`);
    await expect.poll(() => standing(page), { timeout: 100_000 }).not.toBe('loading');
    expect(await standing(page), await page.innerText('#standing')).toBe('ready');
    expect(await page.innerText('#standing')).toMatch(/Runs on \S+/);
    expect(wrong).toEqual([]);
  });

  test('answers rightly about two different drawings', async () => {
    const digits = random.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const colors = random.shuffle(COLORS);
    const cells = random.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (const k of [0, 1]) {
      const [digit, color, cell] = [digits[k]!, colors[k]!, cells[k]!];
      await page.click('#clear');
      await draw(digit, color, cell);
      const about = `drawn: a ${color} ${digitWord(digit)} at ${PLACES[cell]}; repeat with SEED=${seed}`;
      expect(await ask(`Which digit is ${color}?`), about).toBe(`${digitWord(digit)} .`);
      expect(await ask(`What colour is the ${digit}?`), about).toBe(`${color} .`);
      expect(await ask(`Where is the ${digitWord(digit)}?`), about).toBe(`${PLACES[cell]} .`);
      expect(await ask(`Which digit is at ${PLACES[cell]}?`), about).toBe(`${digitWord(digit)} .`);
    }
  });

  test('can be drawn on and asked by keyboard alone', async () => {
    await page.click('#clear');
    await page.click('[data-color=blue]');
    await page.focus('#board');
    for (const key of [
      'ArrowUp',
      'ArrowUp',
      'ArrowUp',
      'ArrowLeft',
      'ArrowLeft',
      '7',
      'ArrowDown',
      'ArrowDown',
      '4',
      'Delete',
    ])
      await page.keyboard.press(key);
    expect(await ask('Is there a blue digit?')).toBe('yes .');
    // Nothing was drawn by hand, so the page knows the truth and marks the answer.
    expect(await newest(page).locator('.mark.right').count()).toBe(1);
    expect(await ask('How many blue digits are there?')).toBe('one .');
  });

  test('streams a description, self-asked questions and their answers', async () => {
    await page.locator('.sample').first().click();
    const before = await page.locator('.talk').count();
    await page.click('#self');
    const lengths = new Set<number>();
    await expect
      .poll(
        async () => {
          lengths.add((await newest(page).innerText()).length);
          return newest(page).getAttribute('data-state');
        },
        { timeout: 100_000, interval: 10 },
      )
      .toBe('done');
    expect(await page.locator('.talk').count()).toBe(before + 1);
    // Words of the description, then each question when its candidates are answered.
    expect(lengths.size).toBeGreaterThan(3);
    expect(await newest(page).locator('.description').getAttribute('data-text')).toMatch(/^a (small|large) /);
    expect(await newest(page).locator('.question').count()).toBe(3);
    expect(await newest(page).locator('.self-answer').count()).toBe(3);
    expect(await newest(page).locator('footer').innerText()).toMatch(/\d tokens\/s/);
  });

  test('stops when asked to, by button or Escape, and answers again', async () => {
    for (const stop of [() => page.click('#stop'), () => page.keyboard.press('Escape')]) {
      await page.click('#self');
      await stop();
      await ended(page, 'stopped');
    }
    expect(await ask('Is there a red digit?')).toMatch(/^(yes|no) \.$/);
  });

  test('answers what was asked while it was busy, one after the other', async () => {
    const before = await page.locator('.talk').count();
    await page.click('#self');
    for (const color of ['red', 'blue']) {
      await page.fill('#question', `Is there a ${color} digit?`);
      await page.press('#question', 'Enter');
    }
    expect(await newest(page).getAttribute('data-state')).toBe('waiting');
    expect(await page.locator('.talk').count()).toBe(before + 3);
    await ended(page);
    expect(await page.locator('.talk[data-state=done]').count()).toBeGreaterThanOrEqual(3);
    expect(await page.locator('.talk[data-state=waiting], .talk[data-state=writing]').count()).toBe(0);
  });

  test('says what it cannot know when the question is sent, and the layout stays', async () => {
    const before = await page.locator('.talk').count();
    const top = async () => (await page.locator('#talks').boundingBox())!.y;
    const at = await top();
    for (const [text, why] of [
      ['Where is the elephant?', 'I have never read “elephant”: ask about digits, colors, sizes and places.'],
      ['w'.repeat(300), '300 letters are too many for me: ask in a short sentence.'],
      ['<b>哪</b>', 'I have only read English: ask in English, such as “Which digit is red?”.'],
    ] as const) {
      await page.fill('#question', text);
      expect(await page.locator('#why.refused').count()).toBe(0);
      await page.press('#question', 'Enter');
      expect(await page.innerText('#why')).toBe(why);
      expect(await top()).toBe(at);
    }
    expect(await page.locator('.talk').count()).toBe(before);
    await page.fill('#question', 'where is');
    expect(await page.locator('.chips button').first().innerText()).toMatch(/^Where is the \w+\?$/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  });
});

describe('where it cannot run', () => {
  test('it says what helps without WebGPU', async () => {
    const { args, ...launch } = findChromium();
    const plain = await chromium.launch({ ...launch, args: args.filter((arg: string) => !arg.includes('webgpu')) });
    try {
      const other = await plain.newPage();
      await other.goto(`${served.address}page/`);
      await expect.poll(() => standing(other), { timeout: 20_000 }).toBe('closed');
      expect(await standing(other, 'data-reason')).toMatch(/^no-(webgpu|adapter)$/);
      expect(await other.innerText('#standing')).toContain(process.platform === 'linux' ? 'chrome://flags' : 'Chrome');
    } finally {
      await plain.close();
    }
  });

  test('it says so when the server has no model', async () => {
    const other = await served.browser.newPage();
    await other.goto(`${served.address}bare/`);
    await expect.poll(() => standing(other), { timeout: 20_000 }).toBe('closed');
    expect(await other.innerText('#standing')).toContain('npm start');
    await other.close();
  });
});
