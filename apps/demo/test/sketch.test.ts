import { openGlyphs } from '@curio/scenes';
import type { Color, Scene } from '@curio/scenes';
import { describe, expect, test } from 'vitest';
import { readSketch, writeSketch } from '../src/board/address.ts';
import { captionOf, digitsOn, troubleWith, withoutDigitAt } from '../src/board/digits.ts';
import { blankSketch, cellOf, clampToBoard, renderSketch, writeDigit } from '../src/board/sketch.ts';
import type { Sketch, Stroke } from '../src/board/sketch.ts';

const glyphs = openGlyphs({
  scenes: [],
  glyphs: Array.from({ length: 10 }, () => [btoa(String.fromCharCode(...new Uint8Array(784).fill(255)))]),
});
const scene: Scene = {
  objects: [{ digit: 7, color: 'red', size: 'large', cell: 0, glyph: 0, dx: 1, dy: 1 }],
  background: 0.143,
  noise: 3_000_000_019,
};
const line = (color: Color, ...places: readonly (readonly [number, number])[]): Stroke => ({
  color,
  pen: 'large',
  points: places.map(([x, y]) => ({ x, y })),
});
const drawn = (...strokes: readonly Stroke[]): Sketch => ({ ...blankSketch(5), strokes });

describe('a sketch', () => {
  test('without strokes is the scene', () =>
    expect(renderSketch({ scene, strokes: [] }, glyphs)).toEqual(
      renderSketch(writeDigit({ scene: { ...scene, objects: [] }, strokes: [] }, scene.objects[0]!), glyphs),
    ));

  test('draws ink in full color in the middle of a line, fading to nothing within two pixels', () => {
    const before = renderSketch(drawn(), glyphs).rgb;
    const { rgb } = renderSketch(drawn(line('yellow', [10.5, 10.5], [20.5, 10.5])), glyphs);
    const at = (x: number, y: number): number[] => [...rgb.slice(3 * (72 * y + x), 3 * (72 * y + x) + 3)];
    expect(at(15, 10)).toEqual([245, 225, 60]);
    expect(at(15, 11)[0]).toBeGreaterThan(120);
    expect(at(15, 12)).toEqual([...before.slice(3 * (72 * 12 + 15), 3 * (72 * 12 + 15) + 3)]);
  });

  test('draws over a picture of one’s own and leaves it as it was', () => {
    const photo = { width: 72, height: 72, rgb: new Uint8Array(3 * 72 * 72).fill(9) };
    const { rgb } = renderSketch({ ...drawn(line('red', [10.5, 10.5], [20.5, 10.5])), photo }, glyphs);
    expect([...rgb.slice(0, 3)]).toEqual([9, 9, 9]);
    expect(rgb[3 * (72 * 10 + 15)]).toBe(235);
    expect(photo.rgb.every((value) => value === 9)).toBe(true);
  });

  test('keeps points on the board, and the corners in the corner cells', () => {
    expect(clampToBoard({ x: -40, y: 90 })).toEqual({ x: 0, y: 72 });
    expect(cellOf({ x: 72, y: 72 })).toBe(8);
    expect(cellOf({ x: 0, y: 72 })).toBe(6);
  });
});

