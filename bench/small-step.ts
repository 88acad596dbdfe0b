/** @file The small SQ-LLaVA's stage-2 step on batches of random tokens, for replay and soak. */
import { AdamW, backward, capture, RandomStream } from '@curio/engine';
import type { CapturedStep, Gpu, HostTensors, Tensor } from '@curio/engine';
import { imageTokens, IMAGE_TOKEN, makeBatch, PRESETS, SqLlava } from '@curio/model';
import { Weights } from '@curio/nn';

export type SmallInputs = Parameters<SqLlava['lossOf']>[0];

export interface SmallStep {
  readonly optimizer: AdamW;
  /** A complete step: zero the gradients, forward, backward, clip, update. */
  readonly step: CapturedStep<SmallInputs, { loss: Tensor }>;
  /** Eight samples with an image each, of about this many tokens. */
  inputs(words: number, seed: number): HostTensors<SmallInputs>;
}

export function openSmallStep(gpu: Gpu): SmallStep {
  const { model: config, train } = PRESETS.small;
  const model = new SqLlava(new Weights(gpu, { seed: 1 }), config);
  model.mode.training = true;
  const optimizer = new AdamW(gpu, model.parameters, { groups: train.stage2.trainable, maxGradNorm: 1 });
  gpu.trim();
  const step = capture(gpu, 'step', (inputs: SmallInputs) => {
    optimizer.zeroGrad();
    const loss = model.lossOf(inputs);
    backward(loss);
    optimizer.update();
    return { loss };
  });
  const { imageSize } = config.vision;
  return {
    optimizer,
    step,
    inputs(words, seed) {
      const random = new RandomStream(seed);
      const samples = Array.from({ length: train.stage2.batch }, () => {
        const ids = [1, IMAGE_TOKEN, ...Array.from({ length: words }, () => random.integer(config.language.vocabSize))];
        return { ids, labels: ids.map((id, i) => (i < words / 2 ? -100 : id)) };
      });
      const pixels = Float32Array.from({ length: samples.length * 3 * imageSize ** 2 }, () => random.uniform(-2, 2));
      return model.lossInputs(makeBatch(samples, { patches: imageTokens(config.vision) }), pixels);
    },
  };
}
