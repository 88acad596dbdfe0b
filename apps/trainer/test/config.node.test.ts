import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@curio/engine';
import { expect, test } from 'vitest';
import { checkConfig, loadConfig, parseOverrides, type ConfigSources } from '../src/config/load.ts';
import { RUN_PRESETS } from '../src/config/presets.ts';
import { configJsonSchema } from '../src/config/schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-config-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const refuse = (sources: ConfigSources): string => {
  try {
    loadConfig(sources);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message.replaceAll(folder, 'DIR');
  }
  return 'accepted';
};
const set = (...words: string[]) => refuse({ overrides: parseOverrides(words) });

test('the scenes of a preset are as many as its steps draw', () => {
  for (const { train, data } of [RUN_PRESETS.small, RUN_PRESETS.quick]) {
    expect(data.scenes).toMatchObject({
      stage1: train.stage1.steps * train.stage1.batch,
      stage2: train.stage2.steps * train.stage2.batch,
    });
  }
});

test('every preset with its own data passes its own check, and survives a round trip', () => {
  for (const name of ['small', 'quick'] as const)
    expect(loadConfig({ preset: name })).toEqual(JSON.parse(JSON.stringify(RUN_PRESETS[name])));
  expect(refuse({ preset: '7b' })).toBe(
    'config: data.stage1 is not set; give the path of your data, or use a preset with the embedded scenes (small, quick).',
  );
  expect(
    loadConfig({
      preset: '7b',
      overrides: parseOverrides(['--data.stage1=a.json', '--data.stage2', 'b.json', '--data.images=img']),
    }).data.stage2,
  ).toBe('b.json');
});

test('a file in JSON or YAML changes what it names; overrides win', () => {
  const yaml = file(
    'a.yaml',
    '# a note\ntrain:\n  lr: 1.0e-3\n  stage2: { sqR: 0.3 }\nmodel:\n  projector: { kind: mlp2x_gelu }\n',
  );
  const json = file('a.json', '{ "preset": "quick", "train": { "stage1": { "steps": 3 } } }');
  expect(loadConfig({ file: yaml })).toMatchObject({
    preset: 'small',
    train: { lr: 1e-3, stage2: { sqR: 0.3, batch: 8 } },
    model: { projector: { kind: 'mlp2x_gelu' } },
  });
  expect(
    loadConfig({ file: json, overrides: parseOverrides(['--train.stage1.batch=4', '--seed', '9']) }),
  ).toMatchObject({ preset: 'quick', seed: 9, train: { stage1: { steps: 3, batch: 4 } } });
});

test('overrides take the type of what they replace', () => {
  const config = loadConfig({
    overrides: parseOverrides([
      '--train.lr=1e-4',
      '--train.clip=null',
      '--base.language=7',
      '--train.stage2.trainable.0.1=0.5',
      '--train.betas=[0.9, 0.98]',
    ]),
  });
  expect(config.train).toMatchObject({ lr: 1e-4, clip: null, betas: [0.9, 0.98] });
  expect(config.train.stage2.trainable[0][1]).toBe(0.5);
  expect(config.base.language).toBe('7');
});

test('a preset trains what the model has after the overrides; what a file or an override names is kept', () => {
  const patterns = (sources: ConfigSources): string[] =>
    loadConfig(sources).train.stage2.trainable.map(([pattern]) => pattern);
  const words = (...each: string[]): ConfigSources => ({ overrides: parseOverrides(each) });
  expect(patterns({})).toEqual(['language.*lora_', 'vision.*lora_', 'projector']);
  expect(patterns(words('--model.vusr=token'))).toEqual(['language.*lora_', 'extra_', 'vision.*lora_', 'projector']);
  expect(patterns(words('--model.visionLora=null'))).toEqual(['language.*lora_', 'projector']);
  expect(
    loadConfig(words('--train.stage2.trainable.1.1=0.25', '--model.vusr=token')).train.stage2.trainable[1],
  ).toEqual(['extra_', 0.25]);
  expect(patterns(words('--train.stage2.trainable=[["projector", 1]]', '--model.vusr=token'))).toEqual(['projector']);
  const own = file('own.yaml', 'model: { vusr: token }\ntrain: { stage2: { trainable: [["language.*lora_", 1]] } }\n');
  expect(patterns({ file: own })).toEqual(['language.*lora_']);
  expect(patterns({ file: file('token.yaml', 'preset: quick\nmodel: { vusr: token }\n') })).toContain('extra_');
});

