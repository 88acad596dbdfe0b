/**
 * One forward and backward of the small model on SwiftShader in Chromium and on SwiftShader in Node (Dawn), compared
 * bit for bit. Where an op got the same inputs and gave another output, it is the op that differs, and the table says
 * by how much.
 */
import { expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import { traceSmallModel } from '../src/small-model-trace.ts';
import type { Trace } from '../src/small-model-trace.ts';

const { traceInNode } = commands as unknown as { traceInNode(wanted: readonly number[]): Promise<Trace | null> };

test('the small model gives the same bits in Chromium and in Node', async ({ skip }) => {
  const node = await traceInNode([]);
  if (!node) skip('npm has no SwiftShader for this platform');
  const browser = await traceSmallModel();
  const there = node as Trace;
  expect(browser.calls.map((call) => call.op)).toEqual(there.calls.map((call) => call.op));

  const differs = browser.calls.flatMap(({ inputs, output }, i) =>
    output !== there.calls[i].output && inputs.join() === there.calls[i].inputs.join() ? [i] : [],
  );
  const gradients = Object.keys(browser.gradients).filter((name) => browser.gradients[name] !== there.gradients[name]);
  console.log(
    `${browser.adapter} | ${there.adapter}: ${browser.calls.length} ops, ${differs.length} differ; ${Object.keys(browser.gradients).length} gradients, ${gradients.length} differ; loss ${browser.loss} | ${there.loss}`,
  );
  if (differs.length > 0) console.log(await table(differs.slice(0, 24), browser));

  expect(Object.keys(browser.gradients).length).toBeGreaterThan(100);
  expect(differs.map((i) => browser.calls[i].op)).toEqual([]);
  expect(browser.gradients).toEqual(there.gradients);
  expect(browser.loss).toBe(there.loss);
});

/** Op by op, how many calls differ of themselves, and the largest difference over the largest magnitude. */
async function table(calls: readonly number[], browser: Trace): Promise<string> {
  const [here, there] = [(await traceSmallModel(calls)).values, (await traceInNode(calls))!.values];
  const rows = new Map<string, { count: number; worst: number }>();
  for (const call of calls) {
    const [a, b] = [here[call], there[call]];
    const scale = Math.max(...b.map(Math.abs), 1e-30);
    const worst = Math.max(...a.map((value, i) => Math.abs(value - b[i]))) / scale;
    const row = rows.get(browser.calls[call].op) ?? { count: 0, worst: 0 };
    rows.set(browser.calls[call].op, { count: row.count + 1, worst: Math.max(row.worst, worst) });
  }
  return [
    'op: calls that differ of themselves, largest difference',
    ...[...rows].map(([op, { count, worst }]) => `${op}: ${count}, ${worst.toExponential(1)}`),
  ].join('\n');
}
