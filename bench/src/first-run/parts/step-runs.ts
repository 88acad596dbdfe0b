/**
 * @file The steps that the first run times. Weights are cheap noise: initialising a LLaMA layer properly would take
 * longer than all measurements.
 */
import { AdamW, backward, capture, mean, mul, noGrad, Parameter, store, sub } from '@curio/engine';
import type { CapturedStep, Gpu, HostTensors, StepPlan, Tensor } from '@curio/engine';
import { ClipVision, Llama, PRESETS } from '@curio/model';
import type { ClipVisionConfig, LlamaConfig } from '@curio/model';
import { Weights } from '@curio/nn';
import type { BaseStorage } from '@curio/nn';
import { openSmallStep } from '../../../small-step.ts';
import { noise } from '../../numbers.ts';
import { gptBlock, mlp } from '../../steps/engine-step.ts';
import { gptBlockSpec } from '../../steps/gpt-block.ts';
import { layerData, layerFlops, layerStep, onDevice, RANK } from '../../steps/llama-layer.ts';
import { mlpSpec } from '../../steps/mlp.ts';

/** A step that is open on a device. */
export interface StepRun {
  /** Runs it once and returns a value to check: the loss, or the mean square of the output. */
  readonly once: () => Tensor;
  readonly plan: () => Pick<StepPlan<never, never>, 'timeDispatches' | 'dispatches'>;
  readonly close: () => void;
}

export interface StepKind {
  readonly op: string;
  readonly shape: string;
  readonly variant: string;
  /** How the weights are stored. */
  readonly base: BaseStorage;
  readonly flops?: number;
  /** Where reading them bounds it. */
  readonly bytes?: number;
  /** On matrix units. */
  readonly halves?: boolean;
  readonly open: (gpu: Gpu) => StepRun;
}

/** The learning rate is 0, so that every run computes the same loss. */
const RATE = 0;

/** Matrices get noise that preserves the scale of activations, vectors values near 1. */
export function fill(parameters: readonly Parameter[]): void {
  const largest = Math.max(...parameters.map(({ size }) => size));
  const unit = noise(Math.min(largest, 2 ** 24), 1);
  for (const parameter of parameters) {
    const { shape, size } = parameter;
    const scale = shape.length > 1 ? 2 / Math.sqrt(size / shape[0]!) : 0.1;
    const offset = shape.length > 1 || parameter.name.endsWith('bias') ? 0 : 1;
    const values = new Float32Array(size);
    for (let i = 0; i < size; i++) values[i] = offset + scale * unit[i % unit.length]!;
    store(parameter, values);
  }
}

function train<I extends Readonly<Record<string, Tensor>>>(
  _gpu: Gpu,
  step: CapturedStep<I, { loss: Tensor }>,
  optimizer: AdamW,
  inputs: HostTensors<I>,
  close: () => void,
): StepRun {
  return {
    once() {
      optimizer.beginStep(RATE);
      return step.run(inputs).loss;
    },
    plan: () => step.plan(inputs),
    close: () => (step.dispose(), optimizer.dispose(), close()),
  };
}

/** A LLaMA layer with LoRA: forward, backward, update of the adapters. */
export function llamaStep(sizes: Partial<LlamaConfig>, tokens: number, base: BaseStorage, halves = false): StepKind {
  const config: LlamaConfig = { ...PRESETS['7b'].model.language, numLayers: 1, vocabSize: 64, ...sizes };
  const { hiddenSize } = config;
  return {
    op: 'LLaMA layer LoRA step',
    shape: `${tokens}x${hiddenSize}x${config.intermediateSize}r${RANK}`,
    variant: halves ? `${base} base, f16 matrix units` : `${base} base`,
    base,
    flops: layerFlops(config, tokens),
    halves,
    open(gpu) {
      const isFrozenMatrix = (name: string, shape: readonly number[]): boolean =>
        shape.length === 2 && !name.includes('lora_');
      const weights = new Weights(gpu, { bare: (name, shape) => (isFrozenMatrix(name, shape) ? base : 'f32') });
      const model = new Llama(weights, config, { lora: { r: RANK, alpha: 2 * RANK, dropout: 0 } });
      fill(weights.parameters());
      const optimizer = new AdamW(gpu, weights.parameters(), { groups: [['lora_', 1]] });
      const [x, target] = onDevice(gpu, layerData(tokens, hiddenSize));
      const step = capture(gpu, 'LLaMA layer', () => layerStep(model, optimizer, x!, target!));
      return train(gpu, step, optimizer, {}, () => [...weights.parameters(), x!, target!].forEach((p) => p.dispose()));
    },
  };
}

