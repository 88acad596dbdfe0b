/**
 * @file Conversations about scenes: turns of distinct questions whose kinds are equally frequent and whose answers are
 * balanced.
 */

import type { RandomStream } from '@curio/engine';
import { KINDS, NONE, QUESTIONS, type Kind, type Question } from './grammar.ts';
import type { Scene } from './scene.ts';
import { DESCRIBE } from './words.ts';

export interface Turn {
  kind: Kind | 'caption';
  question: string;
  answer: string;
  /** It asks about something absent; no model should learn to ask it. */
  isFalsePremise?: true;
}

export interface TalkOptions {
  /** Turns of a conversation; fewer if a scene does not have enough to ask about. Default 8. */
  turns?: number;
  /** Probability that the first turn asks for the caption. Default 0.4. */
  describe?: number;
  /** Probability that a turn asks about something absent; the answer is `NONE`. Default 0. */
  falsePremises?: number;
  /** Factor on how often a kind is asked, for kinds a model has yet to learn. Default 1 each. */
  kindWeights?: Partial<Record<Kind, number>>;
}

/**
 * Preference for a kind where it can be asked. Not every scene has two digits to compare, so the rarer kinds are
 * preferred; these values make the kinds equally frequent over conversations of eight turns (a test counts them).
 */
const EAGERNESS: Record<Kind, number> = {
  digit_at: 0.95,
  digit_col: 1,
  color: 1,
  count: 0.77,
  exist: 0.78,
  where: 1,
  size: 1,
  compare: 1.42,
  relation: 1.32,
  object: 0.78,
  sum: 1.45,
};
/** Prefers rare answers if they are possible. */
const ANSWER_WEIGHT: Record<string, number> = { 'two .': 2, 'three .': 3 };

/**
 * One question of a kind for a scene: first the form, then the answer, then the question, so that no form or answer
 * dominates; null where none is left.
 */
export function askOfKind(
  scene: Scene,
  kind: Kind,
  random: RandomStream,
  asked: ReadonlySet<string> = new Set(),
): Turn | null {
  const open = OF_KIND[kind]
    .map((question) => ({ question, answer: asked.has(question.text) ? null : question.answer(scene) }))
    .filter((candidate): candidate is { question: Question; answer: string } => candidate.answer !== null);
  if (open.length === 0) return null;
  const form = random.pick([...new Set(open.map(({ question }) => question.form))]);
  const ofForm = open.filter(({ question }) => question.form === form);
  const answers = [...new Set(ofForm.map(({ answer }) => answer))];
  const answer = answers[random.weighted(answers.map((text) => (kind === 'count' ? (ANSWER_WEIGHT[text] ?? 1) : 1)))];
  const { question } = random.pick(ofForm.filter((candidate) => candidate.answer === answer));
  return { kind, question: question.text, answer };
}

/**
 * One question about something absent from a scene; null if none is left. First the kind is drawn, then the form.
 */
export function askFalsePremise(
  scene: Scene,
  random: RandomStream,
  asked: ReadonlySet<string> = new Set(),
): Turn | null {
  const open = [...QUESTIONS.values()].filter(
    (question) => !asked.has(question.text) && question.isFalsePremise(scene),
  );
  if (open.length === 0) return null;
  const kind = random.pick([...new Set(open.map((question) => question.kind))]);
  const ofKind = open.filter((question) => question.kind === kind);
  const form = random.pick([...new Set(ofKind.map((question) => question.form))]);
  const { text } = random.pick(ofKind.filter((question) => question.form === form));
  return { kind, question: text, answer: NONE, isFalsePremise: true };
}

const OF_KIND = Object.fromEntries(
  KINDS.map((kind) => [kind, [...QUESTIONS.values()].filter((question) => question.kind === kind)]),
) as Record<Kind, Question[]>;

/** A conversation about a scene. */
export function converse(scene: Scene, random: RandomStream, options: TalkOptions = {}): Turn[] {
  const { turns = 8, describe = 0.4, falsePremises = 0, kindWeights = {} } = options;
  const asked = new Set<string>();
  const out: Turn[] = [];
  if (random.chance(describe))
    out.push({ kind: 'caption', question: DESCRIBE, answer: QUESTIONS.get(DESCRIBE)!.answer(scene)! });
  const weights = KINDS.map((kind) => EAGERNESS[kind] * (kindWeights[kind] ?? 1));
  while (out.length < turns && weights.some((weight) => weight > 0)) {
    const isFalse = falsePremises > 0 && random.chance(falsePremises);
    const index = isFalse ? -1 : random.weighted(weights);
    const turn = isFalse ? askFalsePremise(scene, random, asked) : askOfKind(scene, KINDS[index], random, asked);
    if (!turn) {
      if (!isFalse) weights[index] = 0;
      continue;
    }
    asked.add(turn.question);
    out.push(turn);
  }
  return out;
}
