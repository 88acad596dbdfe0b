/**
 * @file The measures by which cells are compared: figures of a run, each with the points of every question or picture.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { yesOrNo } from '@curio/eval';
import { describedDigits, SCENE_SETS } from '@curio/scenes';
import type { SceneSet } from '@curio/scenes';
import { setAnswers } from '../eval/scene-sets.ts';
import { kindWords } from '../run/summary.ts';
import { readLines } from '../run/log.ts';
import { ANSWERS, ASKED } from '../train/answer-lines.ts';
import type { AnswerLine, AskedLine } from '../train/answer-lines.ts';

/** Points of one question or picture, out of the most that it can have. */
export interface Points {
  readonly points: number;
  readonly most: number;
}

/** Points by question or picture, which another cell of the same seed has too. */
export type Scored = ReadonlyMap<string, Points>;

export interface Measure {
  readonly name: string;
  readonly title: string;
  /** A hallucination rate: lower is better. */
  readonly isBad?: true;
  /** Whether two cells have points for the same things, so that they can be paired. */
  readonly isPaired: boolean;
  of(cell: CellAnswers): Scored;
}

/** The answers of a finished cell. */
export interface CellAnswers {
  readonly answers: readonly AnswerLine[];
  readonly asked: readonly AskedLine[];
  /** Answers to harder sets, if they were asked. */
  readonly sets: Readonly<Partial<Record<SceneSet, readonly AnswerLine[]>>>;
}

/** Where a cell's answers to the sets are. */
export const setsFolder = (runs: string, { name }: { readonly name: string }): string => join(runs, name, 'sets');

/** Null if the run is not trained. */
export function readCell(runs: string, name: string): CellAnswers | null {
  const folder = join(runs, name);
  if (!existsSync(join(folder, 'summary.json'))) return null;
  const sets = SCENE_SETS.flatMap((set) => {
    const path = setAnswers(setsFolder(runs, { name }), set);
    return existsSync(path) ? [[set, readLines<AnswerLine>(path)] as const] : [];
  });
  return {
    answers: readLines(join(folder, ANSWERS)),
    asked: readLines(join(folder, ASKED)),
    sets: Object.fromEntries(sets),
  };
}

const answersWhere = (
  answers: readonly AnswerLine[],
  fits: (line: AnswerLine) => boolean = () => true,
  points: (line: AnswerLine) => boolean = ({ right }) => right,
): Scored => new Map(answers.filter(fits).map((answer) => [answer.id, { points: Number(points(answer)), most: 1 }]));

type Verdict = NonNullable<AskedLine['asked'][number]['verdict']>;

const verdictsWhere = (
  { asked }: CellAnswers,
  among: (verdict: Verdict) => boolean,
  holds: (verdict: Verdict) => boolean,
): Scored =>
  new Map(
    asked.map(({ id, asked: questions }) => {
      const verdicts = questions.flatMap(({ verdict }) => (verdict && among(verdict) ? [verdict] : []));
      return [id, { points: verdicts.filter(holds).length, most: verdicts.length }];
    }),
  );

const SET_TITLES: Readonly<Record<SceneSet, string>> = {
  four: 'four digits',
  sizes: 'new sizes',
  combinations: 'new pairs of digit and colour',
  hallucination: 'is it there?',
  premises: 'what is not there',
  crowd: 'eight digits',
  faint: 'faint ink',
};

/** Objects of a description whose digit is nowhere in the scene, as CHAIR counts them (Rohrbach et al., 2018). */
const describedAbsent = ({ asked }: CellAnswers): Scored =>
  new Map(
    asked.map(({ id, truth, description }) => {
      const digits = describedDigits(description);
      const there = new Set(describedDigits(truth ?? ''));
      return [id, { points: digits.filter((digit) => !there.has(digit)).length, most: digits.length }];
    }),
  );

/** Harder sets, and two kinds of hallucination. */
const HARDER: readonly Measure[] = [
  ...SCENE_SETS.map(
    (set): Measure => ({
      name: set,
      title: SET_TITLES[set],
      isPaired: true,
      of: ({ sets }) => answersWhere(sets[set] ?? []),
    }),
  ),
  {
    name: 'saidYes',
    title: 'says that absent things are there',
    isBad: true,
    isPaired: true,
    of: ({ sets }) =>
      answersWhere(
        sets.hallucination ?? [],
        ({ expected }) => yesOrNo(expected) === 'no',
        ({ answer }) => yesOrNo(answer) === 'yes',
      ),
  },
  {
    name: 'describedAbsent',
    title: 'describes absent digits',
    isBad: true,
    isPaired: true,
    of: describedAbsent,
  },
];

/** Measures of a whole run. */
const DEFAULT_TABLES: readonly Measure[] = [
  { name: 'answers', title: 'answered right', isPaired: true, of: ({ answers }) => answersWhere(answers) },
  {
    name: 'wellFormed',
    title: 'asked: well formed',
    isPaired: true,
    of: (cell) =>
      verdictsWhere(
        cell,
        () => true,
        ({ wellFormed }) => wellFormed,
      ),
  },
  {
    name: 'aboutPicture',
    title: 'asked: about the picture',
    isPaired: true,
    of: (cell) =>
      verdictsWhere(
        cell,
        () => true,
        ({ aboutPicture }) => aboutPicture,
      ),
  },
  {
    name: 'answeredRight',
    title: 'asked: answered right',
    isPaired: false,
    of: (cell) =>
      verdictsWhere(
        cell,
        ({ aboutPicture }) => aboutPicture,
        ({ answeredRight }) => answeredRight,
      ),
  },
];

/** What any of the cells has points for. */
export const measuresOf = (cells: readonly CellAnswers[]): Measure[] =>
  [...DEFAULT_TABLES, ...HARDER].filter((measure) => cells.some((cell) => measure.of(cell).size > 0));

/** Answers by kind of question. */
export const kindMeasures = (cells: readonly CellAnswers[]): Measure[] =>
  [...new Set(cells.flatMap(({ answers }) => answers.map(({ kind }) => kind)))].map((kind) => ({
    name: kind,
    title: kindWords(kind),
    isPaired: true,
    of: ({ answers }) => answersWhere(answers, (line) => line.kind === kind),
  }));

/** Fraction of the possible points; null if there are none. */
export function shareOf(scored: Scored): number | null {
  let [points, most] = [0, 0];
  for (const each of scored.values()) {
    points += each.points;
    most += each.most;
  }
  return most === 0 ? null : points / most;
}
