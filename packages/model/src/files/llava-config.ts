/**
 * @file LLaVA's keys of a `config.json`: the projector, the features, how images are made square. docs/sq-llava.md
 * 4.5.
 */
import { ConfigError } from '@curio/engine';
import { shownJson } from '@curio/nn';
import type { ModelConfig, ProjectorConfig } from '../config.ts';
import { TEMPLATES } from '../data/conversation.ts';
import type { TemplateName } from '../data/conversation.ts';
import type { Json } from './hf-config.ts';

export interface LlavaConfig {
  readonly projector: ProjectorConfig;
  readonly selectLayer: number;
  /** How images are made square; null if the file does not say. */
  readonly imageAspect: 'crop' | 'pad' | null;
  /** Name or path of the image tower. */
  readonly visionTower: string | null;
  readonly vusr: ModelConfig['vusr'];
  /** Chat template that it was trained with, if Curio wrote the file. */
  readonly template: TemplateName | null;
  readonly systemText: string | null;
}

/** The published code builds its extractor with these numbers but never writes them. */
const PUBLISHED = { numPrototypes: 256, iterations: 2 };

/** `paper` is Curio's own name: no published model has that projector. */
const PROJECTORS = ['cluster', 'paper', 'mlp2x_gelu'] as const;

/** Supported values, by key; a missing key means the first. */
const FIXED: Readonly<Record<string, readonly unknown[]>> = {
  mm_vision_select_feature: ['patch'],
  mm_use_im_start_end: [false],
  mm_use_im_patch_token: [false],
  mm_patch_merge_type: ['flat'],
  mm_resampler_type: [],
  image_grid_pinpoints: [],
  use_mm_proj: [true],
};
/** Keys about training, or about parts that the model does not have (docs/sq-llava.md 1.8). */
const INERT = [
  'freeze_mm_mlp_adapter',
  'freeze_mm_vision_resampler',
  'freeze_backbone',
  'loss_alpha',
  'mm_projector_lr',
  'mm_vision_tower_lr',
  'num_latents',
  'qav_loss',
  'tune_mm_mlp_adapter',
  'tune_mm_vision_resampler',
  'vision_tower_lr',
];
const READ = ['mm_projector_type', 'mm_hidden_size', 'mm_vision_select_layer', 'mm_vision_tower', 'image_aspect_ratio'];
/** Keys that Curio adds to its own files. */
const OWN = ['mm_num_prototypes', 'mm_prototype_iterations', 'vusr', 'chat_template_name', 'system_text'];

export const LLAVA_KEYS: readonly string[] = [...Object.keys(FIXED), ...INERT, ...READ, ...OWN];

const oneOf = <T>(json: Json, key: string, known: readonly T[], fallback: T, where: string): T => {
  const value = json[key] ?? fallback;
  if (!known.includes(value as T))
    throw new ConfigError(
      `${where}: ${key} is ${shownJson(json[key])}; known values are ${known.map(shownJson).join(', ')}.`,
    );
  return value as T;
};

const countOf = (json: Json, key: string, fallback: number, where: string): number => {
  const value = json[key] ?? fallback;
  if (!(Number.isInteger(value) && (value as number) > 0))
    throw new ConfigError(`${where}: ${key} is ${shownJson(value)}; it must be a whole number above 0.`);
  return value as number;
};

/**
 * Reads them.
 * @param visionSize width of the image tower that is used
 * @throws ConfigError for a projector or features of another kind
 */
export function readLlavaConfig(json: Json, where: string, visionSize: number): LlavaConfig {
  for (const [key, known] of Object.entries(FIXED)) {
    const value = json[key];
    if (value !== undefined && value !== null && !known.includes(value))
      throw new ConfigError(
        `${where}: ${key} is ${shownJson(value)}; ${known.length > 0 ? `only ${known.map(shownJson).join(' or ')}` : 'nothing of the kind'} is supported.`,
      );
  }
  const kind = oneOf(json, 'mm_projector_type', PROJECTORS, '' as 'cluster', where);
  if (json.mm_hidden_size !== undefined && json.mm_hidden_size !== visionSize)
    throw new ConfigError(
      `${where}: mm_hidden_size is ${shownJson(json.mm_hidden_size)} and the image tower is ${visionSize} wide; use the tower that mm_vision_tower names (${shownJson(json.mm_vision_tower)}).`,
    );
  const selectLayer = json.mm_vision_select_layer ?? -2;
  if (!(Number.isInteger(selectLayer) && (selectLayer as number) < 0))
    throw new ConfigError(
      `${where}: mm_vision_select_layer is ${shownJson(selectLayer)}; it must be a hidden state counted from the end, such as -2.`,
    );
  // In LLaVA's code `square`, the default, means the centre of the image.
  const aspect = oneOf(json, 'image_aspect_ratio', ['pad', 'square', null] as const, null, where);
  const text = (key: string): string | null => (typeof json[key] === 'string' ? (json[key] as string) : null);
  const names = Object.keys(TEMPLATES) as TemplateName[];
  return {
    projector:
      kind === 'mlp2x_gelu'
        ? { kind }
        : {
            kind,
            numPrototypes: countOf(json, 'mm_num_prototypes', PUBLISHED.numPrototypes, where),
            iterations: countOf(json, 'mm_prototype_iterations', PUBLISHED.iterations, where),
          },
    selectLayer: selectLayer as number,
    imageAspect: aspect === null ? null : aspect === 'pad' ? 'pad' : 'crop',
    visionTower: text('mm_vision_tower'),
    vusr: oneOf(json, 'vusr', ['role', 'token'] as const, 'role', where),
    template: oneOf<TemplateName | null>(json, 'chat_template_name', [...names, null], null, where),
    systemText: text('system_text'),
  };
}

/** The keys of a trained model, as `readLlavaConfig` reads them; those that the published code writes come first. */
export function llavaToHf(config: ModelConfig, visionTower: string): Json {
  const { vision, projector, vusr, template, systemText } = config;
  return {
    mm_projector_type: projector.kind,
    mm_hidden_size: vision.hiddenSize,
    mm_vision_select_layer: vision.selectLayer,
    mm_vision_select_feature: 'patch',
    mm_vision_tower: visionTower,
    mm_use_im_start_end: false,
    mm_use_im_patch_token: false,
    use_mm_proj: true,
    image_aspect_ratio: 'pad',
    image_grid_pinpoints: null,
    ...(projector.kind !== 'mlp2x_gelu' && {
      mm_num_prototypes: projector.numPrototypes,
      mm_prototype_iterations: projector.iterations,
    }),
    vusr,
    chat_template_name: template,
    ...(systemText !== null && { system_text: systemText }),
  };
}
