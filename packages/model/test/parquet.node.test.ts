/** Parquet files that pyarrow wrote, read as samples. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memorySource } from '@curio/nn';
import { expect, test } from 'vitest';
import { openSamples } from '../src/entries/open-samples.ts';

const bytesOf = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(join(import.meta.dirname, '../../testing/golden', name)));
const open = (bytes: Uint8Array) => openSamples('rows.parquet', memorySource('rows.parquet', bytes));

test('messages and images with their bytes in the rows, compressed by zstd', async () => {
  const samples = await open(bytesOf('messages.parquet'));
  expect([samples.entryCount, samples.length, samples.faultCounts().size]).toEqual([25, 25, 0]);
  for (const i of [24, 0, 10, 7, 3]) {
    const pictures = i % 3 === 0 ? 0 : i % 5 === 0 ? 2 : 1;
    const { id, images, messages } = await samples.read(i);
    expect([id, images.length]).toEqual([`${i}`, pictures]);
    expect(messages.map(({ role, text }) => [role, text])).toEqual([
      ['human', `${'<image>\n'.repeat(pictures)}What is in picture ${i}?`],
      ['gpt', `The number ${i}, ü 漢字.`],
    ]);
    for (const [k, image] of images.entries()) expect(await samples.embedded(image)).toEqual(Uint8Array.of(i, k, 255));
  }
});

test('LLaVA columns, compressed by snappy; null is no picture', async () => {
  const samples = await open(bytesOf('llava.parquet'));
  expect(samples.length).toBe(25);
  expect([(await samples.read(20)).images, (await samples.read(21)).images]).toEqual([['20.png'], []]);
  expect((await samples.read(20)).messages[0]!.text).toBe('<image>\nWhat is 20?');
  expect([...samples.lengths].filter((length) => length < 0).length).toBe(9);
});

test('a damaged file is refused in one sentence', async () => {
  const whole = bytesOf('llava.parquet');
  for (let at = 4; at < whole.length; at += 61) {
    const damaged = at % 2 ? whole.slice(0, at) : whole.map((byte, i) => (i === at ? byte ^ 0xff : byte));
    const outcome = await open(damaged).catch((error: Error) => error.message);
    if (typeof outcome === 'string') expect(outcome).toMatch(/^data: rows\.parquet: [^\n]+\.$/);
  }
});
