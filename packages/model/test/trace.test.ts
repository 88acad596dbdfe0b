/** A look inside an answer: against PyTorch, and what it costs when nobody looks. */
import { capture, ConfigError, indexSelect, noGrad, openGpu, reshape, tensor } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { generate, makeBatch, SqLlava } from '@curio/model';
import type { GenerateOptions, ModelConfig, PrototypeTrace, TokenTrace, TraceOptions } from '@curio/model';
import { KvCache, Weights } from '@curio/nn';
import { sceneTokenizerJson } from '@curio/scenes';
import { openGolden } from '@curio/testing/golden';
import type { GoldenFile as Golden } from '@curio/testing/golden';
import { close, parity, PYTORCH } from '@curio/testing/parity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aboutImage } from '../src/dialogue/request.ts';
import { Speaker } from '../src/dialogue/speaker.ts';
import type { Request } from '../src/dialogue/request.ts';
import { Tokens } from '../src/data/tokens.ts';
import { readPrototypes } from '../src/decoding/trace.ts';
import { PRESETS } from '../src/presets/presets.ts';
import { imageTensor } from '../src/model-inputs.ts';
import { openWholeModel } from './whole-model.ts';

const PATCHES = 16;
const NEW = 20;
let gpu: Gpu;
let whole: Golden;
let inside: Golden;
let model: SqLlava;
let image: Tensor;
let prototypes: PrototypeTrace;
beforeAll(async () => {
  gpu = await openGpu();
  // What a cache has not been written to must not show.
  gpu.probe.poison = true;
  [whole, inside] = await Promise.all([openGolden('whole'), openGolden('inside')]);
  model = await openWholeModel(gpu, whole);
  const images = whole.floats('in.images') as Float32Array<ArrayBuffer>;
  const area = images.length / whole.tensor('in.images').shape[0]!;
  const pixels = images.slice(whole.scalar('generate.image') * area).slice(0, area);
  const made: Promise<PrototypeTrace[]>[] = [];
  image = gpu.scope(() =>
    noGrad(() => model.encodeImages(imageTensor(model, pixels), (each) => made.push(readPrototypes(each)))),
  );
  [[prototypes]] = (await Promise.all(made)) as [[PrototypeTrace]];
});
afterAll(() => gpu.close());

const promptOf = (): number[] => Array.from(whole.ints('generate.promptIds'));

interface Run {
  readonly ids: readonly number[];
  readonly scores: Float32Array;
  readonly tokens: readonly TokenTrace[];
  readonly dispatches: number;
  /** Buffers in use at each token. */
  readonly buffers: readonly number[];
}

/** Continues the golden prompt, alone or beside others. */
async function run(trace: Partial<TraceOptions> | null, options: Partial<GenerateOptions> = {}): Promise<Run> {
  const [scores, tokens, buffers]: [number[], TokenTrace[], number[]] = [[], [], []];
  const before = gpu.stream.counts.dispatches;
  const [written] = await generate(model, [promptOf()], image, {
    maxNewTokens: NEW,
    eos: -1,
    onToken(k, _, row) {
      if (k > 0) return;
      scores.push(...row);
      buffers.push(gpu.memory.report().liveBuffers);
    },
    ...(trace && { trace: { onToken: (k: number, token: TokenTrace) => k === 0 && tokens.push(token), ...trace } }),
    ...options,
  });
  const dispatches = gpu.stream.counts.dispatches - before;
  return { ids: written!.ids, scores: Float32Array.from(scores), tokens, dispatches, buffers };
}

test('what each token attends to, and its candidates, are those of PyTorch', async () => {
  const { ids, tokens } = await run({});
  expect(ids).toEqual(Array.from(whole.ints('generate.ids')));
  expect(tokens.map(({ id }) => id)).toEqual(ids);
  const [attention, words] = [inside.floats('attention'), inside.ints('words.ids')];
  const probabilities = inside.floats('words.probabilities');
  const { words: top } = inside.config as { words: number };
  const layers = model.config.language.numLayers;
  const seen = parity('inside: attention, likeliest words', PYTORCH);
  tokens.forEach((token, t) => {
    expect(token.attention).toHaveLength(layers);
    token.attention.forEach((patches, layer) => {
      const at = (t * layers + layer) * PATCHES;
      seen.close(patches, attention.subarray(at, at + PATCHES), 1e-4, `token ${t}, layer ${layer}`);
    });
    expect(token.words.map(({ id }) => id)).toEqual(Array.from(words.subarray(t * top, (t + 1) * top)));
    const shares = token.words.map(({ probability }) => probability);
    seen.close(shares, probabilities.subarray(t * top, (t + 1) * top), 1e-4, `words of token ${t}`);
  });
});

