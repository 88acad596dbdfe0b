import { expect, test } from 'vitest';
import { Progress } from '../src/run/progress.ts';
import { bar, clock, compact, cut, openTerminal, sparkline, widthOf } from '../src/run/terminal.ts';

const stages = [
  { name: 'stage1', label: 'stage 1', steps: 10 },
  { name: 'stage2', label: 'stage 2', steps: 10, cost: 2 },
];
const step = (stage: string, n: number, loss = 2) => ({
  stage,
  step: n,
  loss,
  lr: 2e-3,
  tokens: 1500,
  images: 16,
  bytes: 612e6,
});

function collect(tty: boolean, env: Record<string, string> = {}, columns = 120) {
  const written: string[] = [];
  const time = { now: 0 };
  const terminal = openTerminal({ write: (text: string) => written.push(text), isTTY: tty, columns }, env);
  return { written, time, terminal, progress: new Progress(terminal, stages, () => time.now) };
}

test('not on a terminal: a plain line every few seconds, and the last of a stage', () => {
  const { written, time, progress } = collect(false);
  for (let n = 1; n <= 10; n++) {
    time.now += 1;
    progress.step(step('stage1', n));
  }
  expect(written).toEqual([
    // 9 steps and 10 of twice the cost
    'stage 1 1/10 · loss 2.000 · lr 2.0e-3 · 1.5k tok/s · 16 img/s · 612 MB · ETA 0:29\n',
    'stage 1 6/10 · loss 2.000 · lr 2.0e-3 · 1.5k tok/s · 16 img/s · 612 MB · ETA 0:24\n',
    'stage 1 10/10 · loss 2.000 · lr 2.0e-3 · 1.5k tok/s · 16 img/s · 612 MB · ETA 0:20\n',
  ]);
});

test('on a terminal one line is rewritten, cut to its width, with notes above it', () => {
  const { written, time, progress } = collect(true, {}, 30);
  time.now = 1;
  progress.step(step('stage1', 1));
  expect(written.at(-1)).toBe('\r\x1b[2K\x1b[1mstage 1 1/10\x1b[22m · loss 2.000 · …');
  progress.note('checkpoint saved');
  expect(written.slice(-2)).toEqual(['\n', 'checkpoint saved\n']);
  progress.activity('questions', 1, 5);
  time.now += 0.01;
  progress.activity('questions', 2, 5); // too soon to be shown
  progress.activity('questions', 5, 5);
  expect(written.filter((text) => text.includes('questions'))).toEqual(['\r\x1b[2Kquestions 5/5']);
  expect(written.at(-1)).toBe('\n');
});

test('NO_COLOR, CI and dumb terminals', () => {
  const of = (env: Record<string, string>) => {
    const { live, color } = collect(true, env).terminal;
    return { live, color };
  };
  expect(of({})).toEqual({ live: true, color: true });
  expect(of({ NO_COLOR: '1' })).toEqual({ live: true, color: false });
  expect(of({ CI: 'true' })).toEqual({ live: false, color: true });
  expect(of({ TERM: 'dumb' })).toEqual({ live: false, color: false });
  expect(collect(false).terminal.color).toBe(false);
});

test('short pieces of text', () => {
  expect([clock(247), clock(3727), clock(0)]).toEqual(['4:07', '1:02:07', '0:00']);
  expect([compact(1234), compact(3.44), compact(56)]).toEqual(['1.2k', '3.4', '56']);
  expect([bar(0.5, 4), bar(1, 2), bar(0.0625, 2), bar(-1, 3)]).toEqual(['██', '██', '▏', '']);
  expect([cut('abcdef', 4), cut('abc', 3)]).toEqual(['abc…', 'abc']);
  expect(widthOf('\x1b[1mé✓\x1b[22m')).toBe(2);
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe('▁▂▃▄▅▆▇█');
  expect(sparkline([], 8)).toBe('');
});