test.each([
  ['--train.learningRate=1', 'config: unknown key train.learningRate; did you mean train.lr?'],
  ['--lr=1', 'config: unknown key lr; did you mean train.lr?'],
  ['--train.stage1.stesp=1', 'config: unknown key train.stage1.stesp; did you mean train.stage1.steps?'],
  ['--model.visionLora.rank=1', 'config: unknown key model.visionLora.rank; did you mean model.visionLora.r?'],
  ['--trian.lr=1', 'config: unknown key trian.lr; did you mean train.lr?'],
  ['--xyzzy=1', 'config: unknown key xyzzy; the top-level keys are preset, seed, base, data, model, train, ask, run.'],
  ['--train.lr=fast', 'config: train.lr is "fast"; it must be a number.'],
  ['--train.lr=0', 'config: train.lr is 0; it must be above 0.'],
  ['--train.stage1.steps=1.5', 'config: train.stage1.steps is 1.5; it must be a whole number.'],
  ['--train.stage2.sqR=2', 'config: train.stage2.sqR is 2; it must be at most 1.'],
  ['--model.vusr=maybe', 'config: model.vusr is "maybe"; it must be one of role, token.'],
  ['--train.betas=[0.9]', 'config: train.betas is [0.9]; it must be a list of at least 2.'],
  [
    '--model.projector={ kind: other }',
    'config: model.projector.kind is "other"; it must be one of cluster, paper, mlp2x_gelu.',
  ],
  ['--model.vision=3', 'config: model.vision is 3; it must be an object.'],
  ['--preset=huge', "config: unknown preset 'huge'; the presets are small, quick, 7b, 13b."],
  [
    '--model.vision.imageSize=70',
    'config: model.vision.imageSize is 70 and patchSize 12; imageSize must be a whole number of patches, such as 72.',
  ],
  [
    '--model.vision.numHeads=5',
    'config: model.vision.numHeads is 5 and hiddenSize 128; heads must divide it, such as 4.',
  ],
  [
    '--model.vision.selectLayer=-9',
    'config: model.vision.selectLayer is -9 and numLayers 4; it counts from the end of 5 hidden states, so at least -5.',
  ],
  [
    '--model.language.numHeads=3',
    'config: model.language.numHeads is 3 and hiddenSize 128; heads must divide it, such as 2.',
  ],
  [
    '--model.language.numKeyValueHeads=3',
    'config: model.language.numHeads is 4 and numKeyValueHeads 3; numHeads must be a whole number of groups of key-value heads, such as 3.',
  ],
  [
    '--model.language.numHeads=128',
    'config: model.language.numHeads is 128 and hiddenSize 128, so a head is 1 wide; rotary positions turn pairs, so it must be even.',
  ],
])('%s', (word, message) => {
  expect(set(word)).toBe(message);
});

test('a key below null is named as such', () => {
  expect(set('--model.visionLora=null', '--model.visionLora.r=4')).toBe(
    'config: model.visionLora.r cannot be set: model.visionLora is null or of another kind in this configuration.',
  );
});

test('arguments that are not overrides', () => {
  expect(() => parseOverrides(['steps'])).toThrow(
    "config: 'steps' is not an override; write --key=value, such as --train.lr=1e-4.",
  );
  expect(() => parseOverrides(['--seed'])).toThrow('config: --seed has no value; write --seed=value.');
});

test('invalid files', () => {
  expect(refuse({ file: join(folder, 'none.yaml') })).toBe('config: DIR/none.yaml not found.');
  expect(refuse({ file: file('b.json', '{ "train": ') })).toMatch(/^config: DIR\/b\.json: not JSON \(.*\)\.$/);
  expect(refuse({ file: file('b.yaml', 'train: [') })).toMatch(/^config: DIR\/b\.yaml: not YAML \(.*\)\.$/);
  expect(refuse({ file: file('c.yaml', '- 1') })).toBe(
    'config: DIR/c.yaml: it is not an object; write keys such as train: { lr: 1e-4 }.',
  );
  expect(refuse({ file: file('d.yaml', 'train: { batch_size: 3 }') })).toBe(
    'config: unknown key train.batch_size; did you mean train.stage1.batch?',
  );
  expect(() => checkConfig(3)).toThrow('config: the configuration is 3; it must be an object.');
  expect(refuse({ file: folder })).toBe('config: DIR: it is a folder (EISDIR); give a file.');
  expect(loadConfig({ file: file('bom.json', '\ufeff{ "seed": 2 }') }).seed).toBe(2);
  expect(loadConfig({ file: file('bom.yaml', '\ufeffseed: 2') }).seed).toBe(2);
});

test('editors get a JSON schema', () => {
  expect(configJsonSchema()).toMatchObject({
    type: 'object',
    additionalProperties: false,
    properties: { seed: { type: 'integer' } },
  });
});

test('threads for pictures: as many as fit by default, or a number', () => {
  const workers = (...overrides: [string, string][]) => loadConfig({ preset: 'small', overrides }).data.workers;
  expect([workers(), workers(['data.workers', '0']), workers(['data.workers', '2'])]).toEqual([null, 0, 2]);
});

test('label masks as published only if the published code has a procedure', () => {
  expect(RUN_PRESETS.small.train.labelMasks).toBe('messages');
  expect(set('--train.labelMasks=published')).toBe('accepted');
  expect(set('--train.labelMasks=published', '--model.template=v1')).toBe(
    "config: train.labelMasks is 'published', model.template is 'v1' and sqR 0.5; the published code draws self-questions only under v1_sq, so sqR must be 0.",
  );
  expect(set('--train.labelMasks=search')).toBe(
    'config: train.labelMasks is "search"; it must be one of messages, published.',
  );
});