/** CLIP's image tower, only forward. */
export function clipForward(sizes: Partial<ClipVisionConfig>, halves = false): StepKind {
  const config: ClipVisionConfig = { ...PRESETS['7b'].model.vision, ...sizes };
  const { hiddenSize: C, intermediateSize: F, numLayers, imageSize, patchSize, selectLayer } = config;
  const tokens = (imageSize / patchSize) ** 2 + 1;
  const layers = numLayers + 1 + selectLayer;
  return {
    op: 'CLIP forward',
    shape: `${tokens}x${C}, ${layers} layers`,
    variant: halves ? 'f16 matrix units' : 'f32',
    base: 'f32',
    flops: layers * (2 * tokens * (4 * C * C + 2 * C * F) + 4 * tokens ** 2 * C),
    halves,
    open(gpu) {
      const weights = new Weights(gpu, { bare: () => 'f32' });
      const model = new ClipVision(weights, config);
      fill(weights.parameters());
      const step = capture(gpu, 'CLIP', ({ pixels }: { pixels: Tensor }) =>
        noGrad(() => {
          const y = model.features(pixels);
          return { loss: mean(mul(y, y)) };
        }),
      );
      const inputs = { pixels: { values: noise(3 * imageSize ** 2, 1), shape: [1, 3, imageSize, imageSize] } };
      return {
        once: () => step.run(inputs).loss,
        plan: () => step.plan(inputs),
        close: () => (step.dispose(), weights.parameters().forEach((p) => p.dispose())),
      };
    },
  };
}

/** The small SQ-LLaVA's stage-2 step, eight samples. */
export function smallStep(words: number): StepKind {
  return {
    op: 'SQ-LLaVA stage 2 step',
    shape: `8x${words}`,
    variant: 'f32',
    base: 'f32',
    open(gpu) {
      const { step, optimizer, inputs } = openSmallStep(gpu);
      return train(gpu, step, optimizer, inputs(words, 1), () => {});
    },
  };
}

/** The MLP and the GPT block that are also compared with other libraries. */
export const trainedSteps: readonly StepKind[] = (
  [
    ['MLP step', '256x512x1024x512', mlpSpec, mlp],
    ['GPT block step', '4x256x256x8', gptBlockSpec, gptBlock],
  ] as const
).map(([op, shape, specOf, net]) => ({
  op,
  shape,
  variant: 'f32',
  base: 'f32',
  open(gpu) {
    const { parameters: values, x, target } = specOf();
    const parameters = values.map((each) => new Parameter(gpu, each.name, each.shape, each.values));
    const byName = new Map(parameters.map((p) => [p.name, p]));
    const optimizer = new AdamW(gpu, parameters);
    const step = capture(gpu, op, (inputs: { x: Tensor; target: Tensor }) => {
      optimizer.zeroGrad();
      const error = sub(
        net(inputs.x, (name) => byName.get(name)!),
        inputs.target,
      );
      const loss = mean(mul(error, error));
      backward(loss);
      optimizer.update();
      return { loss };
    });
    return train(gpu, step, optimizer, { x, target }, () => parameters.forEach((p) => p.dispose()));
  },
}));
