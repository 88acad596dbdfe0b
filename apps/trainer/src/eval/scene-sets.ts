/** @file Evaluates a model on the harder held-out sets of the embedded scenes, for `curio eval scenes`. */
import { join } from 'node:path';
import { ConfigError, RandomStream } from '@curio/engine';
import { popeMeasures, yesOrNo } from '@curio/eval';
import type { AskConfig, Picture } from '@curio/model';
import { accuracyOf, drawSetQuestion, renderScene, SCENE_SETS } from '@curio/scenes';
import type { Accuracy, SceneSet } from '@curio/scenes';
import { openHandwriting } from '../data/digits.ts';
import { writeAtomic } from '../run/files.ts';
import { answerLines } from '../train/answer-lines.ts';
import { answerAll } from '../train/evaluate.ts';
import type { AnsweredQuestion, Opened } from '../train/evaluate.ts';

/** Questions per set: a multiple of eleven kinds, and of the four of the set hallucination. */
const QUESTIONS = 220;
/** Random stream of the first set; data set and pretraining use lower ones. */
const FIRST_STREAM = 32;

export interface SetResult {
  readonly answers: Accuracy;
  /** Of the set hallucination: POPE's measures. */
  readonly pope?: Readonly<Record<string, number>>;
}

export interface SetOptions {
  readonly ask: AskConfig;
  readonly seed: number;
  /** Pairs of digit and colour that the model was trained without. */
  readonly withheldPairs: number;
  readonly signal: AbortSignal;
  readonly onPart: (label: string, count: number) => void;
}

export const setAnswers = (out: string, set: SceneSet): string => join(out, `answers-${set}.jsonl`);

/** @throws ConfigError for a name that is not a set */
export function setsOf(command: string, text: string): SceneSet[] {
  return text.split(',').map((word) => {
    const set = SCENE_SETS.find((name) => name === word.trim());
    if (!set)
      throw new ConfigError(`${command}: there is no set '${word.trim()}'; there are ${SCENE_SETS.join(', ')}.`);
    return set;
  });
}

/**
 * Asks the questions of the sets and writes the answers under `out`. Null if `signal` aborted it.
 * @throws ConfigError for the set combinations if no pairs were withheld from training
 */
export async function answerSets(
  opened: Opened,
  sets: readonly SceneSet[],
  out: string,
  { ask, seed, withheldPairs, signal, onPart }: SetOptions,
): Promise<Partial<Record<SceneSet, SetResult>> | null> {
  if (sets.includes('combinations') && withheldPairs === 0)
    throw new ConfigError(
      'eval: the set combinations asks about pairs of digit and colour withheld from training, but this run withheld none; train with --data.withheldPairs=12, or leave the set out.',
    );
  const results: Partial<Record<SceneSet, SetResult>> = {};
  for (const set of sets) {
    onPart(`questions of the set ${set}`, QUESTIONS);
    const answered = await answerAll(opened, drawSet(set, seed, withheldPairs), ask);
    if (signal.aborted) return null;
    writeAtomic(setAnswers(out, set), answerLines(answered));
    results[set] = { answers: accuracyOf(answered), ...(set === 'hallucination' && { pope: popeOf(answered) }) };
  }
  return results;
}

/** Questions that depend only on (seed, set, number), with pictures that are drawn when they are read. */
function drawSet(set: SceneSet, seed: number, withheldPairs: number) {
  const glyphs = openHandwriting('heldOut');
  const drawn = Array.from({ length: QUESTIONS }, (_, i) =>
    drawSetQuestion(set, new RandomStream(seed, i, FIRST_STREAM + SCENE_SETS.indexOf(set)), glyphs, i, withheldPairs),
  );
  const id = (i: number): string => `${set}-${String(i).padStart(6, '0')}`;
  const scenes = new Map(drawn.map(({ scene }, i) => [id(i), scene]));
  return {
    questions: drawn.map(({ kind, question, answer }, i) => ({
      ...{ id: id(i), image: id(i), kind, question, expected: answer },
    })),
    images: {
      heldOut: {
        read: async (image: string): Promise<Picture> => renderScene(scenes.get(image)!, glyphs),
      },
    },
  };
}

const popeOf = (answered: readonly AnsweredQuestion[]): Readonly<Record<string, number>> =>
  popeMeasures(answered.map(({ answer, expected }) => ({ said: yesOrNo(answer), label: yesOrNo(expected) })));
