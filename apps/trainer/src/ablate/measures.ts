/** @file What is compared of a cell: the figures of a run, each with the points of every question or picture. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
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
  /** Whether two cells have points for the same things, so that they can be paired. */
  readonly isPaired: boolean;
  of(cell: CellAnswers): Scored;
}

/** What a finished cell said. */
export interface CellAnswers {
  readonly answers: readonly AnswerLine[];
  readonly asked: readonly AskedLine[];
}

/** Null where the run is not finished. */
export function readCell(folder: string): CellAnswers | null {
  if (!existsSync(join(folder, 'summary.json'))) return null;
  return { answers: readLines(join(folder, ANSWERS)), asked: readLines(join(folder, ASKED)) };
}

const answersWhere = ({ answers }: CellAnswers, fits: (line: AnswerLine) => boolean): Scored =>
  new Map(answers.filter(fits).map(({ id, right }) => [id, { points: Number(right), most: 1 }]));

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

/** Of a run as a whole. */
export const MEASURES: readonly Measure[] = [
  { name: 'answers', title: 'answered right', isPaired: true, of: (cell) => answersWhere(cell, () => true) },
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

/** Answers by kind of question. */
export const kindMeasures = (cells: readonly CellAnswers[]): Measure[] =>
  [...new Set(cells.flatMap(({ answers }) => answers.map(({ kind }) => kind)))].map((kind) => ({
    name: kind,
    title: kindWords(kind),
    isPaired: true,
    of: (cell) => answersWhere(cell, (line) => line.kind === kind),
  }));

/** Share of all points; null where there are none to have. */
export function shareOf(scored: Scored): number | null {
  let [points, most] = [0, 0];
  for (const each of scored.values()) {
    points += each.points;
    most += each.most;
  }
  return most === 0 ? null : points / most;
}
