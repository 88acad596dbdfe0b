/**
 * @file A training step of one LLaMA layer with LoRA: forward, backward, update of the adapters; the layer is frozen.
 */
import { AdamW, backward, capture, mean, mul, Parameter, sub } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';
import { opTables, TOLERANCE } from '@curio/engine/check';
import { Llama, PRESETS } from '@curio/model';
import type { LlamaConfig } from '@curio/model';
import { Weights } from '@curio/nn';
import type { Cell, Group } from '../cell.ts';
import { onMatrixUnits } from '../matrix-units.ts';
import { firstWrong, noise, sampledEntries } from '../numbers.ts';
import type { Peer } from '../../peers/src/peer.ts';
import { peerSession } from '../peer-cells.ts';
import { lossTolerance } from './engine-step.ts';
import { COMPARED_STEPS } from './step-spec.ts';
import type { NamedValues } from './step-spec.ts';

export const RANK = 128;
const RATE = 1e-4;

/** Tolerances for operands rounded to 2⁻¹¹, layer after layer: of the loss, and of each tensor's largest gradient. */
const HALVED = { loss: 5e-3, gradients: 3e-2 };

/** The published layer, or a smaller one to try the bench itself. */
export const layerConfig = (sizes: Partial<LlamaConfig> = {}): LlamaConfig => ({
  ...PRESETS['7b'].model.language,
  numLayers: 1,
  vocabSize: 64,
  ...sizes,
});

/** Input and target output of the layer. */
export const layerData = (tokens: number, hiddenSize: number): readonly [x: NamedValues, target: NamedValues] => {
  const values = (name: string, seed: number): NamedValues => ({
    name,
    shape: [1, tokens, hiddenSize],
    values: noise(tokens * hiddenSize, seed),
  });
  return [values('x', 1), values('target', 2)];
};

/** Uploaded before the step, as a layer's input is in training and in PyTorch's run. */
export const onDevice = (gpu: Gpu, data: readonly NamedValues[]): Parameter[] =>
  data.map(({ name, shape, values }) => new Parameter(gpu, name, shape, values));

export function layerStep(model: Llama, optimizer: AdamW, x: Tensor, target: Tensor): { loss: Tensor } {
  optimizer.zeroGrad();
  const error = sub(model.forward(x), target);
  const loss = mean(mul(error, error));
  backward(loss);
  optimizer.update();
  return { loss };
}

function open(gpu: Gpu, config: LlamaConfig, tokens: number) {
  const { hiddenSize } = config;
  const weights = new Weights(gpu, { seed: 1 });
  const model = new Llama(weights, config, { lora: { r: RANK, alpha: 2 * RANK, dropout: 0 } });
  const optimizer = new AdamW(gpu, weights.parameters(), { groups: [['lora_', 1]], lr: RATE });
  const data = layerData(tokens, hiddenSize);
  const [x, target] = onDevice(gpu, data);
  const step = capture(gpu, 'LLaMA layer', () => layerStep(model, optimizer, x!, target!));
  const once = (): Tensor => {
    optimizer.beginStep(RATE);
    return step.run({}).loss;
  };
  return {
    parameters: weights.parameters(),
    data,
    optimizer,
    once,
    close: () => (
      step.dispose(), optimizer.dispose(), [...weights.parameters(), x!, target!].forEach((p) => p.dispose())
    ),
  };
}

/**
 * The same step by another library, compared with ours: the first loss, and the loss after some steps, which depends on
 * all gradients.
 */
