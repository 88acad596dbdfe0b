import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TensorBoardWriter } from '../src/run/tensorboard.ts';

/** CRC-32C bit by bit, from its definition: polynomial 0x1EDC6F41, reflected. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
const unmask = (masked: number): number => {
  const rotated = (masked - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
};

type Field = number | Uint8Array;
/** Fields of a protobuf message by number; the last one wins. */
function message(bytes: Uint8Array): Map<number, Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new Map<number, Field>();
  let at = 0;
  const varint = (): number => {
    let n = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      n += (byte & 127) * shift;
      if (byte < 128) return n;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    if (tag % 8 === 0) out.set(field, varint());
    else if (tag % 8 === 1) out.set(field, view.getFloat64(at, true)), (at += 8);
    else if (tag % 8 === 5) out.set(field, view.getFloat32(at, true)), (at += 4);
    else {
      const length = varint();
      out.set(field, bytes.subarray(at, at + length));
      at += length;
    }
  }
  return out;
}
const inside = (m: Map<number, Field>, ...path: number[]): Map<number, Field> =>
  path.reduce((at, field) => message(at.get(field) as Uint8Array), m);
const string = (m: Map<number, Field>, field: number): string => Buffer.from(m.get(field) as Uint8Array).toString();

function records(file: Uint8Array): Map<number, Field>[] {
  const out = [];
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  for (let at = 0; at < file.length; ) {
    const length = Number(view.getBigUint64(at, true));
    const body = file.subarray(at + 12, at + 12 + length);
    expect(unmask(view.getUint32(at + 8, true))).toBe(crc32c(file.subarray(at, at + 8)));
    expect(unmask(view.getUint32(at + 12 + length, true))).toBe(crc32c(body));
    out.push(message(body));
    at += 16 + length;
  }
  return out;
}

test('an independent reader finds scalars, texts and images, with right checksums', () => {
  const folder = mkdtempSync(join(tmpdir(), 'curio-events-'));
  const writer = new TensorBoardWriter(folder, () => 1.5e9);
  writer.scalar('loss', 0.25, 3);
  writer.scalar('loss', -1, 300000);
  writer.text('sample', 'what is **it** ? é', 7);
  writer.image('scene', Uint8Array.of(137, 80, 78, 71), { width: 72, height: 48 }, 8);
  writer.close();
  const [name, ...more] = readdirSync(folder);
  expect([name, more]).toEqual([expect.stringMatching(/^events\.out\.tfevents\.1500000000\./), []]);
  const [version, first, second, text, image] = records(new Uint8Array(readFileSync(join(folder, name))));
  expect([version.get(1), string(version, 3)]).toEqual([1.5e9, 'brain.Event:2']);
  expect([first.get(2), string(inside(first, 5, 1), 1), inside(first, 5, 1).get(2)]).toEqual([3, 'loss', 0.25]);
  expect([second.get(2), inside(second, 5, 1).get(2)]).toEqual([300000, -1]);
  const value = inside(text, 5, 1);
  expect([
    string(value, 1),
    inside(value, 8).get(1),
    string(inside(value, 8), 8),
    string(inside(value, 9, 1), 1),
  ]).toEqual(['sample', 7, 'what is **it** ? é', 'text']);
  expect(inside(value, 8, 2, 2).get(1)).toBe(1);
  const png = inside(image, 5, 1, 4);
  expect([png.get(1), png.get(2), png.get(3), [...(png.get(4) as Uint8Array)]]).toEqual([48, 72, 3, [137, 80, 78, 71]]);
});
