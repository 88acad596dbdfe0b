/** First visits, links, reloads and faults in a real headless Chromium. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { barriers, ended, newest, servePage, standing, stateOf } from './served-page.ts';
import type { ServedPage } from './served-page.ts';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } as const;
let served: ServedPage;

beforeAll(async () => {
  served = await servePage();
});
afterAll(() => served?.close());

/** @param to folder of the server, and a hash; `bare/` spares tests of the board the model */
async function visit(options: Parameters<Browser['newPage']>[0] = {}, to = 'page/'): Promise<Page> {
  const page = await served.browser.newPage(options);
  await page.goto(served.address + to);
  return page;
}

/** A stroke with the mouse, in pixels of the picture. */
async function stroke(page: Page, ...[first, ...rest]: readonly (readonly [number, number])[]): Promise<void> {
  const box = (await page.locator('#board').boundingBox())!;
  const move = ([x, y]: readonly [number, number]) =>
    page.mouse.move(box.x + (x * box.width) / 72, box.y + (y * box.height) / 72);
  await move(first!);
  await page.mouse.down();
  for (const at of rest) await move(at);
  await page.mouse.up();
}
const caption = (page: Page): Promise<string> => page.innerText('#caption');

/** Compressed bytes of a file. */
const packed = (path: string): number => gzipSync(readFileSync(path)).length;

test('a first visit loads at most 200 kB of scripts and 4.5 MB in all, compressed, and answers at once; training code is loaded on demand', async () => {
  const page = await served.browser.newPage({ reducedMotion: 'reduce' });
  const loaded = new Set<string>();
  const paths = new Set<string>();
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    loaded.add(pathname.split('/').at(-1)!);
    paths.add(pathname.replace('/page/', '') || 'index.html');
  });
  await page.goto(`${served.address}page/`);
  await expect.poll(() => standing(page), { timeout: 100_000 }).toBe('ready');
  const worker = page.workers()[0]!;
  await worker.evaluate(`
    self.compiled = [];
    for (const name of ['createComputePipeline', 'createComputePipelineAsync']) {
      const original = GPUDevice.prototype[name];
      GPUDevice.prototype[name] = function (asked) {
        self.compiled.push(asked.label);
        return original.call(this, asked);
      };
    }`);
  await page.locator('.sample').first().click();
  await page.fill('#question', 'Is there a red digit?');
  await page.press('#question', 'Enter');
  await ended(page);
  expect(await worker.evaluate('self.compiled'), 'compiled during the first answer').toEqual([]);
  const all = [...paths].filter((path) => existsSync(join(served.built, path)));
  expect(all.filter((path) => /^model\/.*-[0-9a-f]{8}\.safetensors$/.test(path)).length).toBe(5);
  expect(all.reduce((sum, path) => sum + packed(join(served.built, path)), 0)).toBeLessThanOrEqual(4_500_000);
  const folder = join(served.built, 'assets');
  const scripts = readdirSync(folder).filter((name) => name.endsWith('.js'));
  const first = scripts.filter((name) => loaded.has(name));
  const names = first.map((name) => name.split('-')[0]);
  expect(names).toEqual(expect.arrayContaining(['index', 'worker']));
  for (const later of ['learner', 'panel', 'figures', 'torch', 'lab', 'swaps']) expect(names).not.toContain(later);
  const bytes = first.map((name) => packed(join(folder, name)));
  expect(bytes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(200_000);
  await page.click('#mode-teach');
  await page.locator('.keypad').waitFor();
  expect(scripts.filter((name) => loaded.has(name) && name.startsWith('panel')).length).toBe(1);
  await page.close();
});

