/** @file Accuracy against ten annotators: VQA's, and the same after EvalAI's processor for TextVQA and VizWiz. */
import { flattened, normaliseAnswer, normaliseForVqa } from './answer-normaliser.ts';

/** Mean over annotators i of min(1, matches among the others / 3); texts are compared exactly. */
export function leaveOneOut(prediction: string, answers: readonly string[]): number {
  const matches = answers.filter((answer) => answer === prediction).length;
  const total = answers.reduce((sum, answer) => sum + Math.min(1, (matches - Number(answer === prediction)) / 3), 0);
  return answers.length ? total / answers.length : 0;
}

/**
 * VQA accuracy of one question, 0 to 1, as in vqaEval.py: texts are normalised only if the annotators disagree.
 * Source: https://github.com/GT-Vision-Lab/VQA.
 */
export function vqaAccuracy(prediction: string, answers: readonly string[]): number {
  const flat = answers.map(flattened);
  const asTheyAre = new Set(flat).size <= 1;
  const same = (text: string) => (asTheyAre ? text : normaliseForVqa(text));
  return leaveOneOut(same(flattened(prediction)), flat.map(same));
}

/** Soft accuracy after EvalAI's processor, 0 to 1: TextVQA's (m4c_evaluator.py) and VizWiz's. */
export const softAccuracy = (prediction: string, answers: readonly string[]): number =>
  leaveOneOut(normaliseAnswer(prediction), answers.map(normaliseAnswer));