test('which patches share a prototype is as in PyTorch', () => {
  const seen = parity('inside: shares of the prototypes', PYTORCH);
  expect(prototypes.numPrototypes).toBe(inside.config.prototypes);
  prototypes.iterations.forEach((shares, t) =>
    seen.close(shares, inside.floats(`prototypes.share.${t}`), 1e-4, `iteration ${t}`),
  );
  expect(prototypes.iterations).toHaveLength(2);
  expect(Array.from(prototypes.centre)).toEqual(Array.from(inside.ints('prototypes.centre')));
  seen.close(prototypes.weight, inside.floats('prototypes.weight'), 1e-4, 'weight');
});

test('reporting the prototypes takes no dispatch and changes no bit; unreported, they are not kept', async () => {
  const images = whole.floats('in.images') as Float32Array<ArrayBuffer>;
  const encode = async (listen?: () => void) => {
    const [{ dispatches }, { liveBuffers }] = [{ ...gpu.stream.counts }, gpu.memory.report()];
    const features = gpu.scope(() => noGrad(() => model.encodeImages(imageTensor(model, images), listen)));
    const bits = await features.read();
    features.dispose();
    return {
      bits,
      dispatches: gpu.stream.counts.dispatches - dispatches,
      kept: gpu.memory.report().liveBuffers - liveBuffers,
    };
  };
  let told = 0;
  const off = await encode();
  expect(await encode(() => told++)).toEqual(off);
  expect([told, off.kept]).toEqual([1, 0]);
});

/** What generation computes, written out without a word of tracing. */
async function bare(ids: readonly number[]): Promise<Pick<Run, 'scores' | 'dispatches' | 'buffers'>> {
  const { hiddenSize, numLayers, numHeads, numKeyValueHeads } = model.config.language;
  const [scores, buffers]: [number[], number[]] = [[], []];
  const before = gpu.stream.counts.dispatches;
  const batch = makeBatch([{ ids: promptOf(), labels: [] }], { patches: PATCHES, multiple: 1 });
  const maxTokens = batch.length + NEW;
  const sizes = { numLayers, batch: 1, numKeyValueHeads, headDim: hiddenSize / numHeads, maxTokens };
  const cache = new KvCache(gpu, sizes);
  const take = async (logits: Promise<Float32Array>): Promise<void> => {
    scores.push(...(await logits));
    buffers.push(gpu.memory.report().liveBuffers);
  };
  const first = gpu.scope(() =>
    noGrad(() => {
      const last = tensor(gpu, Int32Array.of(batch.length - 1));
      const hidden = model.language.forward(model.splice(batch, image), { cache: cache.rows(0, 1) });
      const state = indexSelect(reshape(hidden, [-1, hiddenSize]), last, { axis: 0 });
      return model.language.logits(state).read() as Promise<Float32Array>;
    }),
  );
  await take(first);
  const decode = capture(gpu, 'decode', ({ ids: next, positions }: { ids: Tensor; positions: Tensor }) =>
    noGrad(() => {
      const x = reshape(model.language.embed(next), [1, 1, hiddenSize]);
      const hidden = model.language.forward(x, { cache, positions });
      return { logits: model.language.logits(reshape(hidden, [1, hiddenSize])) };
    }),
  );
  for (const [i, id] of ids.slice(0, -1).entries()) {
    const { logits } = decode.run({
      ids: { values: Int32Array.of(id), shape: [1] },
      positions: { values: Int32Array.of(batch.length + i), shape: [1] },
    });
    await take(logits.read() as Promise<Float32Array>);
  }
  decode.dispose();
  cache.dispose();
  return { scores: Float32Array.from(scores), dispatches: gpu.stream.counts.dispatches - before, buffers };
}

test('without it there is no extra dispatch or buffer; with it the bits are the same', async () => {
  const off = await run(null);
  const { scores, dispatches, buffers } = await bare(off.ids);
  expect({ scores: off.scores, dispatches: off.dispatches, buffers: off.buffers }).toEqual({
    scores,
    dispatches,
    buffers,
  });
  const on = await run({});
  expect(on.scores).toEqual(off.scores);
  expect(on.dispatches).toBeGreaterThan(off.dispatches);
  expect(on.buffers[1]).toBeGreaterThan(off.buffers[1]!);
});

test('in a batch with other prompts, and with all prompts read together, it is the same', async () => {
  const alone = await run({ words: 3 });
  expect(alone.tokens.every(({ words }) => words.length === 3)).toBe(true);
  const others = [
    [1, 5, 9, 11, 3, 4, 6, 9, 12, 5, 14, 3, 9],
    [1, 3],
  ];
  for (const together of [false, true]) {
    const tokens: TokenTrace[] = [];
    await generate(model, [promptOf(), ...others], image, {
      ...{ maxNewTokens: NEW, eos: -1, together },
      trace: { words: 3, onToken: (k, token) => k === 0 && tokens.push(token) },
    });
    if (!together) expect(tokens).toEqual(alone.tokens);
    tokens.forEach((token, t) =>
      token.attention.forEach((patches, layer) =>
        close(patches, alone.tokens[t]!.attention[layer]!, 1e-4, `token ${t}, layer ${layer}`),
      ),
    );
  }
});

