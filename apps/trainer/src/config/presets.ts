/**
 * @file Presets of runs: a model's preset with its base, data and report, written as lab notes.
 *
 * small: does all of SQ-LLaVA work, both stages on real pixels, within five minutes on two cores? One epoch of 4,800
 *   captioned scenes in stage 1, one of 4,160 conversations of eight turns in stage 2. 550 held-out questions, because
 *   with 200 the accuracy varies by four points and can be seven too high; 100 scenes, three self-asked questions each.
 * quick: the same for a driver eight times slower, with a tenth of the steps and scenes and fewer questions. It only
 *   shows that everything runs.
 * 7b, 13b: the published runs. Give the base and the data with --config; the base is kept in half precision.
 */
import { PRESETS, type PresetName } from '@curio/model';
import type { RunConfig } from './schema.ts';

/** Stands for the path of what comes with this repository. */
export const EMBEDDED = 'embedded';

const none = {
  withheldPairs: 0,
  stage1: null,
  stage2: null,
  heldOut: null,
  images: null,
  workers: null,
  onBadEntry: 'fail',
} as const;
const scenes = (stage1: number, stage2: number, heldout: number, ask: number): RunConfig['data'] => ({
  ...none,
  scenes: { stage1, stage2, heldout, 'heldout-ask': ask },
});
const embeddedBase: RunConfig['base'] = {
  language: EMBEDDED,
  vision: EMBEDDED,
  adapter: null,
  projector: null,
  storage: 'f32',
};

const small: RunConfig = {
  preset: 'small',
  seed: 1,
  base: embeddedBase,
  data: scenes(4800, 4160, 550, 100),
  ...PRESETS.small,
  run: { checkpointEvery: 200, keep: 2, format: 'safetensors', questions: 550, askScenes: 100 },
};

const quick: RunConfig = {
  ...small,
  preset: 'quick',
  ...PRESETS.quick,
  data: scenes(480, 416, 550, 100),
  run: { checkpointEvery: 0, keep: 1, format: 'safetensors', questions: 110, askScenes: 10 },
};

const published = (preset: '7b' | '13b', language: string, vision: string): RunConfig => ({
  preset,
  seed: 1,
  base: { language, vision, adapter: null, projector: null, storage: 'bf16' },
  data: { ...none, scenes: null },
  ...PRESETS[preset],
  run: { checkpointEvery: 500, keep: 2, format: 'safetensors', questions: 500, askScenes: 100 },
});

export const RUN_PRESETS: Readonly<Record<PresetName, RunConfig>> = {
  small,
  quick,
  '7b': published('7b', 'models/vicuna-7b-v1.5', 'models/clip-vit-large-patch14-336'),
  '13b': published('13b', 'models/vicuna-13b-v1.5', 'models/clip-vit-large-patch14-336'),
};
