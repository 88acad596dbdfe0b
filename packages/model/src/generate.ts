/**
 * @file Generation: prompts are prefilled into a KV cache and continued token by token.
 * docs/sq-llava.md 5.1.
 */
import { capture, DataError, indexSelect, noGrad, RandomStream, reshape, slice, tensor } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import { KvCache } from '@curio/nn';
import { imageTokens } from './config.ts';
import { makeBatch } from './data/batch.ts';
import { IMAGE_TOKEN } from './data/tokens.ts';
import { checkSampling, logProbability, sample } from './decoding/sample.ts';
import type { SamplingOptions } from './decoding/sample.ts';
import { checkTrace, StepTracer, tokenTrace } from './decoding/trace.ts';
import type { TraceOptions } from './decoding/trace.ts';
import type { SqLlava } from './sq-llava.ts';

/** Settings of an individual prompt. */
export interface SequenceOptions extends SamplingOptions {
  readonly maxNewTokens: number;
  /** Ends the sequence at this point. */
  readonly signal?: AbortSignal;
  /** Selects, together with the seed, its random draws. Default: its index. */
  readonly stream?: number;
}

export interface GenerateOptions extends SequenceOptions {
  /** Ends a sequence; its id is not part of the result. */
  readonly eos: number;
  /** Settings of individual sequences. */
  readonly each?: (sequence: number) => Partial<SequenceOptions>;
  /** Called with each new id of each sequence and the scores that it was chosen by; true ends the sequence after it. */
  readonly onToken?: (sequence: number, id: number, scores: Float32Array) => boolean | void;
  /** Tells the probability of each sequence under the model, before temperature, top-k and top-p. */
  readonly probability?: boolean;
  /** Looks inside each step; without it nothing more is computed, and the results are the same to the bit. */
  readonly trace?: TraceOptions;
  /** Called when a sequence has ended. */
  readonly onEnd?: (sequence: number, result: Sequence) => void;
  /**
   * Prefills all prompts together and decodes them in steps of as many rows as there are: faster for many short
   * prompts, but the kernel that computes a row, and so its last bits, then depend on the other rows. Without it a
   * sequence is the same to the bit, whatever else is in the call.
   */
  readonly together?: boolean;
  /**
   * Asked before each step while a row is free for a prompt that joins, numbered on from those before, whose result is
   * reported only by `onEnd`. `room`: positions that it may take with its answer, of `positionsOf`. Its images are
   * disposed of.
   */
  readonly join?: (room: number) => { readonly prompt: readonly number[]; readonly images: Tensor | null } | null;
}

export interface Sequence {
  /** New ids, without the end. */
  readonly ids: number[];
  /** Why it ended: by itself, at `maxNewTokens` or the last position of the model, or from outside. */
  readonly finish: 'end' | 'length' | 'stopped';
  /** Positions that the prompt took. */
  readonly promptTokens: number;
  /** With the option `probability`: that of its ids, and of the end token if it ended by itself. */
  readonly probability?: number;
}

/** Rows of a step: up to this many are each computed in the same order (packages/engine/test/few-rows.test.ts). */
const ROWS = 4;
const ROWS_TOGETHER = 64;
/** A cache that others may join has room for more than the first prompt. */
const JOIN_ROOM = 512;

/** What a step gives a row: its scores [V], and its attention [L, S] where that is traced. */
interface StepRow {
  readonly scores: Float32Array;
  readonly weights: Float32Array | null;
}

interface Row extends SequenceOptions {
  readonly index: number;
  readonly prompt: readonly number[];
  readonly length: number;
  /** Which of the images are its own. */
  readonly images: { readonly of: Tensor | null; readonly start: number; readonly end: number };
  readonly random: RandomStream;
  readonly ids: number[];
  finish: Sequence['finish'] | null;
  /** Null if not requested. */
  logProbability: number | null;
}

/**
 * Continues prompts of any lengths.
 * @param prompts ids with IMAGE_TOKEN for an image, as returned by `Tokens.encodePrompt`
 * @param images float[N, P, H] from `model.encodeImages`, in the order of the IMAGE_TOKENs
 * Throws DataError for a prompt that is too long for the model, ConfigError for meaningless sampling settings.
 */
