/** Pictures prepared in threads: the same bits, the same sentences, and an end when they are closed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodePng } from '../src/data/png.ts';
import { runProgram, TYPESCRIPT } from './curio.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-pool-'));
beforeAll(() => {
  for (let i = 0; i < 3; i++) {
    const rgb = Uint8Array.from({ length: 31 * 17 * 3 }, (_, k) => (k * (37 + i)) % 256);
    writeFileSync(join(folder, `${i}.png`), encodePng({ width: 31, height: 17, rgb }));
  }
  writeFileSync(join(folder, 'bad.png'), 'no picture');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the same bits and sentences as without threads; pending work fails when they are closed', async () => {
  const program = join(import.meta.dirname, 'picture-pool-cli.ts');
  const { code, stdout, stderr } = await runProgram(process.execPath, [...TYPESCRIPT, program, folder], folder);
  expect(code, stderr).toBe(0);
  const { same, errors, late, after, queued } = JSON.parse(stdout);
  expect(same).toBe(true);
  expect(errors).toEqual([
    "DataError image: '/gone.png' not found.",
    expect.stringMatching(/^DataError image: '\/bad\.png' cannot be decoded \(.+\); it must be a .+ file\.$/),
    expect.stringMatching(/^DataError image: 'row 3' cannot be decoded \(.+\); it must be a .+ file\.$/),
  ]);
  expect(late).toBe(
    'TrainError pictures: a thread that prepared them ended (exit code 1); try fewer with --data.workers.',
  );
  expect(after).toBe('Error pictures: the pool was closed.');
  expect(queued).toBe(3 * 24 * 24);
});
