/** @file Which parameters the stages train: the patterns that suit a model, and their check. */
import { checkGroups } from '@curio/engine';
import type { ModelConfig, StageName, Trainable, TrainConfig } from './config.ts';

/** Patterns for parameters that only some models have, and which do. */
const PARTS: Readonly<Record<string, (model: ModelConfig) => boolean>> = {
  'language.*lora_': ({ languageLora }) => languageLora !== null,
  'vision.*lora_': ({ visionLora }) => visionLora !== null,
  extra_: ({ vusr }) => vusr === 'token',
};

/**
 * What stage 2 trains of any SQ-LLaVA, with the factors of the image tower's adapters and of the projector on the
 * learning rate.
 */
export const stage2Trainable = (visionLora: number, projector: number): Trainable => [
  ['language.*lora_', 1],
  ['extra_', 1],
  ['vision.*lora_', visionLora],
  ['projector', projector],
];

/**
 * `trainable` without the patterns of `stage2Trainable` whose parameters such a model does not have; all others stay.
 */
export const trainableOf = (model: ModelConfig, trainable: Trainable): Trainable =>
  trainable.filter(([pattern]) => PARTS[pattern]?.(model) ?? true);

const STAGES: readonly StageName[] = ['stage1', 'stage2'];

/**
 * Checks the patterns of every stage that has steps, so that a mistake in stage 2's is reported before stage 1 runs.
 * @param names of the model's parameters
 * @throws ConfigError as `checkGroups`
 */
export function checkTrainable(names: readonly string[], train: TrainConfig): void {
  for (const stage of STAGES)
    if (train[stage].steps > 0) checkGroups(`config: train.${stage}.trainable`, names, train[stage].trainable);
}