const onPeer = (gpu: Gpu, peer: Peer, config: LlamaConfig, tokens: number): Cell => ({
  library: peer.name,
  variant: peer.version,
  async open() {
    const ours = open(gpu, config, tokens);
    try {
      const used = ours.parameters.filter(({ name }) => !/embed_tokens|lm_head/.test(name));
      const parameters = await Promise.all(
        used.map(async (p) => ({
          name: p.name,
          shape: p.shape,
          values: (await p.read()) as Float32Array<ArrayBuffer>,
        })),
      );
      const losses: number[] = [];
      for (let i = 0; i < COMPARED_STEPS; i++) losses.push(await ours.once().item());
      const [x, target] = ours.data;
      const job = await peer.llamaLayer!({
        parameters,
        trained: ours.optimizer.parameters.map(({ name }) => name),
        x,
        target,
        lr: RATE,
        sizes: { heads: config.numHeads, eps: config.rmsNormEps, theta: config.ropeTheta, lora_scale: 2 },
      });
      return peerSession(job, async () => {
        for (const [i, loss] of losses.entries()) {
          const theirs = (await job.read())[0]![0]!;
          if (!(Math.abs(theirs - loss) <= (i === 0 ? lossTolerance : 1e-3) * loss))
            return `the loss of step ${i + 1} is ${theirs}, ours ${loss}`;
        }
        return null;
      });
    } finally {
      ours.close();
    }
  },
});

/** Products with the seven frozen weights, forward and for dx, three per adapter matrix, and attention. */
export function layerFlops({ hiddenSize: C, intermediateSize: F, numHeads }: LlamaConfig, tokens: number): number {
  const frozen = 4 * C * C + 3 * C * F;
  const adapters = RANK * (8 * C + 3 * (C + F));
  return 2 * tokens * (2 * frozen + 3 * adapters) + (3.5 * 4 * numHeads * tokens ** 2 * (C / numHeads)) / 2;
}

/** Compared with the same step by the naive kernels, which the op table checks against float64. */
export function llamaLayer(gpu: Gpu, peers: readonly Peer[], config: LlamaConfig, tokens: number): Group {
  const make =
    (tolerance: { loss: number; gradients: number }): Cell['open'] =>
    () => {
      const fast = open(gpu, config, tokens);
      return {
        async check() {
          const outcome = async ({ once, optimizer }: typeof fast) => ({
            loss: await once().item(),
            grads: await Promise.all(optimizer.parameters.map(async (p) => (await p.grad!.read()) as Float32Array)),
          });
          const ours = await outcome(fast);
          const families = opTables.flatMap(({ families: all = {} }) =>
            Object.entries(all)
              .filter(([, table]) => 'naive' in table)
              .map(([family]) => family),
          );
          for (const family of families) gpu.kernels.forced.set(family, 'naive');
          const plain = open(gpu, config, tokens);
          try {
            const naive = await gpu.kernels.withHalfProducts(false, () => outcome(plain));
            if (!(Math.abs(ours.loss - naive.loss) <= tolerance.loss * naive.loss))
              return `the loss is ${ours.loss}, the naive kernels say ${naive.loss}`;
            const wrong = fast.optimizer.parameters.map(({ name, shape }, i) => {
              const scale = 1 / naive.grads[i]!.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-12);
              return firstWrong(
                `gradient of ${name}`,
                sampledEntries(shape, i),
                ours.grads[i]!.map((v) => v * scale),
                (at) => naive.grads[i]![at]! * scale,
                tolerance.gradients,
              );
            });
            return wrong.find(Boolean) ?? null;
          } finally {
            for (const family of families) gpu.kernels.forced.delete(family);
            plain.close();
          }
        },
        async time(count) {
          const began = performance.now();
          for (let i = 0; i < count; i++) fast.once();
          await gpu.synchronize();
          return performance.now() - began;
        },
        close: fast.close,
      };
    };
  const { hiddenSize, intermediateSize } = config;
  const cells: Cell[] = [
    { library: 'curio', variant: 'replayed', open: make({ loss: lossTolerance, gradients: 10 * TOLERANCE.backward }) },
    ...onMatrixUnits(gpu, 'replayed, f16 matrix units', { library: 'curio', variant: '', open: make(HALVED) }),
  ];
  cells.push(...peers.filter((peer) => peer.llamaLayer).map((peer) => onPeer(gpu, peer, config, tokens)));
  return {
    op: 'LLaMA layer LoRA step',
    shape: `${tokens}x${hiddenSize}x${intermediateSize}r${RANK}`,
    label: 'forward, backward, AdamW of the adapters',
    roof: { kind: 'openblas', size: [512, 512, 512] },
    work: { flops: layerFlops(config, tokens) },
    cells,
  };
}
