import { expect, test } from 'vitest';
import { readJsonFile } from '../src/files/json-file.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (bytes: Uint8Array | null): Promise<unknown> =>
  readJsonFile(
    {
      name: 'model',
      open: async () =>
        bytes
          ? {
              name: 'config.json',
              size: bytes.length,
              read: async (offset: number, length: number) => bytes.slice(offset, offset + length),
            }
          : undefined,
    },
    'config.json',
    'config',
  );

test('a value, with or without a byte order mark', async () => {
  expect(await read(bytesOf('{"a": [1, null]}'))).toEqual({ a: [1, null] });
  expect(await read(bytesOf('\ufeff{"a": 1}'))).toEqual({ a: 1 });
  expect(await read(null)).toBeUndefined();
});

test.each([
  ['a name twice', bytesOf('{"r": 8, "r": 64}'), "repeats the name 'r'"],
  ['other bytes than UTF-8', Uint8Array.of(0x22, 0xff, 0x22), 'is not UTF-8'],
  ['half a file', bytesOf('{"r": '), 'is not JSON (Unexpected end of JSON input)'],
])('refuses %s', async (_, bytes, what) => {
  await expect(read(bytes)).rejects.toThrow(`config: model/config.json: ${what}; it must be a single JSON value.`);
});