export async function generate(
  model: SqLlava,
  prompts: readonly (readonly number[])[],
  images: Tensor | null,
  options: GenerateOptions,
): Promise<Sequence[]> {
  const { gpu, language } = model;
  const { numLayers, numKeyValueHeads, hiddenSize, numHeads } = model.config.language;
  const { trace } = options;
  const patches = imageTokens(model.config.vision);
  if (trace) checkTrace(trace);
  const sequences = rowsOf(model, prompts, images, options);
  for (const row of sequences) if (row.finish) options.onEnd?.(row.index, resultOf(row));
  const waiting = sequences.filter(({ finish }) => finish === null);
  const count = options.join ? ROWS : Math.min(waiting.length, options.together ? ROWS_TOGETHER : ROWS);
  if (waiting.length === 0) return sequences.map(resultOf);
  const slots: (Row | null)[] = Array(count).fill(null);
  const longest = Math.max(...waiting.map(({ length, maxNewTokens }) => length + maxNewTokens));
  const room = options.join ? Math.min(model.config.language.maxPositions, Math.max(longest, JOIN_ROOM)) : longest;
  const cache = new KvCache(gpu, {
    numLayers,
    batch: count,
    numKeyValueHeads,
    headDim: hiddenSize / numHeads,
    maxTokens: room,
  });
  const tracer = trace ? new StepTracer(gpu, numLayers, room) : null;
  /** What comes after the prompts, which are read into as many rows of the cache. */
  const read = (rows: readonly Row[], slot: number): Promise<StepRow[]> =>
    gpu.scope(() =>
      noGrad(() => {
        const batch = makeBatch(
          rows.map(({ prompt }) => ({ ids: [...prompt], labels: [] })),
          { patches, multiple: 1 },
        );
        const [{ of, start }, { end }] = [rows[0]!.images, rows.at(-1)!.images];
        const own = of && end > start ? slice(of, { axis: 0, start, end }) : null;
        const positions = Int32Array.from(rows, ({ length }) => length - 1);
        const last = tensor(
          gpu,
          positions.map((at, i) => i * batch.length + at),
        );
        const look = tracer?.step(tensor(gpu, positions), batch.length, last);
        // What pads a prompt on its right is never looked at: new words are written over it.
        const hidden = language.forward(model.splice(batch, own), {
          cache: cache.rows(slot, rows.length),
          trace: look,
        });
        const states = indexSelect(reshape(hidden, [-1, hiddenSize]), last, { axis: 0 });
        return readRows(rows.length, language.logits(states), look?.weights);
      }),
    );
  // Recorded once: each further token is a replay, with its position as data.
  const decode = capture(gpu, 'decode', ({ ids, positions }: { ids: Tensor; positions: Tensor }) =>
    noGrad(() => {
      const x = reshape(language.embed(ids), [count, 1, hiddenSize]);
      const look = tracer?.step(positions, room);
      const hidden = language.forward(x, { cache, positions, trace: look });
      return { logits: language.logits(reshape(hidden, [count, hiddenSize])), ...(look && { weights: look.weights }) };
    }),
  );
  const isAborted = ({ signal }: Row): boolean => signal?.aborted === true || options.signal?.aborted === true;
  const end = (row: Row, finish: Sequence['finish']): void => {
    row.finish = finish;
    options.onEnd?.(row.index, resultOf(row));
  };
  const advance = (row: Row, { scores, weights }: StepRow): void => {
    if (isAborted(row)) return end(row, 'stopped');
    const id = sample(scores, row, row.random);
    if (row.logProbability !== null) row.logProbability += logProbability(scores, id);
    if (id === options.eos) return end(row, 'end');
    row.ids.push(id);
    if (trace && weights) {
      const inside = { layers: numLayers, prompt: row.prompt, patches };
      trace.onToken(row.index, tokenTrace(id, scores, weights, inside, trace));
    }
    if (options.onToken?.(row.index, id, scores)) end(row, 'stopped');
    else if (row.ids.length === row.maxNewTokens) end(row, 'length');
  };
  /** Puts waiting prompts into free rows: each by itself, or all rows at once. */
  const refill = async (): Promise<void> => {
    for (let slot = 0; slot < count && waiting.length > 0; slot++) {
      while (!slots[slot] && waiting.length > 0) {
        if (options.together && slots.some(Boolean)) return;
        const rows = waiting.splice(0, options.together ? count : 1);
        const live = rows.filter((row) => !isAborted(row));
        for (const row of rows) if (!live.includes(row)) end(row, 'stopped');
        if (live.length === 0) continue;
        const steps = await read(live, slot);
        live.forEach((row, i) => {
          advance(row, steps[i]!);
          slots[slot + i] = row.finish ? null : row;
        });
      }
    }
  };
  /** Newcomers go into rows that are free once nobody waits. */
  const admit = async (): Promise<void> => {
    for (let slot = 0; options.join && slot < count; slot++) {
      while (!slots[slot]) {
        const joined = options.join(room);
        if (!joined) return;
        const row = rowOf(model, joined.prompt, sequences.length, { of: joined.images, start: 0 }, options);
        sequences.push(row);
        try {
          if (isAborted(row)) end(row, 'stopped');
          else if (row.finish) options.onEnd?.(row.index, resultOf(row));
          else advance(row, (await read([row], slot))[0]!);
        } finally {
          joined.images?.dispose();
        }
        slots[slot] = row.finish ? null : row;
      }
    }
  };
  const fill = async (): Promise<void> => {
    await refill();
    await admit();
  };
  try {
    for (await fill(); slots.some(Boolean); await fill()) {
      const ids = Int32Array.from(slots, (row) => row?.ids.at(-1) ?? 0);
      const positions = Int32Array.from(slots, (row) => (row ? row.length + row.ids.length - 1 : 0));
      const { logits, weights } = decode.run({
        ids: { values: ids, shape: [count] },
        positions: { values: positions, shape: [count] },
      });
      const steps = await readRows(count, logits, weights);
      slots.forEach((row, slot) => {
        if (!row) return;
        advance(row, steps[slot]!);
        if (row.finish) slots[slot] = null;
      });
    }
  } finally {
    decode.dispose();
    cache.dispose();
    tracer?.dispose();
  }
  return sequences.slice(0, prompts.length).map(resultOf);
}

