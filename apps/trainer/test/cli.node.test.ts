import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CURIO } from './curio.ts';

const root = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'curio-cli-'));

function curio(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...CURIO, ...args], { cwd: root, encoding: 'utf8' });
  return { status, stdout, stderr: stderr.trim() };
}

test('curio and every command have help, which needs no device', () => {
  const { status, stdout } = curio('--help');
  expect(status).toBe(0);
  const names = [...stdout.split('Commands:')[1].matchAll(/^ {2}(\w+)/gm)]
    .map(([, name]) => name)
    .filter((name) => name !== 'help');
  expect(names).toEqual(expect.arrayContaining(['base', 'data', 'doctor']));
  for (const name of names) {
    const help = curio(name, '--help');
    expect([help.status, help.stdout]).toEqual([0, expect.stringContaining(`Usage: curio ${name}`)]);
  }
});

test('wrong usage is one sentence and exit code 2', () => {
  expect(curio('trian')).toMatchObject({ status: 2, stderr: expect.stringContaining("unknown command 'trian'") });
  expect(curio('data', '--sed', '3')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("unknown option '--sed'\n(Did you mean --seed?)"),
  });
  expect(curio('data', '--seed', 'x')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('It must be a whole number of at least 0.'),
  });
  expect(curio('base', 'llama', '--kinds', '{where:3}')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('write it like {"where":3}.'),
  });
  expect(curio('base', 'llama', '--kinds', '{"were":3}')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("There is no kind 'were'; the kinds are digit_at,"),
  });
  writeFileSync(join(folder, 'precious.txt'), 'mine');
  expect(curio('data', folder)).toMatchObject({
    status: 2,
    stderr: `data: ${folder} is not empty; choose another folder, or replace its contents with --force.`,
  });
  expect(readFileSync(join(folder, 'precious.txt'), 'utf8')).toBe('mine');
  expect(curio('data', folder, '--debug').stderr).toContain('\n    at ');
});

test('data writes a LLaVA folder', () => {
  const out = join(folder, 'scenes');
  const { status, stdout } = curio('data', out, '--stage1', '3', '--stage2', '2', '--heldout', '2', '--ask', '1');
  expect([status, stdout.split('\n').at(-2)]).toEqual([
    0,
    `data: ${out} holds 3 captioned scenes, 2 conversations, 2 held-out questions and 1 scenes to ask about (seed 1).`,
  ]);
  const [first] = JSON.parse(readFileSync(join(out, 'train-stage2.json'), 'utf8'));
  expect(first.conversations[0]).toMatchObject({ from: 'human', value: expect.stringContaining('<image>\n') });
  expect(existsSync(join(out, 'images', first.image))).toBe(true);
  expect(readdirSync(folder).sort()).toEqual(['precious.txt', 'scenes']);
});
