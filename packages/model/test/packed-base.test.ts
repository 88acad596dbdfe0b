/**
 * A frozen base in packed storage: half precision changes the logits little, and through a quantised one LoRA gets the
 * gradients of its dequantised twin.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backward, cast, noGrad, openGpu, RandomStream, tensor } from '@curio/engine';
import type { DType, Gpu } from '@curio/engine';
import { IMAGE_TOKEN, imageTokens, makeBatch, PRESETS, SqLlava } from '@curio/model';
import type { ModelConfig } from '@curio/model';
import { Weights } from '@curio/nn';
import type { BaseStorage, StoredTensor } from '@curio/nn';

const config: ModelConfig = {
  ...PRESETS.small.model,
  vision: {
    ...PRESETS.small.model.vision,
    imageSize: 36,
    patchSize: 12,
    hiddenSize: 64,
    intermediateSize: 96,
    numLayers: 2,
  },
  projector: { kind: 'cluster', numPrototypes: 4, iterations: 2 },
  language: { ...PRESETS.small.model.language, vocabSize: 40, hiddenSize: 64, intermediateSize: 160, numLayers: 2 },
  vusr: 'token',
};
const NOT_BASE = /lora_|extra_|projector|position_embedding/;

let gpu: Gpu;
let plain: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>;
beforeAll(async () => {
  gpu = await openGpu();
  const model = new SqLlava(new Weights(gpu, { seed: 3 }), config);
  const random = new RandomStream(3);
  // What starts at zero is given values, or no gradient would reach its partner.
  for (const p of model.parameters)
    if (/lora_B|extra_/.test(p.name)) p.write(Float32Array.from({ length: p.size }, () => 0.1 * random.normal()));
  plain = new Map(
    await Promise.all(
      model.parameters.map(async (p) => [p.name, { shape: p.shape, data: (await p.read()) as Float32Array }] as const),
    ),
  );
});
afterAll(() => gpu.close());

const samples = [12, 17].map((length, s) => {
  const ids = [1, IMAGE_TOKEN, ...Array.from({ length }, (_, i) => (7 * i + 5 * s) % 41)]; // 40 is the learned word
  return { ids, labels: ids.map((id, i) => (i < 4 ? -100 : id)) };
});
const batch = makeBatch(samples, { patches: imageTokens(config.vision) });
const pixels = Float32Array.from({ length: 2 * 3 * 36 * 36 }, (_, i) => Math.sin(i / 7));

/**
 * The model above; `through` first takes the base's matrices through a storage and back, so that they are f32 with the
 * values of that storage.
 */
async function open(base: BaseStorage, through: DType = 'f32', source = plain): Promise<SqLlava> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { shape, data }] of source) {
    const packs = through !== 'f32' && shape.length === 2 && !NOT_BASE.test(name);
    const groupSize = shape.at(-1)! % 64 === 0 ? 64 : 32;
    const stored = packs
      ? await gpu.scope(() =>
          cast(cast(tensor(gpu, data as Float32Array<ArrayBuffer>, shape), through, { groupSize }), 'f32').read(),
        )
      : data;
    tensors.set(name, {
      dtype: 'F32',
      shape,
      file: 'base',
      read: () => Promise.resolve(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength)),
    });
  }
  const weights = new Weights(gpu, { parts: [{ tensors, base, plain: NOT_BASE }] });
  const model = new SqLlava(weights, config);
  await weights.load();
  return model;
}

const logitsOf = async (model: SqLlava): Promise<Float32Array> =>
  (await gpu.scope(() =>
    noGrad(() => model.language.logits(model.hidden(batch, tensor(gpu, pixels, [2, 3, 36, 36]))).read()),
  )) as Float32Array;

/** Loss and the gradients of adapters, projector and new words. */
async function train(model: SqLlava): Promise<{ loss: number; grads: Map<string, Float32Array> }> {
  const trained = model.parameters.filter(({ name }) => /lora_|extra_|projector/.test(name));
  for (const p of trained) p.requiresGrad = true;
  const reads = gpu.scope(() => {
    const loss = model.loss(batch, tensor(gpu, pixels, [2, 3, 36, 36]));
    const value = loss.item();
    backward(loss);
    return { value, grads: trained.flatMap((p) => (p.grad ? [[p.name, p.grad.read()] as const] : [])) };
  });
  const grads = await Promise.all(
    reads.grads.map(async ([name, grad]) => [name, (await grad) as Float32Array] as const),
  );
  return { loss: await reads.value, grads: new Map(grads) };
}

const size = (values: Float32Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
const distance = (a: Float32Array, b: Float32Array): number => size(a.map((v, i) => v - b[i]!)) / size(b);

test.each([
  ['f16', 2e-3],
  ['bf16', 2e-2],
  ['int8', 5e-2],
] as const)('a base in %s gives nearly the logits of f32', async (base, tolerance) => {
  const far = distance(await logitsOf(await open(base)), await logitsOf(await open('f32')));
  expect(far).toBeGreaterThan(0);
  expect(far).toBeLessThan(tolerance);
});

/** Feature → factor of what the language model's norms give; the columns that read it make up for it. */
const OUTLIERS = new Map([
  [5, 40],
  [6, 1 / 40],
  [37, 12],
  [60, 1 / 25],
]);
const READS_NORM = /(q_proj|k_proj|v_proj|gate_proj|up_proj)\.(weight|lora_A)/;

/** The same function, with outlier features as trained language models have them. */
const withOutliers = () =>
  new Map(
    [...plain].map(([name, { shape, data }]) => {
      const power = /layers.*layernorm\.weight$/.test(name) ? 1 : READS_NORM.test(name) && /layers/.test(name) ? -1 : 0;
      if (power === 0 || /vision/.test(name)) return [name, { shape, data }] as const;
      return [name, { shape, data: data.map((v, i) => v * (OUTLIERS.get(i % 64) ?? 1) ** power) }] as const;
    }),
  );

test('outlier features do no harm to an int8 base, whose logits are wrong without factors of columns', async () => {
  const source = withOutliers();
  const want = await logitsOf(await open('f32', 'f32', source));
  const [careful, before] = [
    await logitsOf(await open('int8', 'f32', source)),
    await logitsOf(await open('f32', 'int8', source)),
  ];
  expect(distance(want, await logitsOf(await open('f32')))).toBeLessThan(1e-5);
  expect(distance(before, want)).toBeGreaterThan(0.2);
  expect(distance(careful, want)).toBeLessThan(0.011);
});

test.each(['bf16', 'int4', 'nf4'] as const)(
  'gradients through a base in %s equal those through its dequantised twin',
  async (base) => {
    const model = await open(base);
    expect(model.language.embedTokens.dtype).toBe(base);
    const [packed, twin] = [await train(model), await train(await open('f32', base))];
    expect(packed.loss).toBeCloseTo(twin.loss, 4);
    expect(packed.grads.size).toBe(twin.grads.size);
    expect([...packed.grads.keys()].filter((name) => name.includes('lora_')).length).toBeGreaterThan(30);
    for (const [name, grad] of packed.grads) {
      const expected = twin.grads.get(name)!;
      if (size(expected) > 1e-6) expect(distance(grad, expected), name).toBeLessThan(2e-3);
    }
  },
);
