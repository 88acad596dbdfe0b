/** Measured choices outlive a visit. */
import { expect, test } from 'vitest';
import { browserTuning } from '../src/tuning-store.ts';

test('a record is found by its adapter', async () => {
  expect(await browserTuning.load('an adapter never seen')).toBeNull();
  await browserTuning.save('adapter a', '{"choices":{}}');
  await browserTuning.save('adapter b', 'first');
  await browserTuning.save('adapter b', 'second');
  expect(await browserTuning.load('adapter a')).toBe('{"choices":{}}');
  expect(await browserTuning.load('adapter b')).toBe('second');
});
