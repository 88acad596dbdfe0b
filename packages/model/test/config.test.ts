import { expect, test } from 'vitest';
import { imageTokens, shortened } from '../src/config.ts';
import type { ModelConfig, Preset, Trainable } from '../src/config.ts';
import { clipVisionFromHf, clipVisionToHf, llamaFromHf, llamaToHf, unknownKeys } from '../src/files/hf-config.ts';
import { PRESETS, presetTrainable } from '../src/presets/presets.ts';
import type { PresetName } from '../src/presets/presets.ts';
import { checkTrainable } from '../src/trainable.ts';

test("Hugging Face's files and our configurations agree", () => {
  for (const { model } of Object.values(PRESETS)) {
    expect(llamaFromHf(llamaToHf(model.language), 'x')).toEqual(model.language);
    expect(clipVisionFromHf(clipVisionToHf(model.vision), 'x')).toEqual(model.vision);
    expect(clipVisionFromHf({ vision_config: clipVisionToHf(model.vision) }, 'x')).toEqual(model.vision);
  }
  expect(() =>
    llamaFromHf({ ...llamaToHf(PRESETS.small.model.language), hidden_size: 'wide' }, 'base/config.json'),
  ).toThrow('base/config.json: hidden_size is "wide"; it must be a number.');
  expect(() => llamaFromHf({}, 'base/config.json')).toThrow(
    'base/config.json: num_attention_heads is missing; it must be a number.',
  );
  expect(() => clipVisionFromHf({ ...clipVisionToHf(PRESETS.small.model.vision), hidden_act: 'gelu' }, 'c')).toThrow(
    'c: hidden_act is "gelu"; only "quick_gelu" is supported.',
  );
});

/** As transformers 5 writes it. */
const today = {
  ...llamaToHf(PRESETS.small.model.language),
  rope_theta: undefined,
  rope_parameters: { rope_theta: 500000, rope_type: 'default' },
  head_dim: 32,
  mlp_bias: false,
  attention_dropout: 0,
  dtype: 'float32',
};

test('what a base computes differently is refused by key and value', () => {
  expect(llamaFromHf(today, 'c').ropeTheta).toBe(500000);
  expect(llamaFromHf({ ...llamaToHf(PRESETS['7b'].model.language), model_type: 'share4v' }, 'c')).toEqual(
    PRESETS['7b'].model.language,
  );
  const { rms_norm_eps: _, ...noEps } = llamaToHf(PRESETS.small.model.language);
  expect(llamaFromHf(noEps, 'c').rmsNormEps).toBe(1e-6);
  const language: [object, string][] = [
    [
      { rope_scaling: { type: 'linear', factor: 4 } },
      'rope_scaling is {"type":"linear","factor":4}; only positions that are not scaled (type default) are supported.',
    ],
    [
      { rope_parameters: { rope_type: 'yarn', rope_theta: 1e4 } },
      'rope_parameters is {"rope_type":"yarn","rope_theta":10000}; only positions that are not scaled (type default) are supported.',
    ],
    [
      { rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.5 } },
      'partial_rotary_factor is 0.5; only 1 is supported.',
    ],
    [{ attention_bias: true }, 'attention_bias is true; only false is supported.'],
    [{ mlp_bias: true }, 'mlp_bias is true; only false is supported.'],
    [{ head_dim: 64 }, 'head_dim is 64; only 32 is supported.'],
    [{ hidden_act: 'gelu' }, 'hidden_act is "gelu"; only "silu" is supported.'],
    [{ tie_word_embeddings: true }, 'tie_word_embeddings is true; only false is supported.'],
    [
      { model_type: 'mistral' },
      'model_type is "mistral"; only "llama" or "llava" or "llava_llama" or "share4v" is supported.',
    ],
    [{ sliding_window: 4096 }, 'sliding_window is 4096; a base with it is not supported.'],
    [{ eos_token_id: [2, 7] }, 'eos_token_id is [2,7]; only 2 or [2] is supported.'],
    [
      { num_attention_heads: 3, head_dim: undefined },
      '3 heads and 4 key heads do not divide a width of 128; heads must have the same even width, and groups the same size.',
    ],
    [{ num_hidden_layers: 1.5 }, 'num_hidden_layers is 1.5; it must be a whole number above 0.'],
  ];
  for (const [change, text] of language) expect(() => llamaFromHf({ ...today, ...change }, 'c')).toThrow(`c: ${text}`);
  const vision = clipVisionToHf(PRESETS.small.model.vision);
  const tower: [object, string][] = [
    [
      { model_type: 'siglip_vision_model' },
      'model_type is "siglip_vision_model"; only "clip" or "clip_vision_model" is supported.',
    ],
    [{ num_channels: 1 }, 'num_channels is 1; only 3 is supported.'],
    [{ patch_size: 14 }, 'patches of 14 do not divide a side of 72, or 4 heads a width of 128; both must.'],
  ];
  for (const [change, text] of tower)
    expect(() => clipVisionFromHf({ ...vision, ...change }, 'c')).toThrow(`c: ${text}`);
  expect(clipVisionFromHf({ model_type: 'clip', vision_config: {} }, 'c')).toMatchObject({
    numHeads: 12,
    patchSize: 32,
  });
});

