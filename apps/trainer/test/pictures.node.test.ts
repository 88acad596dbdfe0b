/** Picture files of many kinds against Pillow, which the published code reads its pictures with. */
import { expect, test } from 'vitest';
import { openGolden } from '../../../packages/testing/src/golden.ts';
import { decodeImage } from '../src/data/decode.ts';

const golden = await openGolden('pictures');
const { kinds, refused } = golden.config as { kinds: string[]; refused: string[] };
/** What is not Pillow's to the byte, and by how much: libheif computes and spreads colours otherwise than libavif. */
const NEAR: Readonly<Record<string, { most: number; mean: number }>> = {
  'avif-444': { most: 1, mean: 0.5 },
  'avif-420': { most: 96, mean: 20 },
  'avif-alpha': { most: 96, mean: 20 },
};

test('there are enough kinds', () => expect(kinds.length).toBeGreaterThanOrEqual(100));

test.each(kinds)('%s', async (kind) => {
  const { width, height, rgb } = await decodeImage(golden.bytes(`file.${kind}`), kind);
  const wanted = golden.bytes(`rgb.${kind}`);
  expect([height, width, 3]).toEqual(golden.tensor(`rgb.${kind}`).shape);
  const off = Array.from(wanted, (value, i) => Math.abs(value - rgb[i]!));
  const near = NEAR[kind] ?? { most: 0, mean: 0 };
  expect(Math.max(...off)).toBeLessThanOrEqual(near.most);
  expect(off.reduce((sum, value) => sum + value, 0) / off.length).toBeLessThanOrEqual(near.mean);
});

test.each(refused)('%s is refused', async (kind) => {
  await expect(decodeImage(golden.bytes(`file.${kind}`), kind)).rejects.toThrow(
    new RegExp(
      `^image: '${kind}' cannot be decoded \\([^\\n]+\\); it must be a PNG, JPEG, WebP, GIF, AVIF, TIFF, BMP or Netpbm file\\.$`,
    ),
  );
});

test('what Pillow does not read is refused, however it could be interpreted', async () => {
  const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"/>');
  await expect(decodeImage(svg, 'a.svg')).rejects.toThrow("image: 'a.svg' cannot be decoded (it is svg);");
});

const bmp = (change: (view: DataView) => void): Uint8Array => {
  const bytes = golden.bytes('file.bmp-24').slice();
  change(new DataView(bytes.buffer));
  return bytes;
};

test.each<[string, Uint8Array, string]>([
  ['size', bmp((head) => head.setInt32(18, 0, true)), 'its header says 0 × 13 pixels'],
  ['great size', bmp((head) => head.setInt32(18, 1e9, true)), 'its header says 1000000000 × 13 pixels'],
  [
    'depth',
    bmp((head) => head.setUint16(28, 7, true)),
    'its pixels are of 7 bits under compression 0, which is not known',
  ],
  [
    'compression',
    bmp((head) => head.setUint32(30, 4, true)),
    'its pixels are of 24 bits under compression 4, which is not known',
  ],
  ['header', bmp((head) => head.setUint32(14, 20, true)), 'its header has 20 bytes, which is not known'],
  ['runs', golden.bytes('file.bmp-8-runs').subarray(0, -40), 'its runs end after'],
  ['palette', bmp((head) => head.setUint16(28, 8, true)), 'it ends within its palette; it is cut'],
  ['levels', new TextEncoder().encode('P2 1 1 100\n101'), 'it has the level 101 of 100'],
  ['great levels', new TextEncoder().encode('P5 1 1 70000\nxx'), 'its header says 1 × 1 pixels of 70000 levels'],
  ['word', new TextEncoder().encode('P5 1 one 255\nx'), "its height is 'one', which is not a number"],
  ['bit', new TextEncoder().encode('P1 2 1\n0 2'), 'one of its pixels is neither 0 nor 1'],
  ['end', new TextEncoder().encode('P1 2 1\n0 '), 'it ends before its last pixel; it is cut'],
])('a bitmap with a wrong %s is told so', async (_, bytes, why) => {
  await expect(decodeImage(bytes, 'x')).rejects.toThrow(`image: 'x' cannot be decoded (${why}`);
});
