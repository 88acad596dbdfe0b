/**
 * The image tower and LLaMA alone against PyTorch, stage by stage, with LoRA and every gradient; the cache against the
 * same logits; merged LoRA.
 */
import {
  backward,
  embedding,
  indexSelect,
  crossEntropy,
  mul,
  noGrad,
  openGpu,
  reshape,
  sum,
  tensor,
} from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { KvCache, mergeLora, Weights } from '@curio/nn';
import type { StoredTensor } from '@curio/nn';
import { openGolden } from '@curio/testing/golden';
import type { GoldenFile } from '@curio/testing/golden';
import { parity, PYTORCH } from '@curio/testing/parity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClipVision } from '../src/clip.ts';
import { LANGUAGE_TARGETS, VISION_TARGETS } from '../src/config.ts';
import type { LlamaConfig } from '../src/config.ts';
import { Llama } from '../src/llama.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const loraOf = (file: GoldenFile, targets: readonly string[]) => ({
  ...(file.config.lora as { r: number; alpha: number }),
  dropout: 0,
  targets,
});

/** Weights of a golden file under our scope names, which are Hugging Face's. */
async function open<Part>(file: GoldenFile, build: (w: Weights) => Part): Promise<{ part: Part; weights: Weights }> {
  const stored = new Map(
    [...file.under('weights.')].map(([name, { shape, data }]): [string, StoredTensor] => [
      name,
      {
        dtype: 'F32',
        shape,
        file: 'golden',
        read: () => Promise.resolve(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
      },
    ]),
  );
  const weights = new Weights(gpu, { parts: [{ tensors: stored, ignore: /post_layernorm|layers\.2\./ }] });
  const part = build(weights);
  await weights.load();
  return { part, weights };
}

async function compareGradients(
  what: string,
  weights: Weights,
  file: GoldenFile,
  others: readonly string[] = [],
): Promise<void> {
  const gradients = parity(`${what}: gradients`, PYTORCH);
  const wanted = [...file.under('grad.')].filter(([name]) => !others.includes(name));
  const ours = new Map(weights.parameters().map((parameter) => [parameter.name, parameter]));
  for (const [name, { data }] of wanted) {
    const grad = ours.get(name)?.grad;
    if (!grad) throw new Error(`${name} received no gradient`);
    // A key's bias moves all scores of a query alike, so what PyTorch gives as its gradient is rounding: hence the
    // floor.
    gradients.close(await grad.read(), data as Float32Array, 2e-3, name, 1e-2);
  }
  expect([...ours.values()].filter(({ grad }) => grad).length).toBe(wanted.length);
}

/** Rows of [B, T, C] that are not padding, one after the other. */
function used(values: ArrayLike<number>, lengths: ArrayLike<number>, [, T, C]: readonly number[]): number[] {
  const out: number[] = [];
  for (let b = 0; b < lengths.length; b++)
    for (let i = 0; i < lengths[b]! * C!; i++) out.push(values[b * T! * C! + i]!);
  return out;
}

test('the image tower with LoRA', async () => {
  const file = await openGolden('clip');
  const { vision: v } = file.config as { vision: Record<string, number> };
  const config = {
    imageSize: v.image_size!,
    patchSize: v.patch_size!,
    hiddenSize: v.hidden_size!,
    intermediateSize: v.intermediate_size!,
    numLayers: v.num_hidden_layers!,
    numHeads: v.num_attention_heads!,
    layerNormEps: v.layer_norm_eps!,
    selectLayer: -2,
  };
  const { part: clip, weights } = await open(
    file,
    (w) => new ClipVision(w.at('vision_model'), config, { lora: loraOf(file, VISION_TARGETS) }),
  );
  for (const parameter of weights.parameters()) parameter.requiresGrad = true;
  const { shape } = file.tensor('in.pixels');
  const read = gpu.scope(() => {
    const pixels = tensor(gpu, file.floats('in.pixels') as Float32Array<ArrayBuffer>, shape);
    const stages = noGrad(() => {
      const seen = [clip.embed(pixels)];
      for (const block of clip.blocks) seen.push(block.forward(seen.at(-1)!));
      return seen.map((stage) => stage.read());
    });
    const features = clip.features(pixels);
    const loss = sum(
      mul(features, tensor(gpu, file.floats('in.lossWeights') as Float32Array<ArrayBuffer>, features.shape)),
    );
    const out = { stages, features: features.read(), loss: loss.item() };
    backward(loss);
    return out;
  });
  const names = ['out.embeddings', 'out.block.0', 'out.block.1'];
  const values = parity('image tower with LoRA: blocks, features', PYTORCH);
  for (const [i, stage] of read.stages.entries()) values.close(await stage, file.floats(names[i]!), 1e-4, names[i]!);
  values.close(await read.features, file.floats('out.features'), 1e-4, 'out.features');
  expect(Math.abs((await read.loss) - file.scalar('out.loss'))).toBeLessThan(
    1e-3 * Math.max(1, Math.abs(file.scalar('out.loss'))),
  );
  await compareGradients('image tower with LoRA', weights, file);
  for (const parameter of weights.parameters()) parameter.dispose();
});

async function openLlama(
  name: string,
): Promise<{ file: GoldenFile; llama: Llama; weights: Weights; lengths: Int32Array; ids: Int32Array }> {
  const file = await openGolden(name);
  const { language: l } = file.config as { language: Record<string, number> };
  const config: LlamaConfig = {
    vocabSize: l.vocab_size!,
    hiddenSize: l.hidden_size!,
    intermediateSize: l.intermediate_size!,
    numLayers: l.num_hidden_layers!,
    numHeads: l.num_attention_heads!,
    numKeyValueHeads: l.num_key_value_heads ?? l.num_attention_heads!,
    rmsNormEps: l.rms_norm_eps!,
    ropeTheta: l.rope_theta!,
    maxPositions: l.max_position_embeddings!,
  };
  const { part: llama, weights } = await open(
    file,
    (w) => new Llama(w, config, { lora: loraOf(file, LANGUAGE_TARGETS) }),
  );
  return { file, llama, weights, lengths: file.ints('in.lengths'), ids: file.ints('in.ids') };
}

test.each(['llama', 'llama-gqa'])('%s: blocks, logits, loss and every gradient', async (name) => {
  const { file, llama, weights, lengths, ids } = await openLlama(name);
  for (const parameter of weights.parameters()) parameter.requiresGrad = true;
  const [B, T] = file.tensor('in.ids').shape as [number, number];
  const labels = file.ints('in.labels');
  const rows = [...labels.keys()].filter((i) => i % T < T - 1 && labels[i + 1] !== -100);
  const read = gpu.scope(() => {
    const context = { lengths: tensor(gpu, Int32Array.from(lengths)) };
    const words = reshape(embedding(tensor(gpu, Int32Array.from(ids)), llama.embedTokens), [
      B,
      T,
      llama.config.hiddenSize,
    ]);
    const stages = noGrad(() => {
      const seen: Tensor[] = [words];
      for (const [layer, block] of llama.layers.entries())
        seen.push(block.forward(seen.at(-1)!, { ...context, layer }));
      return seen.map((stage) => stage.read());
    });
    const hidden = llama.forward(words, context);
    const logits = llama.logits(hidden);
    const loss = crossEntropy(
      indexSelect(reshape(logits, [B * T, -1]), tensor(gpu, Int32Array.from(rows)), { axis: 0 }),
      tensor(
        gpu,
        Int32Array.from(rows, (i) => labels[i + 1]!),
      ),
    );
    const out = { stages, norm: hidden.read(), logits: logits.read(), loss: loss.item() };
    backward(loss);
    return out;
  });
  const values = parity(`${name} with LoRA: blocks, logits`, PYTORCH);
  for (const [i, stage] of [...read.stages, read.norm, read.logits].entries()) {
    const what = ['out.embeddings', 'out.block.0', 'out.block.1', 'out.norm', 'out.logits'][i]!;
    const { shape } = file.tensor(what);
    values.close(used(await stage, lengths, shape), used(file.floats(what), lengths, shape), 1e-4, what);
  }
  expect(await read.loss).toBeCloseTo(file.scalar('out.loss'), 4);
  await compareGradients(`${name} with LoRA`, weights, file, ['embeddings']);
  for (const parameter of weights.parameters()) parameter.dispose();
});

test.each(['llama', 'llama-gqa'])(
  '%s: the cache gives the logits of the whole sequence, however it is split',
  async (name) => {
    const { file, llama, weights, ids } = await openLlama(name);
    const { hiddenSize, numHeads, numKeyValueHeads, numLayers, vocabSize } = llama.config;
    const values = parity(`${name} with LoRA: logits with a cache`, PYTORCH);
    const T = file.tensor('in.ids').shape[1]!;
    const row = Int32Array.from(ids.subarray(0, T)); // the sample without padding
    for (const cuts of [[T], [5, 1, 1, 3, 1, 1], Array<number>(T).fill(1)]) {
      const cache = new KvCache(gpu, {
        numLayers,
        batch: 2,
        numKeyValueHeads,
        headDim: hiddenSize / numHeads,
        maxTokens: T,
      });
      let from = 0;
      for (const count of cuts) {
        const part = row.slice(from, from + count);
        const logits = await gpu.scope(() =>
          noGrad(() => {
            const words = reshape(llama.embed(tensor(gpu, Int32Array.from([...part, ...part]))), [
              2,
              count,
              hiddenSize,
            ]);
            return llama.logits(llama.forward(words, { cache })).read();
          }),
        );
        const want = file.floats('out.logits').subarray(from * vocabSize, (from + count) * vocabSize);
        for (const b of [0, 1])
          values.close(
            logits.subarray(b * count * vocabSize, (b + 1) * count * vocabSize),
            want,
            1e-4,
            `logits from ${from}, ${count} at once`,
          );
        from += count;
      }
      cache.dispose();
    }
    for (const parameter of weights.parameters()) parameter.dispose();
  },
);

test('merged LoRA gives the same as the branch', async () => {
  const { file, llama, weights, ids } = await openLlama('llama-gqa');
  const T = file.tensor('in.ids').shape[1]!;
  const lora = loraOf(file, LANGUAGE_TARGETS);
  const before = weights.parameters().find(({ name }) => name === 'model.layers.0.mlp.up_proj.weight')!;
  const base = await before.read();
  const merged = await mergeLora(weights.parameters(), lora);
  expect(merged.length).toBe(2 * 7);
  expect(await before.read()).not.toEqual(base);
  const logits = await gpu.scope(() =>
    noGrad(() =>
      llama
        .logits(llama.forward(reshape(llama.embed(tensor(gpu, Int32Array.from(ids.subarray(0, T)))), [1, T, -1])))
        .read(),
    ),
  );
  parity('llama-gqa with merged LoRA: logits', PYTORCH).close(
    logits,
    file.floats('out.logits').subarray(0, T * llama.config.vocabSize),
    1e-4,
    'logits',
  );
  for (const parameter of weights.parameters()) parameter.dispose();
});