describe('a first visit', () => {
  test('on a phone finds board, button and an answer without scrolling', async () => {
    const page = await visit(PHONE);
    await ended(page);
    expect(await newest(page).getAttribute('data-kind')).toBe('self');
    for (const part of ['#board', '#self', '.talk .description']) {
      const { x, y, width, height } = (await page.locator(part).first().boundingBox())!;
      expect(x + width, part).toBeLessThanOrEqual(390);
      expect(y + height, part).toBeLessThanOrEqual(844);
    }
    expect(await page.evaluate(() => scrollY)).toBe(0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await barriers(page)).toEqual([]);
    }
    await page.setViewportSize({ width: 844, height: 390 });
    const board = (await page.locator('#board').boundingBox())!;
    expect(board.y + board.height).toBeLessThanOrEqual(390);
    await page.setViewportSize({ width: 320, height: 640 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    await page.close();
  });

  test('with reduced motion waits to be asked', async () => {
    const page = await visit({ reducedMotion: 'reduce' });
    await expect.poll(() => standing(page), { timeout: 100_000 }).toBe('ready');
    expect(await page.locator('.talk').count()).toBe(0);
    await page.close();
  });
});

describe('the board', () => {
  test('takes one finger: a second never joins its stroke', async () => {
    const page = await visit({ ...PHONE, reducedMotion: 'reduce' }, 'bare/');
    await page.tap('#clear');
    const box = (await page.locator('#board').boundingBox())!;
    const at = (x: number, y: number, id: number) => ({
      x: box.x + (x * box.width) / 72,
      y: box.y + (y * box.height) / 72,
      id,
    });
    const touch = await page.context().newCDPSession(page);
    const send = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...touchPoints: ReturnType<typeof at>[]) =>
      touch.send('Input.dispatchTouchEvent', { type, touchPoints });
    await send('touchStart', at(12, 4, 0));
    await send('touchMove', at(12, 12, 0));
    await send('touchStart', at(12, 12, 0), at(60, 60, 1));
    await send('touchMove', at(12, 20, 0), at(60, 40, 1));
    await send('touchEnd');
    expect(await caption(page)).toBe('A red digit at top left.');
    await page.close();
  });

  test('clamps strokes, places a digit by its centre, and undoes a fourth', async () => {
    const page = await visit({ reducedMotion: 'reduce' }, 'bare/');
    await page.click('#clear');
    expect(await caption(page)).toBe('Nothing yet: draw a digit, 0 to 9, in a cell.');
    await page.click('#self');
    expect(await page.innerText('#why')).toBe('I see nothing on the board: draw a digit first.');
    expect(await barriers(page)).toEqual([]);
    await stroke(page, [60, 12], [60, 4], [90, -30]);
    // Over the line above the center cell, but with its centre in that cell.
    await stroke(page, [36, 20], [36, 44]);
    expect(await caption(page)).toBe('A red digit at top right, a red digit at center.');
    await page.click('[data-color=blue]');
    await stroke(page, [34, 30], [38, 40]);
    expect(await caption(page)).toBe(
      'One digit per cell: there is one at center already, so that stroke was taken back.',
    );
    await stroke(page, [12, 52], [12, 68]);
    await stroke(page, [60, 52], [60, 68]);
    expect(await caption(page)).toBe('I know one to three digits: clear one first; that stroke was taken back.');
    await page.click('#undo');
    expect(await caption(page)).toBe('A red digit at top right, a red digit at center.');
    await page.reload();
    expect(await caption(page)).toBe('A red digit at top right, a red digit at center.');
    await page.click('#clear');
    await page.reload();
    await page.locator('.sample').first().waitFor();
    expect(await caption(page)).toBe('Nothing yet: draw a digit, 0 to 9, in a cell.');
    await page.close();
  });

  test('keeps a stroke that is still being drawn out of the address', async () => {
    const page = await visit({ reducedMotion: 'reduce' }, 'bare/');
    await page.click('#clear');
    await stroke(page, [36, 28], [36, 44]);
    await expect.poll(() => page.url()).toContain('board=');
    const before = page.url();
    const box = (await page.locator('#board').boundingBox())!;
    const unit = box.width / 72;
    await page.click('[data-color=blue]');
    await page.mouse.move(box.x + 34 * unit, box.y + 30 * unit);
    await page.mouse.down();
    await page.mouse.move(box.x + 38 * unit, box.y + 40 * unit);
    await page.waitForTimeout(600);
    expect(page.url()).toBe(before);
    await page.mouse.up();
    expect(await caption(page)).toMatch(/^One digit per cell: there is one at center already/);
    await page.reload();
    expect(await caption(page)).toBe('A red digit at center.');
    await page.close();
  });

  test('takes a picture of one’s own, and says if a file is not one', async () => {
    const page = await visit({ reducedMotion: 'reduce' }, 'bare/');
    const png = await page.locator('#board').screenshot();
    await page.setInputFiles('#file', { name: 'mine.png', mimeType: 'image/png', buffer: png });
    await expect.poll(() => caption(page)).toBe('Your picture.');
    await page.setInputFiles('#file', { name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
    await expect
      .poll(() => caption(page))
      .toBe('“no.png” could not be opened as a picture here; a PNG or JPEG of ordinary size works.');
    await page.reload();
    await expect.poll(() => caption(page)).toBe('Your picture.');
    for (const [on, kind] of [
      ['#board', 'drop'],
      ['#question', 'paste'],
    ] as const) {
      await page.click('#clear');
      await page.evaluate(
        ([selector, type, bytes]) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(bytes)], 'mine.png', { type: 'image/png' }));
          const event =
            type === 'drop'
              ? new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true })
              : new ClipboardEvent(type, { clipboardData: data, bubbles: true, cancelable: true });
          document.querySelector(selector)!.dispatchEvent(event);
        },
        [on, kind, [...png]] as const,
      );
      await expect.poll(() => caption(page), { message: kind }).toBe('Your picture.');
    }
    await page.close();
  });
});

