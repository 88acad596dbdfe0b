/** @file Damaged `tokenizer.model` files: the bytes, and models written anew with strange pieces. */
import { ascii, damaged, type Draw, joined, little } from './draw.ts';

const varint = (value: number): number[] =>
  value < 128 ? [value] : [128 + (value % 128), ...varint(Math.floor(value / 128))];
const field = (number: number, bytes: readonly number[]): number[] => [
  number * 8 + 2,
  ...varint(bytes.length),
  ...bytes,
];
const flag = (number: number, value: number): number[] => [...varint(number * 8), ...varint(Math.min(value, 2 ** 53))];

/** A vocabulary of its own, some of whose pieces are strange. */
function strangeModel(draw: Draw): Uint8Array {
  const piece = (text: string, kind: number, score: number): number[] => {
    const float = [...new Uint8Array(Float32Array.of(draw.chance(0.0003) ? NaN : score).buffer)];
    const name = draw.chance(0.9997) ? ascii(text) : draw.pick([[], [0xff], ascii('x'.repeat(5000)), ascii('a\n')]);
    const type = draw.chance(0.9997) ? kind : draw.edge();
    return field(1, [...field(1, name), 2 * 8 + 5, ...float, ...flag(3, type)]);
  };
  const parts = [piece('<unk>', 2, 0), piece('<s>', 3, 0), piece('</s>', 3, 0)];
  const bytes = draw.chance(0.7);
  if (bytes)
    for (let byte = draw.below(200) === 0 ? 1 : 0; byte < 256; byte++)
      parts.push(piece(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, 6, 0));
  const letters = ['▁', 'a', 'b', 'c', 'ab', 'abc', 'aa', 'aaa', '▁a', '▁▁', '猫', '😀'];
  for (const [i, text] of letters.entries())
    if (draw.chance(0.9))
      parts.push(piece(text, draw.chance(0.8) ? 1 : draw.pick([4, 5]), -draw.below(4) - i * draw.next()));
  if (draw.chance(0.05)) for (let i = 0; i < 5000; i++) parts.push(piece(`a${i}`, 4, 0));
  parts.push(field(2, [...flag(3, draw.chance(0.95) ? 2 : draw.edge()), ...flag(35, bytes ? 1 : 0)]));
  parts.push(field(3, [...flag(4, draw.chance(0.97) ? 0 : 1), ...(draw.chance(0.03) ? field(2, little(7, 4)) : [])]));
  return joined(draw.chance(0.95) ? parts : parts.filter(() => draw.chance(0.9)));
}

/** One damaged file. */
export function tokenizerMutant(sample: Uint8Array, draw: Draw): Uint8Array {
  if (draw.chance(0.5)) return damaged(sample, draw);
  const model = strangeModel(draw);
  return draw.chance(0.7) ? model : damaged(model, draw);
}

/** A text of letters, spaces and signs, a few hundred long. */
export const strangeText = (draw: Draw): string =>
  Array.from({ length: draw.below(300) }, () =>
    draw.pick(['a', 'a', 'b', 'c', ' ', '▁', '<s>', '</s>', '猫', '😀', '\ud800', '\n']),
  ).join('');
