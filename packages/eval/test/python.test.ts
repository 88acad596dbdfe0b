import { expect, test } from 'vitest';
import { floatText, PythonFloat, pythonJson } from '../src/text/python-json.ts';
import { parseFloatLikePython, splitWords, strip } from '../src/text/python-text.ts';
import { roundLikePython } from '../src/text/rounding.ts';

// What CPython 3.11 prints.

test('JSON has json.dumps’ spaces, escapes, floats and indents', () => {
  expect(pythonJson('\x7f\u2028é😀\ud800"\\\n\0/')).toBe(
    '"\\u007f\\u2028\\u00e9\\ud83d\\ude00\\ud800\\"\\\\\\n\\u0000/"',
  );
  const floats = [1e16, 2 ** 57, 1e-5, 0.0001, -0, 0.1, 1e22, 5e-324, Number.NaN, -Infinity, 3];
  expect(pythonJson(floats.map((value) => new PythonFloat(value)))).toBe(
    '[1e+16, 1.4411518807585587e+17, 1e-05, 0.0001, -0.0, 0.1, 1e+22, 5e-324, NaN, -Infinity, 3.0]',
  );
  expect(pythonJson({ a: [], b: {}, c: [1, { d: null }], e: true }, 2)).toBe(
    '{\n  "a": [],\n  "b": {},\n  "c": [\n    1,\n    {\n      "d": null\n    }\n  ],\n  "e": true\n}',
  );
  expect(
    pythonJson(
      new Map([
        ['10', 1],
        ['9', 2],
      ]),
    ),
  ).toBe('{"10": 1, "9": 2}');
  expect(floatText(1e100)).toBe('1e+100');
});

test('white space, floats and rounding are Python’s', () => {
  expect(splitWords('a\x1cb\x85c\u200bd\ufeffe f')).toEqual(['a', 'b', 'c\u200bd\ufeffe', 'f']);
  expect(strip('\x1f x\ufeff')).toBe('x\ufeff');
  expect(['1_0', ' ٣.5 ', '1__0', '.', '1e5', '0x1', '+.5', 'iNf'].map(parseFloatLikePython)).toEqual([
    10,
    3.5,
    null,
    null,
    1e5,
    null,
    0.5,
    Infinity,
  ]);
  const cases: [number, number, number][] = [
    [0.0625, 3, 0.062],
    [0.1875, 3, 0.188],
    [2.5, 0, 2],
    [3.5, 0, 4],
    [2.675, 2, 2.67],
    [-0.0625, 3, -0.062],
    [7.8125, 3, 7.812],
    [66.25, 1, 66.2],
    [66.75, 1, 66.8],
    [1.005, 2, 1],
  ];
  for (const [value, digits, want] of cases) expect(roundLikePython(value, digits)).toBe(want);
});
