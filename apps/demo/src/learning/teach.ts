/** @file Training in the tab: stage 2 on the lessons of a plan, by the code of `curio train`. */
import type { AdamWState } from '@curio/engine';
import { samplesOf, trainStage } from '@curio/model';
import type { Picture, SqLlava, StageOptions, Tokens } from '@curio/model';
import { openGlyphs, renderScene } from '@curio/scenes';
import type { GlyphSource, SceneSamples } from '@curio/scenes';
import { lessonsOf, sampleOf } from './lessons.ts';
import type { Lesson } from './lessons.ts';
import type { Plan } from './messages.ts';
import { BATCH, recipeFor } from './recipe.ts';

/** The first glyphs of each digit are free; those of the sample scenes come after them, and stay for the exam. */
const SPARE = 4;

function spareGlyphs(samples: SceneSamples): GlyphSource {
  const { count, pixels } = openGlyphs(samples);
  return { count: (digit) => Math.min(SPARE, count(digit)), pixels };
}

/** The lessons of a plan, and their pictures. */
export function lessonsOfPlan({ drawings, samples, seed, steps }: Plan): {
  readonly lessons: readonly Lesson[];
  readonly draw: (lesson: Lesson) => Picture;
} {
  const glyphs = spareGlyphs(samples);
  const lessons = lessonsOf({ drawings, glyphs, count: steps * BATCH, seed });
  return { lessons, draw: ({ scene }) => renderScene(scene, glyphs) };
}

export interface TeachOptions extends Pick<StageOptions, 'onStep' | 'pause'> {
  readonly model: SqLlava;
  readonly tokens: Tokens;
  readonly prepare: (picture: Picture) => Float32Array;
  readonly plan: Plan;
  /** The step to continue with, and the optimizer's state there. */
  readonly from?: number;
  readonly state?: AdamWState;
}

/**
 * Trains the model's adapter, with kernels by the table, as `curio train` does: measured ones may give different bits.
 * Returns the step to resume with. @throws as `trainStage`
 */
export async function teach({ model, tokens, prepare, plan, ...rest }: TeachOptions): Promise<number> {
  const train = recipeFor(model.config, plan.steps);
  const { lessons, draw } = lessonsOfPlan(plan);
  const stage: StageOptions = {
    model,
    tokens,
    train,
    stage: train.stage2,
    samples: samplesOf(lessons.map(sampleOf)),
    pixels: async (index) => prepare(draw(lessons[Number(index)]!)),
    seed: plan.seed,
    ...rest,
  };
  return model.gpu.kernels.withoutTuner(() => trainStage(stage));
}
