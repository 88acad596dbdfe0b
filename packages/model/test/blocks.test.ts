/** What a block costs beside its arithmetic. */
import { backward, mul, openGpu, randomNormal, sum, tensor } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { Weights } from '@curio/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClipBlock } from '../src/clip.ts';
import { LlamaBlock } from '../src/llama.ts';
import { PRESETS } from '../src/presets.ts';

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
