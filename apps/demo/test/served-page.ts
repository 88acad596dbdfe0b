/**
 * @file The built page on a plain server, and a headless Chromium to visit it with. `/page/` is the page, `/bare/` the
 * page on a server that has no model, `/flaky/` one whose listing of the model and whose samples fail once.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import type { Browser, Locator, Page } from 'playwright';
import { expect } from 'vitest';
import { findChromium } from '../../../scripts/chromium.mjs';

const demo = fileURLToPath(new URL('..', import.meta.url));
const vite = fileURLToPath(new URL('../../../node_modules/vite/bin/vite.js', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webmanifest': 'application/manifest+json',
};

export interface ServedPage {
  /** Folder of the built page. */
  readonly built: string;
  readonly browser: Browser;
  /** A separate browser, which the caller closes. */
  readonly launch: () => Promise<Browser>;
  /** How many the server has had, without the browser's own checks for a newer service worker. */
  readonly requests: () => number;
  /** Of the server, with a slash at its end. */
  readonly address: string;
  readonly close: () => Promise<void>;
}

async function build(folder: string): Promise<void> {
  // The page as it is published, with the committed model, not the one that this machine trained last.
  const env = { ...process.env, NODE_ENV: 'production', CURIO_RUN: process.env.CURIO_RUN ?? join(demo, 'trained') };
  await new Promise<void>((resolve, reject) => {
    const args = [vite, 'build', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'];
    const run = spawn(process.execPath, args, { cwd: demo, stdio: 'inherit', env });
    run.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`vite build ended with ${code}`))));
  });
}

/** @param folder of a build; without it the page is built, and the build removed at the end */
export async function servePage(folder?: string): Promise<ServedPage> {
  const built = folder ?? mkdtempSync(join(tmpdir(), 'curio-page-'));
  if (!folder) await build(built);
  const failing = new Set(['model/files.json', 'scene-samples.json']);
  let requests = 0;
  const server = createServer((request, response) => {
    if (!request.url!.endsWith('/sw.js')) requests++;
    const [, folder, ...rest] = new URL(request.url!, 'http://localhost').pathname.split('/');
    const name = rest.join('/') || 'index.html';
    const path = join(built, name);
    const fails = folder === 'flaky' && failing.delete(name);
    const body =
      folder === 'bare' && name === 'model/files.json'
        ? '{}'
        : existsSync(path) && !fails
          ? readFileSync(path)
          : undefined;
    response
      .writeHead(body === undefined ? 404 : 200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' })
      .end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const launch = (): Promise<Browser> => chromium.launch(findChromium());
  const browser = await launch();
  return {
    built,
    browser,
    launch,
    requests: () => requests,
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: async () => {
      await browser.close();
      server.close();
      if (!folder) rmSync(built, { recursive: true, force: true });
    },
  };
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe finds inaccessible on the page as it is now. */
export async function barriers(on: Page): Promise<string[]> {
  await on.addScriptTag({ path: AXE });
  const script = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => id + ': ' + help + ' at ' + html)))`;
  return (await on.evaluate(script)) as string[];
}

export const standing = (on: Page, attribute = 'data-state'): Promise<string | null> =>
  on.locator('#standing').getAttribute(attribute);
export const newest = (on: Page): Locator => on.locator('.talk').first();
export const stateOf = (talk: Locator): Promise<string | null> => talk.getAttribute('data-state');

/** Until the newest talk is over. */
export const ended = (on: Page, state = 'done'): Promise<void> =>
  expect.poll(() => stateOf(newest(on)), { timeout: 100_000, interval: 25 }).toBe(state);
