/** docs/coverage.md names tests for what works; a name that no file has would show nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../../..');
const STATES = ['works', 'partly', 'not there'];

interface Row {
  readonly number: number;
  readonly state: string;
  readonly shown: readonly (readonly [file: string, title: string])[];
}

function rowsOf(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const [, number, , state, shown] = /^\| (\d+) \| (.*?) \| (.*?) \|(.*)\|$/.exec(line) ?? [];
    if (number === undefined) return [];
    const tests = [...shown!.matchAll(/`([^`]+)` › (.+?)(?=; `|\s*$)/g)].map(
      ([, file, title]) => [file!, title!] as const,
    );
    return [{ number: Number(number), state: state!, shown: tests }];
  });
}

/** A sentence for each row that says more than the sources. */
function faults(rows: readonly Row[], read: (file: string) => string | null): string[] {
  return rows.flatMap(({ number, state, shown }) => {
    const unknown = STATES.some((known) => state === known || new RegExp(`^${known}[:;] `).test(state))
      ? []
      : [`row ${number}: its state is '${state}'`];
    const bare = state.startsWith('works') && shown.length === 0 ? [`row ${number}: works, and no test shows it`] : [];
    const missing = shown.flatMap(([file, title]) => {
      const source = read(file);
      if (source === null) return [`row ${number}: there is no ${file}`];
      const titles = [...source.matchAll(/(?<quote>['"`])((?:\\.|(?!\k<quote>)[^\\\n])*)\k<quote>/g)].map(
        ([, , text]) => text!.replaceAll(/\\(.)/g, '$1'),
      );
      return titles.some((from) => from.includes(title)) ? [] : [`row ${number}: ${file} has no test '${title}'`];
    });
    return [...unknown, ...bare, ...missing];
  });
}

test('every row of the checklist occurs once, and what works names tests that exist', () => {
  const rows = rowsOf(readFileSync(join(root, 'docs/coverage.md'), 'utf8'));
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 47 }, (_, i) => i + 1));
  const read = (file: string): string | null =>
    existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : null;
  expect(faults(rows, read)).toEqual([]);
});

test('a row that says more than the sources is found', () => {
  const rows = rowsOf(
    [
      '| 1 | a | works | `a.test.ts` › one; `a.test.ts` › two |',
      '| 2 | b | works | |',
      '| 3 | c | partly: half | `b.test.ts` › one |',
      '| 4 | d | surely | `a.test.ts` › one |',
    ].join('\n'),
  );
  const read = (file: string): string | null => (file === 'a.test.ts' ? "test('one', () => {});\n// two" : null);
  expect(faults(rows, read)).toEqual([
    "row 1: a.test.ts has no test 'two'",
    'row 2: works, and no test shows it',
    'row 3: there is no b.test.ts',
    "row 4: its state is 'surely'",
  ]);
});

/** A numbered section of the specification, down to the next heading of its level or above. */
function sectionOf(text: string, heading: string): string {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => line.startsWith(heading));
  const level = /^#+/.exec(heading)![0].length;
  const length = lines.slice(from + 1).findIndex((line) => (/^#+(?= )/.exec(line)?.[0].length ?? 9) <= level);
  return lines.slice(from, length < 0 ? undefined : from + 1 + length).join('\n');
}

/** Repositories `owner/name` of weights, and data sets `….json`, in a text. */
const namedIn = (text: string): string[] => [
  ...new Set(
    text.match(/\b(?:lmsys|Lin-Chen|openai|ZachSun)\/[\w.-]*\w(?![\w.-]*\{)|\b[\w-]+_\w*\d+k\w*\.json/g) ?? [],
  ),
];

test('every base, adapter and data set of the specification’s recipes has its licence listed', () => {
  const text = readFileSync(join(root, 'docs/sq-llava.md'), 'utf8');
  const licences = sectionOf(text, '## 11. Licences');
  const used = [sectionOf(text, '### 3.2 Stages'), sectionOf(text, '### 4.6 Base models needed')].join('\n');
  const recipes = namedIn(used);
  expect(recipes.length).toBeGreaterThan(7);
  expect(recipes.filter((name) => !namedIn(licences).includes(name))).toEqual([]);
  for (const line of licences.split('\n').filter((row) => /^\| (?!what|---)/.test(row)))
    expect(line, 'a licence says where it was read').toMatch(/\[(R|L|HF|U)(: [^\]]+)?\]/);
});
