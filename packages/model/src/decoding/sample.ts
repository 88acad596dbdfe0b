/** @file The next token from one row of scores, in transformers' order: temperature, top-k, top-p, draw. */
import { ConfigError, DataError } from '@curio/engine';
import type { RandomStream } from '@curio/engine';

export interface SamplingOptions {
  /** 0 (default) takes the likeliest token. */
  readonly temperature?: number;
  /** Keep this many of the likeliest tokens. Default: all. */
  readonly topK?: number;
  /** Keep the likeliest tokens until their probabilities reach this sum. Default: all. */
  readonly topP?: number;
  readonly seed?: number;
}

/** @throws ConfigError for invalid settings */
export function checkSampling({ temperature = 0, topK = 1, topP = 1 }: SamplingOptions): void {
  if (!(temperature >= 0) || temperature === Infinity)
    throw new ConfigError(`sample: temperature is ${temperature}; it must be a number of at least 0, 0 for greedy.`);
  if (!Number.isInteger(topK) || topK < 1)
    throw new ConfigError(
      `sample: topK is ${topK}; it must be a whole number of at least 1, or left out for all words.`,
    );
  if (!(topP > 0 && topP <= 1))
    throw new ConfigError(`sample: topP is ${topP}; it must be above 0 and at most 1, which keeps all words.`);
}

/**
 * Samples the next id from one row of scores. Ties go to the lower id. Throws DataError if a score is NaN.
 */
export function sample(
  logits: Float32Array,
  { temperature = 0, topK, topP }: SamplingOptions,
  random: RandomStream,
): number {
  const bad = logits.findIndex(Number.isNaN);
  if (bad >= 0)
    throw new DataError(
      `sample: the score of word ${bad} of ${logits.length} is NaN; scores must be numbers, so the model has diverged or its weights are damaged.`,
    );
  if (temperature <= 0) {
    let best = 0;
    for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
    return best;
  }
  const order = Array.from(logits.keys())
    .sort((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, topK ?? logits.length);
  const top = logits[order[0]!]!;
  // Equal infinities have no difference.
  const weights = order.map((i) => (logits[i] === top ? 1 : Math.exp((logits[i]! - top) / temperature)));
  const total = weights.reduce((sum, w) => sum + w, 0);
  let kept = weights.length;
  for (let i = 0, sum = 0; topP !== undefined && i < weights.length; i++) {
    sum += weights[i]! / total;
    if (sum >= topP) {
      kept = i + 1;
      break;
    }
  }
  return order[random.weighted(weights.slice(0, kept))]!;
}

/** The logarithm of the probability that a row of scores gives an id: score − log Σ exp(scores). */
export function logProbability(scores: Float32Array, id: number): number {
  const top = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  // Equal infinities have no difference.
  const sum = scores.reduce((total, score) => total + (score === top ? 1 : Math.exp(score - top)), 0);
  return (scores[id] === top ? 0 : scores[id]! - top) - Math.log(sum);
}
