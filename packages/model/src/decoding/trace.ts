/**
 * @file A look inside an answer: what each token attends to, the words it was chosen among, and which patches of the
 * picture share a prototype. All of it is read from the tensors of the run itself.
 */
import { arange, ConfigError, empty, keep, le, reshape, slice, tensor } from '@curio/engine';
import type { Gpu, PrototypeAssignment, Tensor } from '@curio/engine';
import type { AttentionTrace } from '@curio/nn';
import { IMAGE_TOKEN } from '../data/tokens.ts';

export interface WordProbability {
  readonly id: number;
  /** Softmax of the scores as they are, whatever the temperature. */
  readonly probability: number;
}

export interface TokenTrace {
  readonly id: number;
  /**
   * By layer of the language model: how much the position that chose this token attends to each image token of its
   * prompt, the mean over the heads; picture after picture, patches in raster order. The rest of 1 goes to words.
   */
  readonly attention: readonly Float32Array[];
  /** What it was chosen among, the likeliest first. */
  readonly words: readonly WordProbability[];
}

export interface TraceOptions {
  /** Length of `words`. Default 5. */
  readonly words?: number;
  /** Called with each new token of a sequence, before its text. */
  readonly onToken: (sequence: number, token: TokenTrace) => void;
}

/** Which patches of a picture share a prototype, in raster order. */
export interface PrototypeTrace {
  readonly numPrototypes: number;
  /** Of each E/M iteration [P, K]: the share of each prototype in a patch; a row sums to 1. */
  readonly iterations: readonly Float32Array[];
  /** [P]: the prototype that a patch belongs to in the end. */
  readonly centre: Uint32Array;
  /** [P]: its gated cosine with that prototype, 0…1. */
  readonly weight: Float32Array;
}

const WORDS = 5;

/** @throws ConfigError for invalid settings */
export function checkTrace({ words = WORDS }: TraceOptions): void {
  if (!Number.isInteger(words) || words < 1)
    throw new ConfigError(`trace: words is ${words}; it must be a whole number of at least 1.`);
}

/** Makes the tensors that steps of one cache write their attention to. */
export class StepTracer {
  private readonly keys: Tensor;
  private readonly hidden: Tensor;

  constructor(
    private readonly gpu: Gpu,
    private readonly layers: number,
    room: number,
  ) {
    this.keys = keep(arange(gpu, 0, room, 1, 'i32'));
    this.hidden = keep(tensor(gpu, [-Infinity]));
  }

  /**
   * Belongs to the current scope, or the step that is captured.
   * @param positions i32[B], of the traced query of each row
   * @param keys number of keys that the queries are compared with
   * @param rows their flat positions if a row has several
   */
  step(positions: Tensor, keys: number, rows: Tensor | null = null): AttentionTrace {
    const batch = positions.size;
    const own = slice(this.keys, { axis: 0, start: 0, end: keys });
    return {
      weights: empty(this.gpu, [batch, this.layers, keys]),
      rows,
      visible: le(own, reshape(positions, [batch, 1])),
      hidden: this.hidden,
    };
  }

  dispose(): void {
    this.keys.dispose();
    this.hidden.dispose();
  }
}

/**
 * @param weights [L, S], as the step wrote them for this row
 * @param patches image tokens of a picture
 */
export function tokenTrace(
  id: number,
  scores: Float32Array,
  weights: Float32Array,
  {
    layers,
    prompt,
    patches,
  }: { readonly layers: number; readonly prompt: readonly number[]; readonly patches: number },
  { words = WORDS }: TraceOptions,
): TokenTrace {
  const keys = weights.length / layers;
  const pictures = imagePositions(prompt, patches);
  const attention = Array.from({ length: layers }, (_, layer) =>
    Float32Array.from(pictures, (at) => weights[layer * keys + at]!),
  );
  return { id, attention, words: likeliest(scores, words) };
}

function imagePositions(prompt: readonly number[], patches: number): number[] {
  let at = 0;
  return prompt.flatMap((id) => {
    const width = id === IMAGE_TOKEN ? patches : 1;
    at += width;
    return id === IMAGE_TOKEN ? Array.from({ length: width }, (_, i) => at - width + i) : [];
  });
}

function likeliest(scores: Float32Array, count: number): WordProbability[] {
  const top = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  // Equal infinities have no difference.
  const weightOf = (score: number): number => (score === top ? 1 : Math.exp(score - top));
  const total = scores.reduce((sum, score) => sum + weightOf(score), 0);
  return Array.from(scores.keys())
    .sort((a, b) => scores[b]! - scores[a]! || a - b)
    .slice(0, count)
    .map((id) => ({ id, probability: weightOf(scores[id]!) / total }));
}

/** The pictures of a batch; must be called before its scope ends. */
export async function readPrototypes({ iterations, centre, weight }: PrototypeAssignment): Promise<PrototypeTrace[]> {
  const [pictures, patches, numPrototypes] = iterations[0]!.shape as [number, number, number];
  const [shares, centres, weights] = await Promise.all([
    Promise.all(iterations.map((each) => each.read() as Promise<Float32Array>)),
    centre.read() as Promise<Uint32Array>,
    weight.read() as Promise<Float32Array>,
  ]);
  return Array.from({ length: pictures }, (_, i) => ({
    numPrototypes,
    iterations: shares.map((all) => all.slice(i * patches * numPrototypes, (i + 1) * patches * numPrototypes)),
    centre: centres.slice(i * patches, (i + 1) * patches),
    weight: weights.slice(i * patches, (i + 1) * patches),
  }));
}
