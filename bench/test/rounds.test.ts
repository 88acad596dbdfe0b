/** The order of measuring, with sessions that say how long they took: no clock, no device. */
import { expect, test } from 'vitest';
import type { Cell, Group } from '../src/cell.ts';
import { Measurements } from '../src/rounds.ts';

function cell(variant: string, ms: number, log: string[], wrong: string | null = null): Cell {
  return {
    library: 'curio',
    variant,
    open: () => ({
      check: async () => wrong,
      close: () => log.push(`close ${variant}`),
      time: async (count) => (log.push(variant), ms * count),
    }),
  };
}
const group = (cells: Cell[], flops = 1e9): Group => ({
  op: 'matmul',
  shape: 's',
  work: { flops },
  roof: { kind: 'openblas', size: [1, 1, 1] },
  cells,
});
const noRoof = async () => null;

test('cells take turns, round by round, after each was checked and warmed up', async () => {
  const log: string[] = [];
  const rows = await new Measurements(noRoof).measure(group([cell('a', 100, log), cell('b', 200, log)]));
  expect(log.slice(4, 8)).toEqual(['a', 'b', 'a', 'b']);
  expect(log.filter((entry) => entry === 'b')).toHaveLength(7); // two to warm up, five rounds
  expect(rows.map((row) => row.bestMs)).toEqual([100, 200]);
  expect(rows[0]!.gflops).toBe(10);
  expect(rows[0]!.percentOfRoof).toBeNull();
});

test('a round of a short cell is several samples, of which the best counts', async () => {
  const log: string[] = [];
  const short: Cell = {
    library: 'curio',
    variant: 'a',
    open: () => ({
      check: async () => null,
      close: () => {},
      time: async (count) => (log.push('a') === 9 ? 15 : 20) * count,
    }),
  };
  const rows = await new Measurements(noRoof, 100).measure(group([short]));
  expect(log).toHaveLength(2 + 5 * 5); // two to warm up, then five samples of 20 ms in each of five rounds
  expect(rows[0]!.bestMs).toBe(15);
});

test('a second sitting runs the remaining rounds without checking again', async () => {
  const log: string[] = [];
  const measurements = new Measurements(noRoof);
  let [checks, ms] = [0, 100];
  const counted: Cell = {
    library: 'curio',
    variant: 'a',
    open: () => ({
      check: async () => (checks++, null),
      close: () => {},
      time: async (count) => (log.push('a'), ms * count),
    }),
  };
  const cells = group([counted, cell('slow', 2000, log), cell('bad', 1, log, 'y[0] is 1, float64 says 2')]);
  const first = await measurements.measure(cells, 3);
  expect(log.filter((entry) => entry === 'a')).toHaveLength(2 + 3);
  expect(first[0]!.bestMs).toBe(100);
  log.length = 0;
  ms = 80;
  const second = await measurements.measureAgain(cells);
  expect(log).toEqual(new Array(2 + 2).fill('a'));
  expect(checks).toBe(1);
  expect(second!.map((row) => row.bestMs)).toEqual([80, 2000, null]);
  expect(measurements.rows()).toEqual(second);
  expect(await measurements.measureAgain(cells)).toBeNull();
});

test('a slow cell stops after three seconds, and a wrong one is not timed', async () => {
  const log: string[] = [];
  const rows = await new Measurements(noRoof).measure(
    group([cell('slow', 2000, log), cell('bad', 1, log, 'y[0] is 1, float64 says 2')]),
  );
  expect(log.filter((entry) => entry === 'slow')).toHaveLength(3); // one to warm up, two rounds
  expect(rows[1]!.skipped).toBe('wrong: y[0] is 1, float64 says 2');
  expect(log.filter((entry) => entry === 'bad')).toHaveLength(0);
});

test('a cell predicted above three seconds is skipped and says so', async () => {
  const log: string[] = [];
  const measurements = new Measurements(noRoof);
  await measurements.measure(group([cell('a', 500, log)]));
  const [row] = await measurements.measure(group([cell('a', 500, log)], 8e9));
  expect(row!.skipped).toBe('skipped: predicted 4.0 s a run');
});

test('rows are compared with the best rate of the roof in the whole run', async () => {
  let roofMs = 50;
  const measurements = new Measurements(async () => ({
    work: { flops: 1e9 },
    session: { check: async () => null, close: () => {}, time: async (count) => roofMs * count },
  }));
  await measurements.measure(group([cell('a', 100, [])]));
  roofMs = 25;
  await measurements.measure(group([cell('b', 100, [])]));
  expect(measurements.roofs.get('OpenBLAS 1x1x1')).toBe(40);
  expect(measurements.slowestRoofs.get('OpenBLAS 1x1x1')).toBe(20);
  expect(measurements.rows().map((row) => row.percentOfRoof)).toEqual([25, 25]);
});
