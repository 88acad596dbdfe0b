import { openGlyphs } from '@curio/scenes';
import type { Scene } from '@curio/scenes';
import { describe, expect, test } from 'vitest';
import { adviceFor } from '../src/advice.ts';
import { blankSketch, clearCell, renderSketch, writeDigit } from '../src/sketch.ts';
import { asRead, examples, judge, tidy, unknownWords } from '../src/wording.ts';

const glyphs = openGlyphs({
  scenes: [],
  glyphs: Array.from({ length: 10 }, () => [btoa(String.fromCharCode(...new Uint8Array(784).fill(255)))]),
});
const scene: Scene = {
  objects: [{ digit: 7, color: 'red', size: 'large', cell: 0, glyph: 0, dx: 1, dy: 1 }],
  background: 0.1,
  noise: 3,
};

describe('a question', () => {
  test.each([
    ['Which colour is the 7?', 'which color is the seven ?'],
    ['what’s the sum of the red and the blue digit', 'what is the sum of the red and the blue digit ?'],
    ['Which digit is greater, the red or the blue?', 'which digit is greater , the red or the blue ?'],
    ['Describe the picture in detail!', 'describe the image in detail .'],
    ['  ', ''],
  ])('%j is read as %j', (typed, read) => expect(asRead(typed)).toBe(read));

  test('comes back as a person writes it', () =>
    expect(tidy('is the four small or large ?')).toBe('Is the four small or large?'));
  test('names the words that were never read', () =>
    expect(unknownWords('where is the elephant ?')).toEqual(['elephant']));
  test('of the examples has an answer in the scene', () => {
    for (const text of examples({ scene, strokes: [] })) expect(judge(text, '', scene), text).not.toBeNull();
  });
  test('is judged by the truth', () => {
    expect(judge('what color is the seven ?', 'red .', scene)).toEqual({ right: true, truth: 'red .' });
    expect(judge('what color is the seven ?', 'blue .', scene)).toEqual({ right: false, truth: 'red .' });
    expect(judge('what color is the six ?', 'red .', scene)).toBeNull();
  });
});

describe('a sketch', () => {
  test('without strokes is the scene', () =>
    expect(renderSketch({ scene, strokes: [] }, glyphs)).toEqual(
      renderSketch(writeDigit(blankSketchOf(scene), scene.objects[0]!), glyphs),
    ));

  test('takes ink of the full colour in the middle of a line, fading to nothing within two pixels', () => {
    const empty = blankSketch(5);
    const before = renderSketch(empty, glyphs).rgb;
    const { rgb } = renderSketch(
      {
        ...empty,
        strokes: [
          {
            color: 'yellow',
            pen: 'large',
            points: [
              { x: 10.5, y: 10.5 },
              { x: 20.5, y: 10.5 },
            ],
          },
        ],
      },
      glyphs,
    );
    const at = (x: number, y: number): number[] => [...rgb.slice(3 * (72 * y + x), 3 * (72 * y + x) + 3)];
    expect(at(15, 10)).toEqual([245, 225, 60]);
    expect(at(15, 11)[0]).toBeGreaterThan(120);
    expect(at(15, 12)).toEqual([...before.slice(3 * (72 * 12 + 15), 3 * (72 * 12 + 15) + 3)]);
  });

  test('loses what stands in one cell only', () => {
    const line = (x: number) =>
      ({
        color: 'red',
        pen: 'large',
        points: [
          { x, y: 4 },
          { x, y: 20 },
        ],
      }) as const;
    const left = clearCell({ scene, strokes: [line(12), line(36)] }, 0);
    expect(left).toEqual({ scene: { ...scene, objects: [] }, strokes: [line(36)] });
  });
});

test('advice fits the browser', () => {
  expect(adviceFor('Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0', true)).toContain(
    'dom.webgpu.enabled',
  );
  expect(
    adviceFor('Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15', true),
  ).toContain('Safari has WebGPU from version 26');
  expect(
    adviceFor('Mozilla/5.0 (Linux; Android 11) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36', true),
  ).toContain('Android 12');
  expect(adviceFor('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36', true)).toContain(
    'chrome://flags',
  );
  expect(adviceFor('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36', false)).toContain(
    'https',
  );
});

/** The same paper without its digits. */
function blankSketchOf({ background, noise }: Scene) {
  return { scene: { objects: [], background, noise }, strokes: [] };
}
