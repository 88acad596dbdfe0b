/** @file A step of decoding: one token, LLaMA-7B's layers, keys and values of all positions before it in the cache. */
import { byteLength, capture, mean, mul, noGrad, tensor } from '@curio/engine';
import type { Tensor } from '@curio/engine';
import { Llama, PRESETS } from '@curio/model';
import type { LlamaConfig } from '@curio/model';
import { KvCache, Weights } from '@curio/nn';
import type { BaseStorage } from '@curio/nn';
import { noise } from '../../numbers.ts';
import { fill } from './step-runs.ts';
import type { StepKind } from './step-runs.ts';

const LAYERS = 2;

/** `positions`: those in the cache, with the token's own. Its bytes are those of the weights, keys and values. */
export function decodeStep(sizes: Partial<LlamaConfig>, positions: number, base: BaseStorage): StepKind {
  const config: LlamaConfig = { ...PRESETS['7b'].model.language, numLayers: LAYERS, vocabSize: 64, ...sizes };
  const { hiddenSize, intermediateSize, numHeads, numKeyValueHeads, numLayers } = config;
  const headDim = hiddenSize / numHeads;
  const matrices = hiddenSize * (2 * hiddenSize + 2 * numKeyValueHeads * headDim + 3 * intermediateSize);
  const cached = numKeyValueHeads * positions * headDim;
  return {
    op: 'LLaMA decode',
    shape: `${numLayers}x${hiddenSize}x${intermediateSize}p${positions}`,
    variant: `${base} base`,
    base,
    bytes: numLayers * (byteLength(base === 'nf4-dq' ? 'nf4' : base, matrices) + 2 * byteLength('f32', cached)),
    open(gpu) {
      const weights = new Weights(gpu, { bare: (_, shape) => (shape.length === 2 ? base : 'f32') });
      const model = new Llama(weights, config);
      fill(weights.parameters());
      const cache = new KvCache(gpu, { numLayers, batch: 1, numKeyValueHeads, headDim, maxTokens: positions });
      const before = {
        values: noise(cached - numKeyValueHeads * headDim, 2),
        shape: [1, numKeyValueHeads, positions - 1, headDim],
      };
      gpu.scope(() => {
        const known = tensor(gpu, before.values, before.shape);
        for (let layer = 0; layer < numLayers; layer++) cache.append(layer, known, known);
      });
      const step = capture(gpu, 'decode', ({ x, at }: { x: Tensor; at: Tensor }) =>
        noGrad(() => {
          const y = model.forward(x, { cache, positions: at });
          return { loss: mean(mul(y, y)) };
        }),
      );
      const inputs = {
        x: { values: noise(hiddenSize, 3), shape: [1, 1, hiddenSize] },
        at: { values: Int32Array.of(positions - 1), shape: [1] },
      };
      return {
        once: () => step.run(inputs).loss,
        plan: () => step.plan(inputs),
        close: () => (step.dispose(), cache.dispose(), weights.parameters().forEach((p) => p.dispose())),
      };
    },
  };
}