test('unknown keys are reported; those that change nothing, or are read, are not', () => {
  expect(unknownKeys({ ...today, initializer_range: 0.02, use_flux: 1 }, 'llama')).toEqual(['use_flux']);
  const vision = { ...clipVisionToHf(PRESETS.small.model.vision), scale_attn: 2 };
  expect(unknownKeys(vision, 'clip')).toEqual(['scale_attn']);
  expect(unknownKeys({ model_type: 'clip', text_config: {}, vision_config: vision }, 'clip')).toEqual(['scale_attn']);
});

test('sizes of the published models', () => {
  const count = ({
    vocabSize: V,
    hiddenSize: C,
    intermediateSize: F,
    numLayers,
  }: (typeof PRESETS)['7b']['model']['language']): number =>
    2 * V * C + C + numLayers * (4 * C * C + 3 * C * F + 2 * C);
  expect([count(PRESETS['7b'].model.language), count(PRESETS['13b'].model.language)]).toEqual([
    6_738_415_616, 13_015_864_320,
  ]);
  expect([imageTokens(PRESETS['7b'].model.vision), imageTokens(PRESETS.small.model.vision)]).toEqual([576, 36]);
});

/** Names of every kind of parameter that a model of this configuration has. */
function namesOf({ languageLora, visionLora, vusr }: ModelConfig): string[] {
  return [
    'language.model.layers.3.mlp.up_proj.weight',
    'language.lm_head.weight',
    'vision.vision_model.embeddings.class_embedding',
    'projector.mlp.0.weight',
    ...(languageLora ? ['language.model.layers.3.mlp.up_proj.lora_A.weight'] : []),
    ...(visionLora ? ['vision.vision_model.encoder.layers.0.mlp.fc1.lora_B.weight'] : []),
    ...(vusr === 'token' ? ['language.extra_embedding', 'language.extra_head'] : []),
  ];
}

const MODELS = Object.values(PRESETS).flatMap(({ model }) => [
  model,
  { ...model, vusr: 'token' as const },
  { ...model, visionLora: null },
  { ...model, languageLora: null, vusr: 'token' as const },
]);

test('every pattern of a preset matches, whatever the model has, and new words, if any, are trained', () => {
  for (const [name, { train }] of Object.entries(PRESETS) as [PresetName, Preset][]) {
    checkTrainable(namesOf(PRESETS[name].model), train);
    for (const model of MODELS) {
      const trainable = presetTrainable(name, model);
      checkTrainable(namesOf(model), { ...train, stage2: { ...train.stage2, trainable } });
      expect(trainable.filter(([pattern]) => pattern === 'extra_')).toEqual(
        model.vusr === 'token' ? [['extra_', 1]] : [],
      );
    }
  }
});

test("a pattern that matches nothing is reported with its place in the configuration, stage 2's before stage 1 runs; a stage without steps may have any", () => {
  const { model, train } = PRESETS.small;
  const typo = {
    ...train,
    stage2: {
      ...train.stage2,
      trainable: [
        ['language.*lora_', 1],
        ['projectr', 0.5],
      ] as const,
    },
  };
  expect(() => checkTrainable(namesOf(model), typo)).toThrow(
    "config: train.stage2.trainable: pattern 'projectr' matches none of 6 parameters (nearest: 'projector.mlp.0.weight', 'language.model.layers.3.mlp.up_proj.",
  );
  expect(() => checkTrainable(namesOf(model), { ...train, stage1: { ...train.stage1, trainable: [] } })).toThrow(
    "config: train.stage1.trainable: there are 0 patterns, so none of 6 parameters would be trained; the pattern '' matches all of them.",
  );
  checkTrainable(namesOf(model), { ...typo, stage2: { ...typo.stage2, steps: 0 } });
});

test('the parameters of each stage are found by name, and the base stays frozen', () => {
  const factor = (trainable: Trainable, name: string): number | undefined => {
    const [only] = trainable.filter(
      ([pattern]) => pattern.split('*').reduce((at, part) => (at < 0 ? at : name.indexOf(part, at)), 0) >= 0,
    );
    return only?.[1];
  };
  for (const { train } of Object.values(PRESETS)) {
    const at = (name: string) => [
      factor(train.stage1.trainable, name) !== undefined,
      factor(train.stage2.trainable, name) !== undefined,
    ];
    expect(at('projector.c.weight')).toEqual([true, true]);
    expect(at('language.model.layers.3.mlp.up_proj.lora_A.weight')).toEqual([false, true]);
    expect(at('vision.vision_model.encoder.layers.0.mlp.fc1.lora_B.weight')).toEqual([false, true]);
    for (const name of [
      'language.model.layers.3.mlp.up_proj.weight',
      'language.lm_head.weight',
      'vision.vision_model.embeddings.class_embedding',
    ])
      expect(at(name)).toEqual([false, false]);
  }
  const rate = (name: string) => PRESETS['13b'].train.lr * factor(PRESETS['13b'].train.stage2.trainable, name)!;
  expect(rate('vision.vision_model.encoder.layers.0.mlp.fc1.lora_B.weight')).toBeCloseTo(2e-5, 12);
  expect(rate('projector.mlp.0.weight')).toBeCloseTo(2e-5, 12);
});

test('a shortened schedule changes only the number of steps', () => {
  const { train } = PRESETS.small;
  const short = shortened(train, 1e-6);
  expect([short.stage1.steps, short.stage2.steps]).toEqual([1, 1]);
  expect({ ...short, stage1: { ...short.stage1, steps: 0 }, stage2: { ...short.stage2, steps: 0 } }).toEqual({
    ...train,
    stage1: { ...train.stage1, steps: 0 },
    stage2: { ...train.stage2, steps: 0 },
  });
});
