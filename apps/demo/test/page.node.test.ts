/** The page in a real headless Chromium: digits are drawn with the mouse, questions answered, self-questions stream in. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chromium } from 'playwright';
import type { Browser, Page } from 'playwright';
import { RandomStream } from '@curio/engine';
import { COLORS, PLACES } from '@curio/model';
import { findChromium } from '../../../scripts/chromium.mjs';

const demo = fileURLToPath(new URL('..', import.meta.url));
const vite = fileURLToPath(new URL('../../../node_modules/vite/bin/vite.js', import.meta.url));
const PORT = 4179;
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Digits as strokes in a box of 10 × 16, the way they are written by hand. */
const STROKES: Readonly<Record<string, readonly (readonly [number, number])[][]>> = {
  one: [[[5, 0], [5, 16]]],
  two: [[[0, 4], [2, 1], [5, 0], [8, 1], [9, 4], [8, 7], [4, 11], [0, 16], [10, 16]]],
  three: [[[1, 1], [5, 0], [9, 2], [8, 6], [4, 8], [8, 9], [10, 12], [8, 15], [4, 16], [0, 14]]],
  four: [[[6, 0], [0, 10], [10, 10]], [[7, 5], [7, 16]]],
  seven: [[[0, 0], [10, 0], [6, 8], [4, 16]]],
  zero: [[[5, 0], [2, 2], [0, 7], [1, 13], [5, 16], [9, 13], [10, 7], [8, 2], [5, 0]]],
};

let server: ChildProcess;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  const run = (args: string[]): ChildProcess => spawn(process.execPath, [vite, ...args], { cwd: demo, stdio: 'pipe' });
  await new Promise<void>((resolve, reject) => run(['build', '--logLevel', 'error']).on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`vite build ended with ${code}`)))));
  server = run(['preview', '--port', String(PORT), '--strictPort']);
  await new Promise((resolve) => server.stdout!.once('data', resolve));
  browser = await chromium.launch(findChromium());
  page = await browser.newPage({ viewport: { width: 1100, height: 860 } });
  page.on('pageerror', (error) => console.error('page:', error.message));
  await page.goto(`http://localhost:${PORT}`);
});
afterAll(async () => {
  await browser?.close();
  server?.kill();
});

/** Draws one large digit with the mouse. */
async function draw(digit: string, color: string, cell: number): Promise<void> {
  await page.click('#clear');
  await page.click(`[data-color=${color}]`);
  const box = (await page.locator('#canvas').boundingBox())!;
  const unit = box.width / 72;
  const [left, top] = [(cell % 3) * 24 + 7, Math.floor(cell / 3) * 24 + 4];
  for (const stroke of STROKES[digit]!) {
    for (const [i, [x, y]] of stroke.entries()) {
      const at = [box.x + (left + x) * unit, box.y + (top + y) * unit] as const;
      await page.mouse.move(...at, { steps: i === 0 ? 1 : 3 });
      if (i === 0) await page.mouse.down();
    }
    await page.mouse.up();
  }
}

/** Asks, waits for the whole answer, and gives it. */
async function ask(question: string): Promise<string> {
  const before = await page.locator('.talk[data-done=true]').count();
  await page.fill('#question', question);
  await page.click('#ask');
  await expect.poll(() => page.locator('.talk[data-done=true]').count(), { timeout: 60_000 }).toBe(before + 1);
  return (await page.locator('.talk .answer').first().innerText()).trim();
}

test('the model loads', async () => {
  const status = page.locator('#status');
  await expect.poll(() => status.getAttribute('data-state'), { timeout: 100_000 }).not.toBe('loading');
  expect(await status.getAttribute('data-state'), await status.innerText()).toBe('ready');
});

test('two different drawings get different, right answers', async () => {
  const random = new RandomStream(seed);
  const digits = random.shuffle(Object.keys(STROKES));
  const colors = random.shuffle(COLORS);
  const cells = random.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const said: string[] = [];
  for (const k of [0, 1]) {
    const [digit, color, cell] = [digits[k]!, colors[k]!, cells[k]!];
    await draw(digit, color, cell);
    const about = `drawn: a ${color} ${digit} at ${PLACES[cell]!}; repeat with SEED=${seed}`;
    expect(await ask(`is there a ${color} digit ?`), about).toBe('yes .');
    const place = await ask('describe the image in detail .');
    expect(place, about).toContain(`${color} `);
    expect(place, about).toContain(`at ${PLACES[cell]!} .`);
    said.push(place);
  }
  expect(said[0]).not.toBe(said[1]);
});

test('self-questions stream in, with their answers', async () => {
  await page.click('#sample');
  await page.click('#self');
  const talk = page.locator('.talk').first();
  const lengths = new Set<number>();
  await expect.poll(async () => {
    lengths.add((await talk.innerText()).length);
    return talk.getAttribute('data-done');
  }, { timeout: 100_000, interval: 20 }).toBe('true');
  expect(lengths.size).toBeGreaterThan(4);
  expect(await talk.locator('.question').count()).toBe(3);
  expect(await talk.locator('.self-answer').count()).toBe(3);
  expect(await talk.locator('footer').innerText()).toMatch(/tokens\/s/);
});
