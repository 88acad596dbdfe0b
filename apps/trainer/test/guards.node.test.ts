/** What keeps a run whole: locks, signals, names of failed starts, kills, full disks. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { lockFolder } from '../src/disk/lock.ts';
import { fileError } from '../src/disk/system-error.ts';
import { removeLeftovers, readText, writeFolderAtomic, writeAtomic } from '../src/run/files.ts';
import { EXIT, listenForInterrupt } from '../src/run/interrupt.ts';
import { RunLog } from '../src/run/log.ts';
import { RunFolder } from '../src/run/run-folder.ts';
import { CURIO, runCurio, runProgram, TINY, TYPESCRIPT, whenever } from './curio.ts';
import { killAndResume } from './kill-and-resume.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-guards-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const temporary = (): string => mkdtempSync(join(folder, 'a-'));
const train = (name: string, ...more: string[]): string[] => [
  'train',
  '--preset',
  'small',
  '--name',
  name,
  ...TINY,
  ...more,
];

test('a folder has one owner at a time; an owner that ended, crashed or shares a number with another has none', async () => {
  const path = temporary();
  const release = lockFolder(path);
  expect(() => lockFolder(path)).toThrow(
    `run: ${path} is in use by process ${process.pid} on ${hostname()}; wait for it or stop it, or delete ${join(path, 'lock-1')} if it no longer runs.`,
  );
  release();
  expect(readdirSync(path)).toEqual([]);

  const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const owner = (change: object) => JSON.stringify({ pid: other.pid, host: hostname(), began: null, ...change });
  const lock = join(path, 'lock-7');
  writeFileSync(lock, owner({}));
  expect(() => lockFolder(path)).toThrow(`is in use by process ${other.pid} on`);
  if (process.platform !== 'win32') {
    writeFileSync(lock, owner({ began: 'another process of that number' }));
    const mine = lockFolder(path);
    expect(readdirSync(path)).toEqual(['lock-8']);
    mine();
  }
  writeFileSync(lock, owner({}));
  other.kill('SIGKILL');
  await once(other, 'close');
  lockFolder(path)();

  writeFileSync(lock, owner({ host: 'elsewhere' }));
  expect(() => lockFolder(path)).toThrow(/in use by process \d+ on elsewhere;/);
  const old = new Date(Date.now() - 3_600_000);
  utimesSync(lock, old, old); // it gave no sign for an hour
  lockFolder(path)();

  writeFileSync(lock, '');
  expect(() => lockFolder(path)).toThrow('is in use by a process that is just starting;');
  utimesSync(lock, old, old);
  lockFolder(path)();
  expect(readdirSync(path)).toEqual([]);
});

test('of many processes that want a folder at once, after a crash, one gets it', async () => {
  const path = temporary();
  writeFileSync(join(path, 'lock-3'), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), began: null }));
  const lock = new URL('../src/disk/lock.ts', import.meta.url).href;
  const start = Date.now() + 4000;
  const code = `const { lockFolder } = await import('${lock}'); while (Date.now() < ${start});
    try { lockFolder(${JSON.stringify(path)}); console.log('has it'); setTimeout(() => {}, 2500); } catch (error) { console.log(error.name); }`;
  const ended = await Promise.all(
    Array.from({ length: 4 }, () =>
      runProgram(process.execPath, [...TYPESCRIPT, '--input-type=module', '-e', code], path),
    ),
  );
  expect(ended.map(({ stdout }) => stdout.trim()).sort(), ended[0].stderr).toEqual([
    'PathInUse',
    'PathInUse',
    'PathInUse',
    'has it',
  ]);
});

test('files left half written by a crash are removed, and what was being replaced is restored', () => {
  const path = temporary();
  writeFolderAtomic(join(path, 'whole'), { a: 'one' });
  for (const name of ['whole.partial', 'whole.old', 'gone.old']) mkdirSync(join(path, name));
  writeFileSync(join(path, 'metrics.jsonl.partial'), 'x');
  removeLeftovers(path);
  expect(readdirSync(path).sort()).toEqual(['gone', 'whole']);
});

test('signals: the loss of the terminal saves and never quits; the same signal twice in a moment is one', async () => {
  const seen: unknown[] = [];
  const interrupt = listenForInterrupt(
    () => seen.push('save'),
    (code) => seen.push(code),
  );
  process.emit('SIGHUP', 'SIGHUP');
  process.emit('SIGTERM', 'SIGTERM');
  process.emit('SIGHUP', 'SIGHUP');
  expect([interrupt.requested, seen]).toEqual([true, ['save']]);
  await new Promise((done) => setTimeout(done, 550));
  process.emit('SIGHUP', 'SIGHUP');
  expect(seen).toEqual(['save']);
  process.emit('SIGTERM', 'SIGTERM');
  expect(seen).toEqual(['save', EXIT.interrupted]);
  interrupt.close();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) expect(process.listenerCount(signal)).toBe(0);
});

test.runIf(process.platform !== 'win32')(
  'SIGTERM and SIGHUP save as ctrl-C does, even if nobody reads the output; two processes never resume the same run',
  async () => {
    const run = join(folder, 'runs', 'held');
    const metrics = join(run, 'metrics.jsonl');
    const lines = (): number => (existsSync(metrics) ? readFileSync(metrics, 'utf8').split('\n').length - 1 : 0);
    const stopAt = async (args: readonly string[], at: number, signal: NodeJS.Signals) => {
      let giveUp = (): void => {};
      const ended = await runCurio(folder, args, (kill) => {
        giveUp = whenever(
          () => lines() >= at,
          () => kill(signal),
        );
      });
      giveUp();
      expect(ended.code, ended.stderr).toBe(EXIT.interrupted);
      return ended;
    };
    // A kill at any moment finds a line in metrics.jsonl for every step of the newest checkpoint.
    let [seen, missing] = [0, 0];
    const watch = setInterval(() => {
      const newest = existsSync(join(run, 'checkpoints')) ? RunFolder.open(run).checkpoints().at(-1) : undefined;
      if (newest?.stage !== 'stage1') return;
      seen++;
      if (lines() < newest.step) missing++;
    }, 2);
    const long = ['--train.stage1.steps=12', '--train.stage2.steps=60', '--run.checkpointEvery=1'];
    await stopAt(train('held', ...long), 13, 'SIGTERM');
    clearInterval(watch);
    expect([seen > 5, missing]).toEqual([true, 0]);
    expect(readdirSync(run).filter((name) => name.startsWith('lock'))).toEqual([]);
    const saved = RunFolder.open(run).checkpoints().at(-1)!;
    expect(lines()).toBeGreaterThanOrEqual(2);

    // One goes on, another one may not; then the terminal goes away.
    let refused: Promise<unknown> | undefined;
    const before = lines();
    const child = spawn(process.execPath, [...CURIO, 'train', '--resume', 'runs/held'], { cwd: folder });
    child.stdout.destroy();
    child.stderr.destroy();
    const giveUp = whenever(
      () => lines() > before + 4,
      () => {
        refused = runCurio(folder, ['train', '--resume', 'runs/held']).then(({ code, sentence }) => {
          expect([code, sentence]).toEqual([
            EXIT.usage,
            `run: runs/held is in use by process ${child.pid} on ${hostname()}; wait for it or stop it, or delete runs/held/lock-1 if it no longer runs.`,
          ]);
          child.kill('SIGHUP');
        });
      },
    );
    const [code] = (await once(child, 'close')) as [number];
    giveUp();
    await refused;
    expect([code, refused !== undefined]).toEqual([EXIT.interrupted, true]);
    const later = RunFolder.open(run).checkpoints().at(-1)!;
    expect(later.stage > saved.stage || later.step > saved.step).toBe(true);
  },
);

test('a run that is killed repeatedly ends with the numbers and bytes of one that is not', async () => {
  const { kills, differences } = await killAndResume({ folder: temporary(), kills: 3, seed: 1 });
  expect(kills).toBeGreaterThanOrEqual(3);
  expect(differences).toEqual([]);
});

test('what the system refuses is a sentence with the file and the remedy', () => {
  const path = temporary();
  expect(() => readText(path, 'config')).toThrow(`config: ${path}: it is a folder (EISDIR); give a file.`);
  writeFileSync(join(path, 'f'), '\ufefftext');
  expect(readText(join(path, 'f'), 'config')).toBe('text');
  expect(() => writeAtomic(join(path, 'f', 'g'), 'x')).toThrow(
    /f: (part of its path is a file, not a folder \(ENOTDIR\); give another path|it exists already \(EEXIST\); move it away or choose another path)\.$/,
  );
  writeFileSync(join(path, 'wide'), Buffer.from('\ufefftext', 'utf16le'));
  expect(() => readText(join(path, 'wide'), 'data')).toThrow(
    `data: ${join(path, 'wide')}: it is UTF-16; save it as UTF-8.`,
  );
  writeFileSync(join(path, 'latin'), Buffer.from('café', 'latin1'));
  expect(() => readText(join(path, 'latin'), 'data')).toThrow(
    `data: ${join(path, 'latin')}: it is not UTF-8; save it as UTF-8.`,
  );
  const denied = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open', path: '/x' });
  expect(fileError(denied)!.message).toBe(
    'file: /x: you have no permission for it (EACCES); change its permissions or choose another path.',
  );
  expect(fileError(new Error('anything else'))).toBeNull();
});

test.runIf(existsSync('/dev/full'))('a step that cannot be written is told with its file', () => {
  const run = RunFolder.create({ root: temporary(), name: 'a', preset: 'small' });
  const log = new RunLog(run);
  rmSync(run.file('metrics.jsonl'));
  symlinkSync('/dev/full', run.file('metrics.jsonl'));
  const step = { stage: 'stage1', step: 1, loss: 1, lr: 1, gradNorm: 1, tokens: 1, images: 1, seconds: 1, bytes: 1 };
  expect(() => log.step(step)).toThrow(
    `file: ${run.file('metrics.jsonl')}: its disk is full (ENOSPC); free some space, or choose a folder on another disk.`,
  );
  log.close();
  run.unlock();
});

// A small disk of one's own needs no rights where the system lets a user have name spaces.
const unshared = (script: string): string[] => ['-rm', 'sh', '-c', script, 'sh'];
const canMount = spawnSync('unshare', unshared(`mount -t tmpfs -o size=1m tmpfs ${tmpdir()}`)).status === 0;

test.runIf(canMount)('a full or read-only disk ends a run with a sentence; it can be resumed', async () => {
  const here = temporary();
  mkdirSync(join(here, 'runs'));
  const script = (options: string): string =>
    `mount -t tmpfs -o ${options} tmpfs runs && "$@" train $FIRST; code=$?; find runs -name '*.partial'
    mount -o remount,size=90m runs && "$@" train --resume runs/full; echo "resumed: $?"; exit $code`;
  const mounted = (options: string) =>
    runProgram('unshare', [...unshared(script(options)), process.execPath, ...CURIO], here, undefined, {
      FIRST: train('full', '--run.checkpointEvery=1', '--run.keep=9').slice(1).join(' '),
    });
  const full = await mounted('size=12m'); // a checkpoint of the small model takes 4 MB
  expect([full.code, full.stderr]).toEqual([
    EXIT.failed,
    expect.stringMatching(
      /^file: runs\/full\/\S+: its disk is full \(ENOSPC\); free some space, or choose a folder on another disk\. The last checkpoint is stage [12], step \d, in runs\/full\/checkpoints\/stage[12]-00000\d\.$/m,
    ),
  ]);
  expect(full.stdout).not.toContain('.partial');
  expect(full.stdout).toMatch(/resumed: 0\n$/);
  const readOnly = await mounted('size=12m,ro');
  expect([readOnly.code, readOnly.stderr]).toEqual([
    EXIT.failed,
    expect.stringContaining('run: runs/full: its file system is read-only (EROFS); choose a writable folder.\n'),
  ]);
});

test.each([
  ['../x', "run: --name is '../x'; it must be a plain folder name, which is created under runs/."],
  ['..', "run: --name is '..'; it must be a plain folder name, which is created under runs/."],
  ['', "run: --name is ''; it must be a plain folder name, which is created under runs/."],
])('the name %s is refused', (name, sentence) => {
  expect(() => RunFolder.create({ name, preset: 'small' })).toThrow(sentence);
});