/** The rows of what a step computed. */
async function readRows(count: number, logits: Tensor, weights: Tensor | undefined): Promise<StepRow[]> {
  const [scores, looks] = (await Promise.all([logits.read(), weights?.read()])) as [Float32Array, Float32Array?];
  const rowOf = (values: Float32Array, i: number): Float32Array =>
    values.subarray((i * values.length) / count, ((i + 1) * values.length) / count);
  return Array.from({ length: count }, (_, i) => ({
    scores: rowOf(scores, i),
    weights: looks ? rowOf(looks, i) : null,
  }));
}

const resultOf = ({ ids, finish, length, logProbability }: Row): Sequence => ({
  ...{ ids, finish: finish!, promptTokens: length },
  ...(logProbability !== null && { probability: Math.exp(logProbability) }),
});

/** The prompts with their settings; checked before anything is computed. */
function rowsOf(
  model: SqLlava,
  prompts: readonly (readonly number[])[],
  images: Tensor | null,
  options: GenerateOptions,
): Row[] {
  let start = 0;
  return prompts.map((prompt, index) => {
    const row = rowOf(model, prompt, index, { of: images, start }, options);
    start = row.images.end;
    return row;
  });
}

/** @param images the tensor of its images, and which is the first */
function rowOf(
  model: SqLlava,
  prompt: readonly number[],
  index: number,
  { of, start }: { readonly of: Tensor | null; readonly start: number },
  options: GenerateOptions,
): Row {
  const own = { ...options, ...options.each?.(index) };
  checkSampling(own);
  const { temperature, topK, topP, seed = 0, stream = index, signal } = own;
  const { length, images, maxNewTokens } = positionsOf(model, prompt, own.maxNewTokens, index);
  return {
    index,
    prompt,
    length,
    images: { of, start, end: start + images },
    ...{ temperature, topK, topP, signal, maxNewTokens },
    random: new RandomStream(seed, stream, 0x67656e),
    ids: [],
    logProbability: options.probability ? 0 : null,
    finish: maxNewTokens > 0 ? null : 'length',
  };
}

/**
 * Positions that a prompt takes, its images, and how many new words the model has room for, at most `maxNewTokens`.
 * @throws DataError where there is none
 */
export function positionsOf(
  { config }: Pick<SqLlava, 'config'>,
  prompt: readonly number[],
  maxNewTokens: number,
  index: number,
): { readonly length: number; readonly images: number; readonly maxNewTokens: number } {
  const images = prompt.filter((id) => id === IMAGE_TOKEN).length;
  const length = prompt.length + images * (imageTokens(config.vision) - 1);
  const { maxPositions } = config.language;
  const room = maxPositions - length;
  if (room < 1)
    throw new DataError(
      `generate: prompt ${index} takes ${length} positions and the model has ${maxPositions}; shorten it, so that one is left for the answer.`,
    );
  return { length, images, maxNewTokens: Math.min(maxNewTokens, room) };
}