describe('a link', () => {
  test('carries drawing and question, and a reload keeps the conversation', async () => {
    const page = await visit({ reducedMotion: 'reduce' });
    await page.click('#clear');
    await stroke(page, [12, 4], [12, 20]);
    await page.fill('#question', 'which digit is red');
    await page.press('#question', 'Enter');
    await ended(page);
    const answer = await newest(page).locator('.answer').getAttribute('data-text');
    await expect.poll(() => page.url()).toMatch(/#board=1\.90\..*&ask=which\+digit\+is\+red$/);
    const link = page.url();
    await page.reload();
    expect(await caption(page)).toBe('A red digit at top left.');
    expect(await page.locator('.talk').count()).toBe(1);
    expect(await newest(page).locator('.answer').getAttribute('data-text')).toBe(answer);
    await page.close();

    const other = await served.browser.newPage();
    await other.goto(link);
    expect(await caption(other)).toBe('A red digit at top left.');
    await ended(other);
    expect(await newest(other).locator('.answer').getAttribute('data-text')).toBe(answer);
    await other.close();
  });

  test('that is broken is reported', async () => {
    const page = await visit({ reducedMotion: 'reduce' }, 'bare/#board=1.x');
    expect(await caption(page)).toBe('The drawing in this address could not be read.');
    await page.close();
  });
});

test('it asks, the visitor taps, and both are compared with the truth', async () => {
  const page = await visit({ reducedMotion: 'reduce' });
  await page.locator('.sample').nth(1).click();
  // Now and then it asks for descriptions only.
  for (let tries = 0; tries < 4 && (await page.locator('.options').count()) === 0; tries++) {
    await page.click('#quiz');
    await ended(page);
  }
  expect(await barriers(page)).toEqual([]);
  await page.locator('.options button').first().click();
  expect(await page.evaluate(() => document.activeElement?.className)).toBe('talk');
  expect(await barriers(page)).toEqual([]);
  expect(await newest(page).locator('dd .mark').count()).toBe(2);
  expect(await page.innerText('#score')).toMatch(/^Score: you [01], the model [01] of 1 right\.$/);
  await page.close();
});

test('it marks an answer that it is not sure of, and no other', async () => {
  const page = await visit({ reducedMotion: 'reduce' });
  await page.locator('.sample').first().click();
  const asks = async (question: string): Promise<void> => {
    await page.fill('#question', question);
    await page.press('#question', 'Enter');
    await ended(page);
  };
  await asks('Is there a red digit?');
  expect(await page.locator('.doubt').count()).toBe(0);
  await page.click('#clear');
  // No digit at all: one answer or another is a guess.
  await stroke(page, [28, 28], [44, 44], [44, 28], [28, 44]);
  await asks('Which digit is at center?');
  await asks('Is there a four?');
  await page.click('#clear');
  await stroke(page, [30, 28], [42, 28], [42, 44]);
  await asks('Which digit is red?');
  const doubts = await page.locator('.doubt').allInnerTexts();
  expect(doubts.length).toBeGreaterThan(0);
  for (const doubt of doubts) {
    expect(doubt).toMatch(/^ ?not sure: \d+\s%$/);
    expect(Number.parseInt(doubt.replace(/\D+/, ''), 10)).toBeLessThanOrEqual(75);
  }
  expect(await barriers(page)).toEqual([]);
  // A reload keeps them.
  await page.reload();
  expect(await page.locator('.doubt').allInnerTexts()).toEqual(doubts);
  await page.close();
});

test('can be installed, under a sub-path too', async () => {
  const page = await visit({ reducedMotion: 'reduce' }, 'bare/');
  const devtools = await page.context().newCDPSession(page);
  const { url, errors, data } = await devtools.send('Page.getAppManifest');
  expect([url, errors]).toEqual([`${served.address}bare/manifest.webmanifest`, []]);
  const manifest = JSON.parse(data!) as Record<string, string> & { icons: Record<string, string>[] };
  expect(manifest).toMatchObject({ display: 'standalone', start_url: './', theme_color: '#f7f5f0' });
  for (const { src, sizes, type } of manifest.icons) {
    const response = await page.request.get(new URL(src!, url).href);
    expect([response.status(), response.headers()['content-type']], src).toEqual([200, type]);
    if (type === 'image/png') {
      const bytes = await response.body();
      expect(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, src).toBe(sizes);
    }
  }
  const { installabilityErrors } = await devtools.send('Page.getInstallabilityErrors');
  expect(installabilityErrors.map(({ errorId }) => errorId)).toEqual([]);
  await page.close();
});

test('what failed to load is retried, and questions asked meanwhile are answered', async () => {
  const page = await visit({ reducedMotion: 'reduce' }, 'flaky/');
  await expect.poll(() => standing(page), { timeout: 20_000 }).toBe('closed');
  expect(await page.innerText('#standing')).toMatch(/files\.json could not be fetched \(404 Not Found\); try again\./);
  expect(await barriers(page)).toEqual([]);
  await page.click('#samples-again');
  await page.locator('.sample').first().click();
  await page.fill('#question', 'Is there a red digit?');
  await page.press('#question', 'Enter');
  expect(await stateOf(newest(page))).toBe('waiting');
  await page.click('#again');
  await ended(page);
  expect(await newest(page).locator('.answer').getAttribute('data-text')).toBe('yes .');
  await page.close();
});

test('a lost device is reopened by itself, and the answer is written again', async () => {
  const page = await visit({ reducedMotion: 'reduce' });
  await page.locator('.sample').first().click();
  await page.click('#self');
  await expect.poll(() => stateOf(newest(page)), { timeout: 100_000, interval: 10 }).toBe('writing');
  const devtools = await served.browser.newBrowserCDPSession();
  await devtools.send('Browser.crashGpuProcess');
  await expect.poll(() => standing(page), { timeout: 20_000, interval: 5 }).toBe('loading');
  await ended(page);
  expect(await newest(page).locator('.self-answer').count()).toBe(3);
  await page.close();
});

test('a second visit needs no network', async () => {
  const page = await visit({ reducedMotion: 'reduce' });
  await expect.poll(() => standing(page), { timeout: 100_000 }).toBe('ready');
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.context().setOffline(true);
  const before = served.requests();
  await page.reload();
  await page.locator('.sample').first().click();
  await page.fill('#question', 'Is there a red digit?');
  await page.press('#question', 'Enter');
  await ended(page);
  expect(await newest(page).locator('.answer').getAttribute('data-text')).toBe('yes .');
  expect(served.requests()).toBe(before);
  await page.close();
});
