/** `curio` with names of a hub in place of folders: the same answers, one download among processes, and their ends. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CURIO, runProgram } from './curio.ts';
import type { During } from './curio.ts';
import { filesOf, HubServer, part, sha256 } from '../../../packages/testing/src/hub-server.ts';
import { root, writeSamples } from './published.ts';

const layout = join(root, 'transformers-4.31');
const folder = mkdtempSync(join(tmpdir(), 'curio-hub-cli-'));
let hub: HubServer;
let commit: string;
beforeAll(async () => {
  hub = await HubServer.start();
  commit = hub.publish('tiny/vicuna', filesOf(join(layout, 'language')));
  hub.publish('tiny/adapter', filesOf(join(layout, 'adapter')));
  hub.publish('org/tower', filesOf(join(layout, 'tower')));
  await writeSamples(folder);
});
afterAll(() => hub.close());

const QUESTION = ['ask', 'a.png', 'what is that ?', '--max-new-tokens', '3'];
const NAMES = ['--model', 'tiny/vicuna', '--adapter', 'tiny/adapter@main'];
const environment = (home: string, env = {}) => ({
  HF_ENDPOINT: hub.endpoint,
  HF_HOME: home,
  HF_HUB_CACHE: '',
  ...env,
});
const curio = (home: string, args: readonly string[], env: Record<string, string> = {}, during?: During) =>
  runProgram(process.execPath, [...CURIO, ...args], folder, during, environment(home, env));

test('a question by names alone: the answer and the report of the folders, then offline too', async () => {
  const home = join(folder, 'home');
  const names = await curio(home, [...QUESTION, ...NAMES]);
  expect(names.code).toBe(0);
  const folders = await curio(home, [
    ...QUESTION,
    ...['--model', join(layout, 'language'), '--adapter', join(layout, 'adapter'), '--vision', join(layout, 'tower')],
  ]);
  expect(names.stdout).toBe(folders.stdout);
  const called = [
    [join(layout, 'language'), 'tiny/vicuna'],
    [join(layout, 'adapter'), 'tiny/adapter'],
    [join(layout, 'tower'), 'org/tower'],
  ].reduce((report, [path, name]) => report.replaceAll(path!, name!), folders.stderr);
  const progress = /^.* MB downloaded\n/gm;
  expect([...new Set(names.stderr.match(progress))]).toEqual([
    'tiny/vicuna: 1/1 MB downloaded\n',
    'tiny/adapter@main: 1/1 MB downloaded\n',
    'org/tower: 1/1 MB downloaded\n',
  ]);
  expect(names.stderr.replaceAll(progress, '')).toBe(called);

  const asked = hub.asked.length;
  const offline = await curio(home, [...QUESTION, ...NAMES], { HF_HUB_OFFLINE: '1' });
  expect(offline).toMatchObject({ code: 0, stdout: names.stdout });
  expect(hub.asked).toHaveLength(asked);
  const missing = await curio(join(folder, 'empty'), [...QUESTION, '--model', 'tiny/vicuna'], { HF_HUB_OFFLINE: '1' });
  expect(missing).toMatchObject({
    code: 1,
    sentence: `hub: tiny/vicuna is not a folder here, nor in ${join(folder, 'empty/hub')}, and HF_HUB_OFFLINE is set; unset it, or give a folder on this machine.`,
  });
});

test('a run on a name: its adapter records the name, not a path on this machine', async () => {
  const home = join(folder, 'home');
  const trained = await curio(home, [
    ...['train', ...NAMES, '--name', 'short', '--data.images=.', '--data.stage1=data.json', '--data.stage2=data.json'],
    ...['--train.stage1.steps=0', '--train.stage2.steps=1', '--train.stage2.batch=2', '--train.stage2.accumulate=1'],
  ]);
  expect(trained.code).toBe(0);
  const read = (name: string) => JSON.parse(readFileSync(join(folder, 'runs/short', name), 'utf8'));
  expect(read('config.json').base.language).toBe(join(home, 'hub/models--tiny--vicuna/snapshots', commit));
  expect(read('adapter/adapter_config.json').base_model_name_or_path).toBe('tiny/vicuna');
  expect(read('adapter/config.json').mm_vision_tower).toBe('org/tower');
});

test('a folder is converted or merged by name; checking data downloads only settings and tokenizer', async () => {
  const home = join(folder, 'home');
  const converted = await curio(home, ['convert', '--model', 'tiny/vicuna', '--quantise', 'int8', '--out', 'int8']);
  expect([converted.code, readdirSync(join(folder, 'int8'))]).toEqual([0, expect.arrayContaining(['vision_tower'])]);
  const merged = await curio(home, ['merge', ...NAMES, '--vision', 'org/tower', '--out', 'merged']);
  expect([merged.code, readdirSync(join(folder, 'merged'))]).toEqual([0, expect.arrayContaining(['vision_tower'])]);

  const before = hub.asked.length;
  const check = ['data', 'check', 'data.json', '--images', '.', '--entry', '0'];
  const named = await curio(join(folder, 'fresh'), [...check, '--model', 'tiny/vicuna']);
  const local = await curio(join(folder, 'fresh'), [...check, '--model', join(layout, 'language')]);
  expect([named.code, named.stdout]).toEqual([0, local.stdout]);
  expect(hub.asked.slice(before).filter(({ path }) => path.includes('pytorch_model'))).toEqual([]);
});

test('a dry run by names downloads no weights, and reports what the run reports', async () => {
  const before = hub.asked.length;
  const args = ['train', '--dry-run', '--train.stage1.steps=0', '--train.stage2.steps=1'];
  const named = await curio(join(folder, 'dry'), [...args, '--model', 'tiny/vicuna', '--vision', 'org/tower']);
  const local = await curio(join(folder, 'dry'), [
    ...[...args, '--model', join(layout, 'language'), '--vision', join(layout, 'tower')],
  ]);
  // The device's rates are measured each time.
  const sizes = (text: string): string[] => text.split('\n').filter((line) => !line.includes('FLOP/s'));
  expect([named.code, sizes(named.stdout)]).toEqual([0, sizes(local.stdout)]);
  expect(named.stdout).toContain('positions with 2 images');
  const asked = hub.asked.slice(before).map(({ path }) => path);
  expect(asked.some((path) => path.endsWith('config.json'))).toBe(true);
  expect(asked.filter((path) => /\.bin|\.safetensors/.test(path))).toEqual([]);
});

test('a tower that is nowhere: one sentence says where it was searched', async () => {
  const other = new Map(filesOf(join(layout, 'adapter')));
  const config = { ...JSON.parse(Buffer.from(other.get('config.json')!).toString()), mm_vision_tower: 'org/elsewhere' };
  hub.publish('tiny/other', other.set('config.json', Buffer.from(JSON.stringify(config))));
  const { code, sentence } = await curio(join(folder, 'home'), [
    ...[...QUESTION, '--model', 'tiny/vicuna', '--adapter', 'tiny/other'],
  ]);
  expect(code).toBe(1);
  expect(sentence).toMatch(
    /^hub: tiny\/other\/config\.json names the image tower 'org\/elsewhere', and there is no config\.json in org\/elsewhere, .*, and org\/elsewhere is not a folder here, nor a repository that http:\S+ shows without a token \(401 Unauthorized, Repository not found\); give it with --vision\.$/,
  );
});

const LARGE = new Uint8Array(40_000_000).map((_, i) => i >> 8);

test('processes killed while downloading, and others beside them: the file is complete in the end', async () => {
  const home = join(folder, 'killed');
  hub.publish('tiny/large', new Map([...filesOf(join(layout, 'language')), ['model.safetensors', LARGE]]));
  const ask = [...QUESTION, '--model', 'tiny/large'];
  let begins: number[] = [];
  /** Slow, so that a process can be killed in the middle. */
  const slowly = (kill: () => void, at: number): void => {
    hub.before = ({ path, range }, response) => {
      if (!path.startsWith('large:')) return false;
      const begin = Number(/\d+/.exec(range!));
      begins.push(begin);
      if (begin < at) return false;
      kill();
      setTimeout(() => part(response, LARGE, range), 50);
      return true;
    };
  };
  for (const at of [16_777_216, 33_554_432]) {
    begins = [];
    await curio(home, ask, {}, (kill) => slowly(() => kill('SIGKILL'), at));
    expect(begins.at(-1)).toBe(at);
  }
  begins = [];
  hub.before = ({ path, range }) => {
    if (path.includes(sha256(LARGE))) begins.push(Number(/\d+/.exec(range!)));
    return false;
  };
  const both = await Promise.all([curio(home, ask), curio(home, ask)]);
  // The weights are none, which is told only when they are there.
  for (const { code, sentence } of both) {
    expect(code).toBe(1);
    expect(sentence).toMatch(/^(weights|safetensors): .*model\.safetensors/);
  }
  expect(begins).toEqual([0, 33_554_432]);
  const blobs = join(home, 'hub/models--tiny--large/blobs');
  expect(readdirSync(blobs).filter((name) => name.includes('.'))).toEqual([]);
});

const inMounts = (script: string) => runProgram('unshare', ['-rm', 'sh', '-c', script], folder);
const canMount = (await inMounts('mount -t tmpfs -o size=1m none .').catch(() => ({ code: 1 }))).code === 0;

test.runIf(canMount)('a full disk: one sentence, and nothing of the file is in the snapshot', async () => {
  hub.before = () => false;
  mkdirSync(join(folder, 'disk'));
  const command = [process.execPath, ...CURIO, ...QUESTION, '--model', 'tiny/large']
    .map((word) => `'${word}'`)
    .join(' ');
  const set = Object.entries(environment('disk')).map(([key, value]) => `${key}=${value}`);
  const { stdout, stderr } = await inMounts(
    `mount -t tmpfs -o size=20m none disk; ${set.join(' ')} ${command}; echo "code $?"; find disk -type f -name '*.*' | wc -l; find disk -type l | wc -l`,
  );
  expect(stderr).toMatch(
    /^hub: \S+\/blobs\/\w+\.curio\.incomplete: its disk is full \(ENOSPC\); free some space, or choose a folder on another disk\.$/m,
  );
  expect(stdout.replaceAll(' ', '')).toBe('code1\n1\n0\n');
});
