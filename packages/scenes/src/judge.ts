/**
 * @file Scores a run's answers and its self-asked questions against the true scenes. Pure functions.
 */

import { parseQuestion } from './grammar.ts';
import type { Scene } from './scene.ts';
import { COLORS, NUMBERS, PLACES, SIZES } from './words.ts';

/** The digits, in words, of the objects that a description has; what is not of its grammar counts for nothing. */
export const describedDigits = (description: string): string[] =>
  description.split(/\s*[,.]\s*/).flatMap((phrase) => PHRASE.exec(phrase)?.[1] ?? []);

const PHRASE = new RegExp(
  `^a (?:${SIZES.join('|')}) (?:${COLORS.join('|')}) (${NUMBERS.slice(0, 10).join('|')}) at (?:${PLACES.join('|')})$`,
);

/** Verdict on one question that the model asked itself. */
export interface AskedVerdict {
  wellFormed: boolean;
  kind: string | null;
  /** It names a digit, colour, size or place, and what it presupposes holds in this scene. */
  aboutPicture: boolean;
  /** The same, judged against another scene: the rate expected by chance. */
  shuffled: boolean;
  /** The right answer, if the question is about the picture. */
  expected: string | null;
  /** The model's own answer equals it. */
  answeredRight: boolean;
}

/** Judges a self-asked question and the model's own answer to it; texts are compared without outer spaces. */
export function judgeAsked(question: string, answer: string, scene: Scene, otherScene: Scene): AskedVerdict {
  const parsed = parseQuestion(question);
  const answerIn = (where: Scene): string | null => (parsed?.names ? parsed.answer(where) : null);
  const expected = answerIn(scene);
  return {
    wellFormed: parsed !== null,
    kind: parsed?.kind ?? null,
    aboutPicture: expected !== null,
    shuffled: answerIn(otherScene) !== null,
    expected,
    answeredRight: expected !== null && answer.trim() === expected,
  };
}

/** Shares, 0…1, as in a run's summary. */
export interface SelfAsked {
  /** Of all questions. */
  wellFormed: number;
  aboutPicture: number;
  shuffled: number;
  /** Of the questions about the picture. */
  answeredRight: number;
  /** Share of each kind among the well-formed. */
  kinds: Record<string, number>;
  /** Different question texts. */
  distinct: number;
  count: number;
}

/** Sums up the verdicts on `questions[i]`. */
export function summariseAsked(questions: readonly string[], verdicts: readonly AskedVerdict[]): SelfAsked {
  const share = (among: readonly AskedVerdict[], holds: (verdict: AskedVerdict) => boolean): number =>
    among.length === 0 ? 0 : among.filter(holds).length / among.length;
  const wellFormed = verdicts.filter((verdict) => verdict.wellFormed);
  const about = verdicts.filter((verdict) => verdict.aboutPicture);
  return {
    wellFormed: share(verdicts, (verdict) => verdict.wellFormed),
    aboutPicture: share(verdicts, (verdict) => verdict.aboutPicture),
    shuffled: share(verdicts, (verdict) => verdict.shuffled),
    answeredRight: share(about, (verdict) => verdict.answeredRight),
    kinds: Object.fromEntries(
      [...new Set(wellFormed.map(({ kind }) => kind!))]
        .sort()
        .map((kind) => [kind, share(wellFormed, (verdict) => verdict.kind === kind)]),
    ),
    distinct: new Set(questions.map((question) => question.trim())).size,
    count: verdicts.length,
  };
}

/** Share of right answers, overall and by kind, with the 95 % interval of the overall share. */
export interface Accuracy {
  overall: number;
  interval: [number, number];
  kinds: Record<string, number>;
  count: number;
}

/** Exact match, ignoring outer spaces. */
export const isRight = ({ answer, expected }: { answer: string; expected: string }): boolean =>
  answer.trim() === expected.trim();

/** Shares of right answers. */
export function accuracyOf(items: readonly { kind: string; answer: string; expected: string }[]): Accuracy {
  const right = items.filter(isRight);
  const kinds = [...new Set(items.map(({ kind }) => kind))];
  const ofKind = (list: readonly { kind: string }[], kind: string): number =>
    list.filter((item) => item.kind === kind).length;
  return {
    overall: items.length === 0 ? 0 : right.length / items.length,
    interval: wilson(right.length, items.length),
    kinds: Object.fromEntries(kinds.map((kind) => [kind, ofKind(right, kind) / ofKind(items, kind)])),
    count: items.length,
  };
}

/** Wilson's 95 % interval of `hits` in `n`. */
export function wilson(hits: number, n: number): [number, number] {
  if (n === 0) return [0, 1];
  const z = 1.96;
  const p = hits / n;
  const center = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  return [Math.max(0, center - half), Math.min(1, center + half)];
}

/**
 * The blind baseline: the most frequent answer in training to the same question text (ties go to the first seen), or to
 * any question if the text is new. Returns a function from question to guess.
 */
export function mostFrequentAnswers(
  training: Iterable<{ question: string; answer: string }>,
): (question: string) => string {
  const byQuestion = new Map<string, Map<string, number>>();
  const overall = new Map<string, number>();
  for (const { question, answer } of training) {
    const counts = byQuestion.get(question) ?? new Map<string, number>();
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
    byQuestion.set(question, counts);
    overall.set(answer, (overall.get(answer) ?? 0) + 1);
  }
  const most = (counts: Map<string, number>): string =>
    [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), ['', 0])[0];
  const guesses = new Map([...byQuestion].map(([question, counts]) => [question, most(counts)]));
  const fallback = most(overall);
  return (question) => guesses.get(question) ?? fallback;
}
