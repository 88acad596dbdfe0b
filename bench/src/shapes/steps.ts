/** @file Complete training steps: forward, backward, update. */
import type { Gpu } from '@curio/engine';
import type { Peer } from '../../peers/src/peer.ts';
import { opTables, TOLERANCE } from '@curio/engine/check';
import { openSmallStep } from '../../small-step.ts';
import type { Cell, Group } from '../cell.ts';
import { firstWrong, sampledEntries } from '../numbers.ts';
import { peerCells } from '../peer-cells.ts';
import { engineStep, gptBlock, lossTolerance, mlp, StepTruth } from '../steps/engine-step.ts';
import { gptBlockSpec } from '../steps/gpt-block.ts';
import { layerConfig, llamaLayer } from '../steps/llama-layer.ts';
import { mlpSpec } from '../steps/mlp.ts';
import { COMPARED_STEPS } from '../steps/step-spec.ts';

const roof = { kind: 'openblas', size: [512, 512, 512] } as const;

/** Tokens of each of the eight samples. */
const WORDS = 80;

/**
 * The small SQ-LLaVA's stage-2 step. Golden tests compare the model with PyTorch; here one step is compared with the
 * same step by the naive kernels, which the op table checks against float64.
 */
function smallStep(gpu: Gpu): Cell {
  return {
    library: 'curio',
    variant: 'replayed',
    open: () => {
      const small = openSmallStep(gpu);
      const batch = small.inputs(WORDS, 1);
      const once = (step: typeof small) => {
        step.optimizer.beginStep(1e-4);
        return step.step.run(batch).loss;
      };
      const outcome = async (step: typeof small): Promise<{ loss: number; grads: Float32Array[] }> => {
        const loss = await once(step).item();
        return {
          loss,
          grads: await Promise.all(step.optimizer.parameters.map(async (p) => (await p.grad!.read()) as Float32Array)),
        };
      };
      return {
        async check() {
          const tiled = await outcome(small);
          const families = opTables.flatMap(({ families = {} }) =>
            Object.entries(families)
              .filter(([, table]) => 'naive' in table)
              .map(([family]) => family),
          );
          for (const family of families) gpu.kernels.forced.set(family, 'naive');
          const plain = openSmallStep(gpu);
          try {
            const naive = await outcome(plain);
            if (!(Math.abs(tiled.loss - naive.loss) <= lossTolerance * naive.loss))
              return `the loss is ${tiled.loss}, the naive kernels say ${naive.loss}`;
            const wrong = small.optimizer.parameters.map(({ name, shape }, i) => {
              const scale = 1 / naive.grads[i]!.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-12);
              return firstWrong(
                `gradient of ${name}`,
                sampledEntries(shape, i),
                tiled.grads[i]!.map((v) => v * scale),
                (at) => naive.grads[i]![at]! * scale,
                10 * TOLERANCE.backward,
              );
            });
            return wrong.find(Boolean) ?? null;
          } finally {
            for (const family of families) gpu.kernels.forced.delete(family);
            plain.step.dispose();
            plain.optimizer.dispose();
          }
        },
        async time(count) {
          const began = performance.now();
          for (let i = 0; i < count; i++) once(small);
          await gpu.synchronize();
          return performance.now() - began;
        },
        close() {
          small.step.dispose();
          small.optimizer.dispose();
        },
      };
    },
  };
}

export function stepGroups(gpu: Gpu, peers: readonly Peer[]): (() => Group[])[] {
  const group = (op: string, shape: string, make: typeof mlpSpec, net: typeof mlp, label: string) => (): Group[] => {
    const spec = make();
    const truth = new StepTruth(spec);
    const others = peerCells(peers, 'step', [spec], async (job) => {
      const losses: number[] = [];
      for (let i = 0; i < COMPARED_STEPS; i++) losses.push((await job.read())[0]![0]!);
      return truth.judge(losses[0]!, losses.at(-1)!, null);
    });
    return [
      { op, shape, label, roof, work: { flops: spec.flops }, cells: [engineStep(gpu, spec, net, truth), ...others] },
    ];
  };
  return [
    group('MLP step', '256x512x1024x512', mlpSpec, mlp, 'relu, mean square error, Adam'),
    group('GPT block step', '4x256x256x8', gptBlockSpec, gptBlock, 'batch 4, 256 tokens, width 256, 8 heads, Adam'),
    // The published layer takes half a minute a step on a software adapter, which gets a sixteenth of it.
    () => [
      gpu.adapter.isSoftware
        ? llamaLayer(
            gpu,
            peers,
            layerConfig({ hiddenSize: 1024, intermediateSize: 2752, numHeads: 8, numKeyValueHeads: 8 }),
            128,
          )
        : llamaLayer(gpu, peers, layerConfig(), 512),
    ],
    () => [
      {
        op: 'SQ-LLaVA stage 2 step',
        shape: `8x${WORDS}`,
        label: 'the small model, 8 images and 80 words each',
        roof: null,
        work: {},
        cells: [smallStep(gpu)],
      },
    ],
  ];
}
