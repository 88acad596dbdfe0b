/** What a block costs beside its arithmetic. */
import { backward, empty, indexSelect, mul, noGrad, openGpu, randomNormal, reshape, sum, tensor } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { Weights } from '@curio/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClipBlock, ClipVision } from '../src/clip.ts';
import { Llama, LlamaBlock } from '../src/llama.ts';
import { PRESETS } from '../src/presets/presets.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const { model: small } = PRESETS.small;
const lora = { r: 4, alpha: 8, dropout: 0 };

test.each(['LLaMA', 'LLaMA with grouped heads', 'CLIP'])(
  'a block of %s copies nothing, forward and backward',
  async (kind) => {
    const weights = new Weights(gpu, { seed: 1 });
    const { hiddenSize, intermediateSize, numHeads } = small.vision;
    const block =
      kind === 'CLIP'
        ? new ClipBlock(weights, { hiddenSize, intermediateSize, numHeads, eps: 1e-5, causal: false, lora })
        : new LlamaBlock(weights, { ...small.language, numKeyValueHeads: kind === 'LLaMA' ? numHeads : 2 }, lora);
    for (const parameter of weights.parameters()) parameter.requiresGrad = parameter.name.includes('lora_');
    gpu.probe.copies.clear();
    gpu.scope(() => {
      const x = randomNormal(gpu, [2, 37, hiddenSize]);
      x.requiresGrad = true;
      const y =
        kind === 'CLIP'
          ? (block as ClipBlock).forward(x)
          : (block as LlamaBlock).forward(x, { lengths: tensor(gpu, Int32Array.of(37, 20)), layer: 0 });
      backward(sum(mul(y, y)));
    });
    expect([...gpu.probe.copies]).toEqual([]);
    await gpu.synchronize();
    for (const parameter of weights.parameters()) parameter.dispose();
  },
);

test.each(['LLaMA', 'CLIP'])('a forward pass of %s under noGrad takes the memory of one block', async (kind) => {
  const device = await openGpu({ dryRun: true });
  const peakOf = (numLayers: number): number => {
    const weights = new Weights(device, { seed: 1 });
    const [llama, clip] = [
      new Llama(weights, { ...small.language, numLayers }),
      new ClipVision(weights, small.vision, { blocks: numLayers }),
    ];
    const before = device.memoryReport().liveBytes;
    device.trim();
    device.memory.resetPeak();
    device.scope(() =>
      noGrad(() =>
        kind === 'LLaMA'
          ? llama.forward(empty(device, [64, 100, small.language.hiddenSize]))
          : clip.features(empty(device, [64, 3, small.vision.imageSize, small.vision.imageSize])),
      ),
    );
    const { peakBytes } = device.memoryReport();
    for (const parameter of weights.parameters()) parameter.dispose();
    return peakBytes - before;
  };
  // The results of the blocks stay.
  expect(peakOf(8)).toBeLessThan(1.5 * peakOf(2));
  device.close();
});

test('LLaMA computes some rows as it computes all, with their gradients', async () => {
  const { hiddenSize } = small.language;
  const weights = new Weights(gpu, { seed: 2 });
  const llama = new Llama(weights, { ...small.language, numLayers: 2 });
  for (const parameter of weights.parameters()) parameter.requiresGrad = false;
  const x = randomNormal(gpu, [2, 9, hiddenSize]);
  x.requiresGrad = true;
  const rows = tensor(gpu, Int32Array.of(3, 17, 0, 9, 10));
  const lengths = tensor(gpu, Int32Array.of(9, 7));
  const weight = randomNormal(gpu, [5, hiddenSize]);
  const results = [
    (): ReturnType<typeof reshape> => llama.forward(x, { lengths }, rows),
    () => indexSelect(reshape(llama.forward(x, { lengths }), [-1, hiddenSize]), rows, { axis: 0 }),
  ].map((forward) =>
    gpu.scope(() => {
      x.grad = null;
      const y = forward();
      backward(sum(mul(y, weight)));
      return [y.read(), x.grad!.read()];
    }),
  );
  const [some, all] = await Promise.all(results.map((each) => Promise.all(each)));
  some!.forEach((values, i) => {
    expect(values.length).toBe(all![i]!.length);
    values.forEach((value, k) => expect(value).toBeCloseTo(all![i]![k]!, 5));
  });
  for (const each of [x, rows, lengths, weight, ...weights.parameters()]) each.dispose();
});
