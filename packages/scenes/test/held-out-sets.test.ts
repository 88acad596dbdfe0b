import { RandomStream } from '@curio/engine';
import { expect, test } from 'vitest';
import {
  COLORS,
  describedDigits,
  drawSetQuestion,
  isWithheld,
  KINDS,
  NONE,
  parseQuestion,
  renderScene,
  sampleScene,
  withoutWithheld,
  type GlyphSource,
  type SceneSet,
  type SetQuestion,
} from '../src/index.ts';

/** Every sample is a full square, so the drawn sides can be measured. */
const glyphs: GlyphSource = { count: () => 3, pixels: () => new Uint8Array(28 * 28).fill(255) };
const draw = (set: SceneSet, count: number, withheld = 12): SetQuestion[] =>
  Array.from({ length: count }, (_, i) => drawSetQuestion(set, new RandomStream(5, i, 40), glyphs, i, withheld));
const pairsOf = ({ scene }: SetQuestion) => scene.objects.map(({ digit, color }) => ({ digit, color }));

test('pairs are withheld evenly, and scenes are unchanged if none is', () => {
  const all = Array.from({ length: 10 }, (_, digit) => COLORS.map((color) => ({ digit, color }))).flat();
  for (const count of [0, 1, 10, 12, 30])
    expect(all.filter(({ digit, color }) => isWithheld(digit, color, count)).length).toBe(count);
  for (let digit = 0; digit < 10; digit++)
    expect(COLORS.filter((color) => isWithheld(digit, color, 20)).length).toBe(2);
  for (const color of COLORS) {
    const lost = Array.from({ length: 10 }, (_, digit) => digit).filter((digit) => isWithheld(digit, color, 30));
    expect(lost.length).toBeGreaterThanOrEqual(4);
    expect(lost.length).toBeLessThanOrEqual(6);
  }
  const scene = (pairs: ReturnType<typeof withoutWithheld>) => sampleScene(new RandomStream(1), glyphs, { pairs });
  expect(scene(withoutWithheld(0))).toEqual(sampleScene(new RandomStream(1), glyphs));
  for (let i = 0; i < 200; i++)
    for (const { digit, color } of sampleScene(new RandomStream(i), glyphs, { pairs: withoutWithheld(30) }).objects)
      expect(isWithheld(digit, color, 30)).toBe(false);
});

test('four digits, and all kinds of question in turn', () => {
  const drawn = draw('four', 44);
  for (const { scene } of drawn) expect(scene.objects.length).toBe(4);
  expect(drawn.map(({ kind }) => kind)).toEqual(Array.from({ length: 44 }, (_, i) => KINDS[i % KINDS.length]));
  for (const { scene, question, answer } of drawn) expect(parseQuestion(question)!.answer(scene)).toBe(answer);
  expect(drawn.flatMap(pairsOf).some(({ digit, color }) => isWithheld(digit, color, 12))).toBe(false);
});

test('new sizes are drawn at sides that the training lacks, inside their cells', () => {
  for (const { scene } of draw('sizes', 33)) {
    const { rgb, width } = renderScene({ ...scene, background: 0 }, glyphs);
    for (const { size, cell } of scene.objects) {
      const lit = (x: number, y: number): boolean => Math.max(...rgb.subarray((y * width + x) * 3).slice(0, 3)) > 100;
      const [left, top] = [(cell % 3) * 24, Math.floor(cell / 3) * 24];
      const columns = Array.from({ length: 24 }, (_, i) => i).filter((x) => lit(left + x, top + 12));
      expect(columns.length).toBe(size === 'small' ? 11 : 24);
    }
  }
});

test('combinations are scenes of withheld pairs alone', () => {
  for (const each of draw('combinations', 33))
    for (const { digit, color } of pairsOf(each)) expect(isWithheld(digit, color, 12)).toBe(true);
});

test('hallucination: present as often as absent, some absent ones similar to present ones', () => {
  const drawn = draw('hallucination', 200);
  const said = (kind: string) => drawn.filter((each) => each.kind === kind).map(({ answer }) => answer);
  expect(said('there')).toEqual(Array(100).fill('yes .'));
  expect(said('absent')).toEqual(Array(50).fill('no .'));
  expect(said('look_alike')).toEqual(Array(50).fill('no .'));
  for (const { scene, question, answer } of drawn) {
    expect(parseQuestion(question)).toMatchObject({ kind: 'exist' });
    expect(parseQuestion(question)!.answer(scene)).toBe(answer);
  }
  const asked = drawn.map(({ question }) => (question.endsWith('digit ?') ? 'color' : 'digit'));
  for (const thing of ['color', 'digit']) expect(asked.filter((each) => each === thing).length).toBeGreaterThan(50);
});

test('premises ask about what is absent', () => {
  for (const { scene, question, answer } of draw('premises', 40)) {
    expect(answer).toBe(NONE);
    expect(parseQuestion(question)!.isFalsePremise(scene)).toBe(true);
  }
});

test('a crowd has eight digits, more than there are colours, and all kinds of question in turn', () => {
  const drawn = draw('crowd', 44);
  for (const { scene, question, answer } of drawn) {
    expect(new Set(scene.objects.map(({ cell }) => cell)).size).toBe(8);
    for (const { color } of scene.objects) expect(COLORS).toContain(color);
    expect(parseQuestion(question)!.answer(scene)).toBe(answer);
  }
  expect(drawn.map(({ kind }) => kind)).toEqual(Array.from({ length: 44 }, (_, i) => KINDS[i % KINDS.length]));
  expect(drawn.flatMap(pairsOf).some(({ digit, color }) => isWithheld(digit, color, 12))).toBe(false);
});

test('faint ink covers three tenths of the background, handwritten and drawn with a pen', () => {
  for (const { scene } of draw('faint', 22)) expect(scene).toMatchObject({ opacity: 0.3 });
  for (const drawn of [0, 1]) {
    const plain = sampleScene(new RandomStream(drawn), glyphs, { drawn, objects: 3 });
    const at = (opacity?: number, objects = plain.objects) => renderScene({ ...plain, objects, opacity }, glyphs).rgb;
    const [full, faint, none] = [at(), at(0.3), at(1, [])];
    expect(full).not.toEqual(none);
    full.forEach((value, i) => expect(Math.abs(none[i] + 0.3 * (value - none[i]) - faint[i])).toBeLessThanOrEqual(1));
  }
});

test('a description has only the digits of its objects', () => {
  expect(describedDigits('a large red seven at top left , a small blue two at center .')).toEqual(['seven', 'two']);
  expect(describedDigits('there are no digits .')).toEqual([]);
  expect(describedDigits('a large red seven , a seven at top')).toEqual([]);
});
