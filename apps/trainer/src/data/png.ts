/**
 * @file A small PNG writer: 8-bit RGB, no filter, only Huffman coding (noise never repeats). The same picture gives the
 * same bytes.
 */

import { constants, crc32, deflateSync } from 'node:zlib';
import type { Picture } from '@curio/model';

const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);

/** PNG file of a picture. */
export function encodePng({ width, height, rgb }: Picture): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB, deflate, the standard filters, not interlaced
  const rows = new Uint8Array(height * (width * 3 + 1)); // each row starts with its filter: 0, none
  for (let y = 0; y < height; y++) rows.set(rgb.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1);
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { strategy: constants.Z_HUFFMAN_ONLY })),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

/** Length, name, data, and the checksum of name and data. */
function chunk(name: string, data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(name, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}
