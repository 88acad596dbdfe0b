/** `curio train` and `curio ask` on folders as published, and on what a run leaves, by their names alone. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { CURIO } from './curio.ts';
import { writeSamples } from './published.ts';

const root = resolve(import.meta.dirname, '../../..');
const published = join(root, 'packages/testing/published/transformers-4.31');
const folder = mkdtempSync(join(tmpdir(), 'curio-by-name-'));

function curio(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...CURIO, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { status, stdout, stderr: stderr.replaceAll(/^Warning: .*\n/gm, '').trim() };
}

const LANGUAGE = join(published, 'language');
const ADAPTER = join(published, 'adapter');

test('a run starts from a published adapter; its result opens with --run, and by name', async () => {
  await writeSamples(folder);
  const trained = curio(
    ...['train', '--model', LANGUAGE, '--adapter', ADAPTER, '--name', 'short', '--data.images=.'],
    ...['--data.stage1=data.json', '--data.stage2=data.json', '--train.stage1.steps=0', '--train.stage2.steps=1'],
    ...['--train.stage2.batch=2', '--train.stage2.accumulate=1'],
  );
  expect(trained.stderr).not.toContain('Error');
  expect(trained.status).toBe(0);
  const read = (name: string) => JSON.parse(readFileSync(join(folder, 'runs/short', name), 'utf8'));
  expect(read('config.json')).toMatchObject({
    preset: '7b',
    base: { language: LANGUAGE, adapter: ADAPTER, storage: 'f16' },
    model: { languageLora: { r: 8, alpha: 16, dropout: 0.05 }, visionLora: { r: 4, alpha: 8, dropout: 0.2 } },
  });
  expect(read('adapter/config.json')).toMatchObject({
    model_type: 'llava',
    mm_projector_type: 'cluster',
    chat_template_name: 'v1_sq',
  });
  const question = ['a.png', 'what is that ?', '--max-new-tokens', '3', '--template', 'v1'];
  const byRun = curio('ask', ...question, '--run', 'runs/short');
  const byName = curio('ask', ...question, '--model', LANGUAGE, '--adapter', 'runs/short/adapter');
  expect(byRun.stderr).toContain(`language LoRA: ${join('runs/short/adapter')}: 28 tensors used; r 8, alpha 16`);
  expect([byRun.status, byName.status]).toEqual([0, 0]);
  expect(byName.stderr).toBe(byRun.stderr);
  expect(byName.stdout).toBe(byRun.stdout);
});

test('a question to a published adapter: the answer with the report', () => {
  const asked = curio(
    ...['ask', 'a.png', 'what is that ?', '--model', LANGUAGE, '--adapter', ADAPTER, '--max-new-tokens', '2'],
  );
  expect(asked.status).toBe(0);
  expect(asked.stdout).not.toContain('tensors');
  expect(asked.stderr).toContain(
    `language base: ${LANGUAGE}: 21 tensors used; 4 of a foreign projector dropped; 2 rotary buffers not needed`,
  );
  expect(asked.stderr).toContain(
    `base: the adapter was trained on ./checkpoints/tiny-share4v-base and is opened on ${LANGUAGE}; different weights give different answers`,
  );
});

test('folders without their model, or together with a run, are refused in one sentence', () => {
  expect(curio('ask', 'a.png', 'what ?', '--adapter', ADAPTER)).toMatchObject({
    status: 2,
    stderr: 'ask: --vision, --adapter and --storage need --model, the language model that they belong to.',
  });
  expect(curio('ask', 'a.png', 'what ?', '--model', LANGUAGE, '--run', 'runs/short')).toMatchObject({
    status: 2,
    stderr: 'ask: --run and --model are both given; a run has its own model, so give one of the two.',
  });
  expect(curio('train', '--resume', 'runs/short', '--model', LANGUAGE)).toMatchObject({
    status: 2,
    stderr:
      'train: a resumed run keeps its configuration; leave out --preset, --config, folders and overrides, or start a new run.',
  });
});
