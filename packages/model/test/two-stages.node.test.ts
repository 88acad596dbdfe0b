/**
 * Both stages as they are trained (templates, masks, sampler, groups of rates, clipping, cosine, accumulation) against
 * PyTorch from the same weights: two-stages.safetensors, whose order of samples is the sampler's own.
 */
import { openGpu } from '@curio/engine';
import { openGolden } from '@curio/testing/golden';
import { parity } from '@curio/testing/parity';
import { expect, test } from 'vitest';
import type { StageConfig, TrainConfig } from '../src/config.ts';
import { samplesOf, type Sample } from '../src/data/dataset.ts';
import { SentencePiece } from '../src/data/sentence-piece.ts';
import { Tokens } from '../src/data/tokens.ts';
import { isFault, readEntry } from '../src/entries/read-entry.ts';
import { stage2Trainable } from '../src/trainable.ts';
import { stepsOfSamples, trainStage } from '../src/stages.ts';
import { openWholeModel, publishedName } from './whole-model.ts';

const SEED = 7;
const PICTURES = 3;

/** The conversations of a stage, of which the k-th shows picture k mod 3. */
async function samplesOfStage(name: string): Promise<{ samples: Sample[]; tokens: Tokens; system: string }> {
  const golden = await openGolden('published-masks');
  const cases = (golden.config.cases as { group: string; image: boolean; turns: object[] }[]).filter(
    ({ group }) => group === name,
  );
  const samples = cases.map(({ image, turns }, k) => {
    const conversations = turns.map((turn) =>
      'ask' in turn || !('from' in turn && turn.from === 'human') ? turn : { ...turn, self_question: false },
    );
    const read = readEntry({ ...(image && { image: `${k % PICTURES}` }), conversations }, k);
    if (isFault(read)) throw new Error(read.reason);
    return read.sample;
  });
  return { samples, tokens: new Tokens(SentencePiece.read(golden.bytes('file.model'))), system: golden.config.system };
}

test.each(['all', 'portable'] as const)(
  'ten steps of each stage: losses, norms and weights, features %s',
  async (features) => {
    const gpu = await openGpu({ features });
    const golden = await openGolden('two-stages');
    const { steps, learningRate: lr, warmupRatio: warmup, maxNorm: clip, stages } = golden.config;
    const { tokens, system } = await samplesOfStage('stage2');
    const model = await openWholeModel(gpu, golden, { template: 'v1_sq', systemText: system });
    const images = golden.floats('in.images');
    const area = images.length / PICTURES;
    const { language, vision, projector } = stages.stage2.factors;
    const shared = { steps, batch: 4, warmup, imageAspect: 'pad', sqR: 1 } as const;
    const stage1: StageConfig = {
      ...shared,
      accumulate: stages.stage1.passes,
      trainable: [['projector', stages.stage1.factors.projector]],
      template: 'plain',
    };
    const trainable = stage2Trainable(vision / language, projector / language).filter(
      ([pattern]) => pattern !== 'extra_',
    );
    const stage2: StageConfig = { ...shared, accumulate: stages.stage2.passes, trainable, template: 'chat' };
    const train: TrainConfig = {
      ...{ lr, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, moments: 'f32', clip, stage1, stage2 },
      ...{ maxLength: 2048, labelMasks: 'messages', gradientCheckpointing: false },
    };
    for (const [name, stage] of Object.entries({ stage1, stage2 })) {
      const samples = samplesOf((await samplesOfStage(name)).samples);
      expect(stepsOfSamples(samples, stage, SEED).map(({ indices }) => indices)).toEqual(stages[name].order);
      const losses: number[] = [];
      const norms: number[] = [];
      const pixels = (image: string): Promise<Float32Array> =>
        Promise.resolve(images.slice(Number(image) * area, (Number(image) + 1) * area));
      await trainStage({
        ...{ model, tokens, stage, train, samples, pixels, seed: SEED },
        onStep: ({ loss, gradNorm }) => {
          losses.push(loss);
          norms.push(gradNorm);
        },
      });
      const compared = (what: string) => parity(`${name}, ten steps: ${what}`, 'PyTorch in float64');
      compared('losses').close(losses, golden.floats(`out.${name}.losses`), 1e-6, `${name}: losses`);
      compared('gradient norms').close(norms, golden.floats(`out.${name}.gradNorms`), 1e-5, `${name}: gradient norms`);
      const weights = compared('weights');
      const finals = golden.under(`final.${name}.`);
      for (const [published, want] of finals) {
        const parameter = model.parameters.find((p) => publishedName(p.name) === published)!;
        weights.close(await parameter.read(), want.data as Float32Array, 1e-5, `${name}: ${published}`);
      }
      expect(finals.size).toBe(name === 'stage1' ? 12 : 12 + 2 * 12 + 2 * 14);
    }
    gpu.close();
  },
);
