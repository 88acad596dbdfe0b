/**
 * PyTorch as a peer: what it says where it is missing, and, where CURIO_PYTHON or python3 has torch, that its answers
 * are those of plain arithmetic.
 */
import { spawnSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Peer, Values } from '../peers/src/peer.ts';
import { openTorch } from '../peers/src/torch.ts';

const hasTorch = spawnSync(process.env.CURIO_PYTHON ?? 'python3', ['-c', 'import torch']).status === 0;
const of = (shape: number[], ...values: number[]): Values => ({ shape, values: Float32Array.from(values) });
afterEach(() => vi.unstubAllEnvs());

test('a Python that is missing, or has no torch, gives one sentence', async () => {
  vi.stubEnv('CURIO_PYTHON', '/nowhere/python');
  await expect(openTorch()).rejects.toThrow(
    '/nowhere/python does not exist or has no torch; set CURIO_PYTHON to a Python that has it.',
  );
  vi.stubEnv('CURIO_PYTHON', process.execPath); // ends at once, as a python without torch does
  await expect(openTorch()).rejects.toThrow('does not exist or has no torch;');
});

describe.runIf(hasTorch)('with torch', () => {
  let torch: Peer;
  beforeAll(async () => {
    torch = await openTorch();
  });
  afterAll(() => torch.close!());

  test('it reports its version and threads, and returns results in the order of requests', async () => {
    expect(torch.version).toMatch(/^\d+\.\d+\.\d+\S*, \d+ threads$/);
    const [product, norm] = await Promise.all([
      torch.matmul!(of([2, 2], 1, 2, 3, 4), of([2, 1], 1, 10)),
      torch.softmax!(of([1, 2], 0, Math.log(3))),
    ]);
    const [y, p] = await Promise.all([product.read(), norm.read()]);
    expect(Array.from(y[0]!)).toEqual([21, 43]);
    expect(Array.from(p[0]!, (v) => Math.round(1e5 * v))).toEqual([25000, 75000]);
    expect(await product.time!(3)).toBeGreaterThan(0);
    for (const job of [product, norm]) job.close();
  });

  test('gradients, and results in many pieces, arrive complete', async () => {
    const rows = 3000;
    const filled = (shape: [number, number], f: (i: number) => number): Values => ({
      shape,
      values: Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => f(i)),
    });
    const [x, weight, dy] = [
      filled([rows, 64], (i) => i % 7),
      filled([2, 64], (i) => i),
      filled([rows, 2], (i) => (i % 2 ? 0.5 : 1)),
    ];
    const job = await torch.linearGradient!(x, weight, dy);
    const [dx, ...rest] = await job.read();
    expect([dx!.length, rest.length]).toEqual([rows * 64, 0]);
    expect(Array.from(dx!).every((v, i) => v === (i % 64) + 0.5 * (64 + (i % 64)))).toBe(true);
    const loss = await torch.crossEntropy!(of([2, 2], 0, 0, 0, Math.log(3)), of([2], 1, 1));
    expect((await loss.read())[0]![0]).toBeCloseTo((Math.log(2) + Math.log(4 / 3)) / 2, 6);
  });

  test('an update is counted once per run', async () => {
    const job = await torch.adamw!(of([1], 1), of([1], 4), { lr: 0.1, betas: [0.9, 0.999], eps: 0, weightDecay: 0 });
    await job.run();
    expect((await job.read())[0]![0]).toBeCloseTo(0.8, 5);
  });

  test('what PyTorch refuses is reported in its words, and the next request is answered', async () => {
    await expect(async () => (await torch.matmul!(of([1, 2], 1, 2), of([3, 1], 1, 2, 3))).read()).rejects.toThrow(
      /^PyTorch says: .*mat1 and mat2 shapes cannot be multiplied/,
    );
    await expect(async () =>
      torch.linearGradient!(of([1, 2], 1, 2), of([1, 3], 1, 2, 3), of([1, 1], 1)),
    ).rejects.toThrow('PyTorch says: ');
    expect(Array.from((await (await torch.matmul!(of([1, 1], 2), of([1, 1], 3))).read())[0]!)).toEqual([6]);
  });
});
