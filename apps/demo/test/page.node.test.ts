/**
 * The built page in a real headless Chromium: digits are drawn with the mouse, questions answered, self-questions
 * stream in.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RandomStream } from '@curio/engine';
import { COLORS, digitWord, PLACES } from '@curio/scenes';
import type { Color } from '@curio/scenes';
import { chromium } from 'playwright';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../../scripts/chromium.mjs';
import { handwrite } from './handwriting.ts';

const demo = fileURLToPath(new URL('..', import.meta.url));
const vite = fileURLToPath(new URL('../../../node_modules/vite/bin/vite.js', import.meta.url));
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = new RandomStream(seed);
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
};

let built: string;
let server: Server;
let browser: Browser;
let page: Page;
const address = (folder: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${folder}/`;

beforeAll(async () => {
  built = mkdtempSync(join(tmpdir(), 'curio-page-'));
  // What the repository brings, not what this machine last trained.
  const env = { ...process.env, CURIO_RUN: process.env.CURIO_RUN ?? join(demo, 'trained') };
  await new Promise<void>((resolve, reject) => {
    const build = spawn(process.execPath, [vite, 'build', '--outDir', built, '--emptyOutDir', '--logLevel', 'error'], {
      cwd: demo,
      stdio: 'inherit',
      env,
    });
    build.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`vite build ended with ${code}`))));
  });
  // Plain files under any path: /page/ is the page, /bare/ the page on a server that has no model.
  server = createServer((request, response) => {
    const [, folder, ...rest] = new URL(request.url!, 'http://localhost').pathname.split('/');
    const path = join(built, rest.join('/') || 'index.html');
    const body =
      folder === 'bare' && rest.join('/') === 'model/files.json'
        ? '{}'
        : existsSync(path)
          ? readFileSync(path)
          : undefined;
    response
      .writeHead(body === undefined ? 404 : 200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' })
      .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await chromium.launch(findChromium());
});
afterAll(async () => {
  await browser?.close();
  server?.close();
  if (built) rmSync(built, { recursive: true, force: true });
});

const standing = (on: Page, attribute = 'data-state'): Promise<string | null> =>
  on.locator('#standing').getAttribute(attribute);
const newest = () => page.locator('.talk').first();

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

/** Waits for the newest talk to end. */
async function ended(count: number): Promise<void> {
  await expect
    .poll(() => page.locator('.talk:not([data-state=writing])').count(), { timeout: 60_000, interval: 25 })
    .toBe(count);
}

/** Asks, waits for the whole answer, and gives it. */
async function ask(question: string): Promise<string> {
  const before = await page.locator('.talk').count();
  await page.fill('#question', question);
  await page.press('#question', 'Enter');
  await ended(before + 1);
  return (await newest().locator('.answer').getAttribute('data-text')) ?? '';
}

describe('the page', () => {
  test('opens the model and says on which device', async () => {
    page = await browser.newPage({ viewport: { width: 1120, height: 900 } });
    const wrong: string[] = [];
    page.on('pageerror', ({ message }) => wrong.push(message));
    page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
    await page.goto(address('page'));
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

  test('is drawn on and asked by keyboard alone', async () => {
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
    expect(await newest().locator('.mark.right').count()).toBe(1);
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
          lengths.add((await newest().innerText()).length);
          return newest().getAttribute('data-state');
        },
        { timeout: 100_000, interval: 10 },
      )
      .toBe('done');
    expect(await page.locator('.talk').count()).toBe(before + 1);
    expect(lengths.size).toBeGreaterThan(4);
    expect(await newest().locator('.description').getAttribute('data-text')).toMatch(/^a (small|large) /);
    expect(await newest().locator('.question').count()).toBe(3);
    expect(await newest().locator('.self-answer').count()).toBe(3);
    expect(await newest().locator('footer').innerText()).toMatch(/\d tokens\/s/);
  });

  test('stops when asked to, and answers again', async () => {
    await page.click('#self');
    await page.click('#stop');
    await expect.poll(() => newest().getAttribute('data-state')).toBe('stopped');
    expect(await ask('Is there a red digit?')).toMatch(/^(yes|no) \.$/);
  });

  test('says which words it has never read', async () => {
    await page.fill('#question', 'Where is the elephant?');
    expect(await page.innerText('#unknown')).toContain('“elephant”');
  });
});

describe('where it cannot run', () => {
  test('it says what helps without WebGPU', async () => {
    const { args, ...launch } = findChromium();
    const plain = await chromium.launch({ ...launch, args: args.filter((arg: string) => !arg.includes('webgpu')) });
    try {
      const other = await plain.newPage();
      await other.goto(address('page'));
      await expect.poll(() => standing(other), { timeout: 20_000 }).toBe('closed');
      expect(await standing(other, 'data-reason')).toMatch(/^no-(webgpu|adapter)$/);
      expect(await other.innerText('#standing')).toContain(process.platform === 'linux' ? 'chrome://flags' : 'Chrome');
    } finally {
      await plain.close();
    }
  });

  test('it says so when the server has no model', async () => {
    const other = await browser.newPage();
    await other.goto(address('bare'));
    await expect.poll(() => standing(other), { timeout: 20_000 }).toBe('closed');
    expect(await other.innerText('#standing')).toContain('npm start');
    await other.close();
  });
});
