/**
 * @file Writing answers and questions: sampling, the cached decoding loop, and visual self-questioning.
 * docs/sq-llava.md 5.1 and 5.2.
 */
import { capture, DataError, noGrad, RandomStream, reshape, slice } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import { KvCache } from '@curio/nn';
import { makeBatch } from './data/batch.ts';
import { imageTokens } from './config.ts';
import type { SqLlava } from './sq-llava.ts';

export interface SamplingOptions {
  /** 0 (default) takes the likeliest word. */
  readonly temperature?: number;
  /** Keep this many of the likeliest words. */
  readonly topK?: number;
  /** Keep the likeliest words whose probabilities first reach this sum. */
  readonly topP?: number;
  readonly seed?: number;
}

export interface GenerateOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  /** Ends a sequence; its id is not part of the result. */
  readonly eos: number;
  /** Called with each new id of each sequence. */
  readonly onToken?: (sequence: number, id: number) => void;
  /** Ends all sequences where they stand. */
  readonly signal?: AbortSignal;
}

/**
 * Draws the next id from one row of scores, in transformers' order: temperature, top-k, top-p, draw. Ties go to the
 * lower id. Throws DataError where a score is NaN.
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

/**
 * Continues prompts of equal length together, each with the image of the same index (null for text alone).
 * @param prompts ids with IMAGE_TOKEN where the image stands, as `Tokens.encodePrompt` gives them
 * @param images float[N, P, H] from `model.encodeImages`
 * @returns the new ids of each prompt, without the end token
 */
export async function generate(
  model: SqLlava,
  prompts: readonly (readonly number[])[],
  images: Tensor | null,
  options: GenerateOptions,
): Promise<number[][]> {
  const { maxNewTokens, eos, onToken, signal, seed = 0 } = options;
  const { language, gpu } = model;
  const { numLayers, numKeyValueHeads, hiddenSize, numHeads } = model.config.language;
  const batch = makeBatch(
    prompts.map((ids) => ({ ids: [...ids], labels: [] })),
    { patches: imageTokens(model.config.vision), multiple: 1 },
  );
  if (new Set(batch.lengths).size > 1)
    throw new RangeError(
      `generate: prompts take ${[...new Set(batch.lengths)].join(' and ')} positions; prompts of one call must be equally long.`,
    );
  const count = prompts.length;
  const cache = new KvCache(gpu, {
    numLayers,
    batch: count,
    numKeyValueHeads,
    headDim: hiddenSize / numHeads,
    maxTokens: batch.length + maxNewTokens,
  });
  const randoms = prompts.map((_, i) => new RandomStream(seed, i, 0x67656e));
  const out: number[][] = prompts.map(() => []);
  const done = prompts.map(() => false);
  const prompt = (): Promise<Float32Array> =>
    gpu.scope(() =>
      noGrad(() => {
        const hidden = language.forward(model.splice(batch, images), { cache });
        const last = slice(hidden, { axis: 1, start: hidden.shape[1]! - 1 });
        return language.logits(reshape(last, [count, hiddenSize])).read() as Promise<Float32Array>;
      }),
    );
  // Recorded once: each further word is a replay, with its place as data.
  const decode = capture(gpu, 'decode', ({ ids, positions }: { ids: Tensor; positions: Tensor }) =>
    noGrad(() => {
      const x = reshape(language.embed(ids), [count, 1, hiddenSize]);
      const hidden = language.forward(x, { cache, positions });
      return { logits: language.logits(reshape(hidden, [count, hiddenSize])) };
    }),
  );
  try {
    let logits = await prompt();
    for (let t = 0; t < maxNewTokens && !signal?.aborted; t++) {
      const width = logits.length / count;
      const next = new Int32Array(count);
      for (let i = 0; i < count; i++) {
        next[i] = done[i] ? eos : sample(logits.subarray(i * width, (i + 1) * width), options, randoms[i]!);
        if (next[i] === eos) done[i] = true;
        if (done[i]) continue;
        out[i]!.push(next[i]!);
        onToken?.(i, next[i]!);
      }
      if (done.every(Boolean) || t + 1 === maxNewTokens) break;
      const positions = { values: Int32Array.of(batch.length + t), shape: [1] };
      const outputs = decode.run({ ids: { values: next, shape: [count] }, positions });
      logits = (await outputs.logits.read()) as Float32Array;
    }
  } finally {
    decode.dispose();
    cache.dispose();
  }
  return out;
}