describe('digits', () => {
  test('are strokes that touch, in the cell that contains their centre', () => {
    // A five whose bar reaches over the line above the center cell, and right of it.
    const five = drawn(line('blue', [30, 22], [30, 33], [42, 38], [30, 44]), line('blue', [30, 21.5], [44, 21.5]));
    expect(digitsOn(five)).toEqual([{ cell: 4, color: 'blue', digit: null, size: 'large', strokes: [0, 1] }]);
  });
  test('are two if they are side by side in one color', () =>
    expect(
      digitsOn(drawn(line('red', [12, 3], [12, 21]), line('red', [36, 3], [36, 21]))).map(({ cell }) => cell),
    ).toEqual([0, 1]));
  test('are one if a later stroke joins the parts', () =>
    expect(
      digitsOn(drawn(line('red', [3, 20], [10, 20]), line('red', [3, 28], [10, 28]), line('red', [6, 18], [6, 30])))
        .length,
    ).toBe(1));
  test('extend a written digit of their color', () =>
    expect(digitsOn({ scene, strokes: [line('red', [5, 5], [15, 5])] })).toEqual([
      { cell: 0, color: 'red', digit: 7, size: 'large', strokes: [0] },
    ]));
  test('are removed with all their strokes', () => {
    const left = withoutDigitAt(
      { scene, strokes: [line('red', [12, 4], [12, 20]), line('red', [36, 4], [36, 20])] },
      0,
    );
    expect(left).toEqual({ scene: { ...scene, objects: [] }, strokes: [line('red', [36, 4], [36, 20])] });
  });
});

describe('the caption', () => {
  test.each<[Sketch, string]>([
    [drawn(), 'Nothing yet: draw a digit, 0 to 9, in a cell.'],
    [{ scene, strokes: [line('blue', [36, 30], [36, 44])] }, 'A large red seven at top left, a blue digit at center.'],
    [{ ...drawn(), photo: renderSketch(drawn(), glyphs) }, 'Your picture.'],
  ])('follows the drawing', (sketch, text) => expect(captionOf(sketch)).toBe(text));
});

describe('a stroke too many', () => {
  const one = (cell: number): Stroke => {
    const [x, y] = [24 * (cell % 3) + 12, 24 * Math.floor(cell / 3)];
    return line('white', [x, y + 4], [x, y + 20]);
  };
  test('makes a fourth digit', () => {
    expect(troubleWith(drawn(one(0), one(2), one(8)), 'that stroke')).toBeNull();
    expect(troubleWith(drawn(one(0), one(2), one(8), one(6)), 'that stroke')).toBe(
      'I know one to three digits: clear one first; that stroke was taken back.',
    );
  });
  test('makes a second digit in a cell', () =>
    expect(troubleWith({ scene, strokes: [line('green', [12, 4], [12, 20])] }, 'that stroke')).toBe(
      'One digit per cell: there is one at top left already, so that stroke was taken back.',
    ));
});

describe('an address', () => {
  const sketch: Sketch = { scene, strokes: [line('purple', [30.25, 31], [40.5, 44.75]), line('white', [60, 60])] };
  test('holds a drawing, and restores it', () => {
    const text = writeSketch(sketch)!;
    expect(text).toBe('1.143.1dm4etv.7010110.413d3g4i4z_516o6o');
    expect(readSketch(text)).toEqual(sketch);
    expect(new URLSearchParams({ board: text }).toString()).toBe(`board=${text}`);
  });
  test('leaves out points that cannot be seen', () => {
    const fine = line('red', ...Array.from({ length: 101 }, (_, i) => [10 + i / 20, 10] as const));
    const { strokes } = readSketch(writeSketch(drawn(fine))!)!;
    expect(strokes[0]!.points.length).toBeLessThan(12);
    expect(strokes[0]!.points.at(-1)).toEqual({ x: 15, y: 10 });
  });
  test('has no room for a picture of one’s own', () =>
    expect(writeSketch({ ...sketch, photo: renderSketch(sketch, glyphs) })).toBeNull());
  test.each([
    '',
    '2.90.1..',
    '1.90.1.',
    '1.90.1...',
    '1.2000.1..',
    '1.90.x!..',
    '1.90.1.7910110.',
    '1.90.1.7010110_8010110.',
    '1.90.1.7010zz0.',
    '1.90.1..41zz00',
    '1.90.1..413d3',
    '1.90.1.7010110_7011110_7012110_7013110.',
    `1.90.1..41${'0'.repeat(40_000)}`,
  ])('of another hand is refused: %.40s', (text) => expect(readSketch(text)).toBeNull());
});