test('a number of candidates that is not a count is refused', async () => {
  for (const words of [0, 1.5, Number.NaN])
    await expect(run({ words })).rejects.toThrow(
      new ConfigError(`trace: words is ${words}; it must be a whole number of at least 1.`),
    );
});

const { model: small } = PRESETS.small;
const config = (projector: ModelConfig['projector']): ModelConfig => ({
  ...small,
  vision: { ...small.vision, hiddenSize: 32, intermediateSize: 64, numLayers: 2, numHeads: 2 },
  projector,
  language: { ...small.language, hiddenSize: 64, intermediateSize: 96, numLayers: 2, numHeads: 4, numKeyValueHeads: 2 },
});

test('a speaker reports the pictures of each request, then its tokens', async () => {
  const tokens = new Tokens(sceneTokenizerJson());
  const side = small.vision.imageSize;
  const patches = (side / small.vision.patchSize) ** 2;
  const [one, two] = [0.2, -0.5].map((value) => new Float32Array(3 * side * side).map((_, i) => value * Math.sin(i)));
  const about = (...pixels: Float32Array[]): Request => ({
    pixels,
    messages: [
      { role: 'human', text: `${pixels.slice(1).map(() => '<image>\n')}${aboutImage('where is the seven ?')}` },
      { role: 'gpt', text: null },
    ],
  });
  const requests = [about(one!), about(two!, one!), { ...about(), pixels: null }].map((request, i) =>
    i < 2 ? request : { ...request, messages: [{ role: 'human' as const, text: 'where' }, request.messages[1]!] },
  );
  for (const together of [false, true]) {
    const speaker = new Speaker(
      new SqLlava(new Weights(gpu, { seed: 7 }), config({ kind: 'cluster', numPrototypes: 4, iterations: 3 })),
      tokens,
    );
    const told: string[] = [];
    const pictures = new Map<string, PrototypeTrace>();
    await speaker.write(requests, {
      ...{ maxNewTokens: 2, together },
      trace: {
        onPicture(k, picture, trace) {
          pictures.set(`${k} ${picture}`, trace);
          told.push(`picture ${k} ${picture}`);
        },
        onToken: (k, { attention }) => told.push(`token ${k} of ${attention.map(({ length }) => length / patches)}`),
      },
    });
    expect(told.slice(0, 3)).toEqual(['picture 0 0', 'picture 1 0', 'picture 1 1']);
    expect(told.slice(3).sort()).toEqual(
      ['token 0 of 1,1', 'token 1 of 2,2', 'token 2 of 0,0'].flatMap((text) => [text, text]),
    );
    expect(pictures.get('1 1')).toEqual(pictures.get('0 0'));
    expect(pictures.get('1 0')).not.toEqual(pictures.get('0 0'));
    const { iterations, centre } = pictures.get('0 0')!;
    expect([iterations.length, iterations[0]!.length, centre.length]).toEqual([3, 4 * patches, patches]);
  }
  const asked: string[] = [];
  const speaker = new Speaker(
    new SqLlava(new Weights(gpu, { seed: 7 }), config({ kind: 'cluster', numPrototypes: 4, iterations: 3 })),
    tokens,
  );
  const settings = {
    ...PRESETS.small.ask,
    questions: 2,
    candidates: 1,
    maxDescription: 1,
    maxQuestion: 2,
    maxAnswer: 1,
  };
  await speaker.selfQuestion([one!, two!], settings, 1, {
    trace: {
      onPicture: (picture) => asked.push(`picture ${picture}`),
      onToken: (part, index) => asked.push(`${part} ${index}`),
    },
  });
  expect(asked.slice(0, 2)).toEqual(['picture 0', 'picture 1']);
  expect([...new Set(asked.slice(2))]).toEqual([
    ...['description 0', 'description 1'],
    ...[0, 1, 2, 3].map((k) => `question ${k}`),
    ...[0, 1, 2, 3].map((k) => `answer ${k}`),
  ]);
  const plain = new Speaker(new SqLlava(new Weights(gpu, { seed: 7 }), config({ kind: 'mlp2x_gelu' })), tokens);
  let count = 0;
  await plain.write([about(one!)], {
    maxNewTokens: 2,
    trace: { onPicture: () => expect.fail('it has no prototypes'), onToken: () => count++ },
  });
  expect(count).toBe(2);
  await expect(plain.write([], { maxNewTokens: 1, join: () => null, trace: { onToken: () => {} } })).rejects.toThrow(
    new ConfigError('reply: trace and join are both given; requests that join cannot be traced, so leave one out.'),
  );
});
