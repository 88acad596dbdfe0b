/** Adapters beside the configuration that a run names: both must say the same, and nothing is left out or drawn. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGpu, WeightError } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { decodeFloats, encodeSafetensors, joinBytes, memorySource, openSafetensors, Weights } from '@curio/nn';
import type { ByteFolder, NamedTensor } from '@curio/nn';
import { openModel } from '../src/checkpoint.ts';
import { encodeTrained } from '../src/encode-trained.ts';
import { LANGUAGE_TARGETS, VISION_TARGETS } from '../src/config.ts';
import type { ModelConfig } from '../src/config.ts';
import { clipVisionToHf, llamaToHf } from '../src/files/hf-config.ts';
import { readLlavaConfig } from '../src/files/llava-config.ts';
import { quantisedFolder } from '../src/files/quantised-folder.ts';
import { SqLlava } from '../src/sq-llava.ts';

const size = { hiddenSize: 16, intermediateSize: 24, numLayers: 2, numHeads: 2 };
const config: ModelConfig = {
  vision: { ...size, imageSize: 8, patchSize: 4, layerNormEps: 1e-5, selectLayer: -2 },
  projector: { kind: 'cluster', numPrototypes: 2, iterations: 2 },
  language: { ...size, vocabSize: 12, numKeyValueHeads: 2, rmsNormEps: 1e-5, ropeTheta: 10000, maxPositions: 32 },
  languageLora: { r: 4, alpha: 8, dropout: 0, targets: LANGUAGE_TARGETS },
  visionLora: { r: 2, alpha: 4, dropout: 0, targets: VISION_TARGETS },
  vusr: 'role',
  template: 'scenes',
  systemText: null,
};

type Files = Record<string, Uint8Array>;
const folder = (name: string, files: Files): ByteFolder => ({
  name,
  open: async (file) => (files[file] ? memorySource(file, files[file]) : undefined),
});

let gpu: Gpu;
let base: { language: ByteFolder; vision: ByteFolder };
let trained: Files;
beforeAll(async () => {
  gpu = await openGpu();
  const model = new SqLlava(new Weights(gpu, { seed: 5 }), config);
  const scope = async (name: string): Promise<ByteFolder> => {
    const tensors = model.parameters.filter((p) => p.name.startsWith(`${name}.`) && !p.name.includes('lora_'));
    const named = await Promise.all(
      tensors.map(async (p) => ({
        name: p.name.slice(name.length + 1),
        dtype: 'F32' as const,
        shape: p.shape,
        data: (await p.read()) as Float32Array,
      })),
    );
    return folder(name, { 'model.safetensors': joinBytes(encodeSafetensors(named)) });
  };
  base = { language: await scope('language'), vision: await scope('vision') };
  const files = await encodeTrained(model, { language: 'l', vision: 'v' });
  trained = Object.fromEntries(Object.entries(files).map(([name, chunks]) => [name, joinBytes(chunks)]));
});
afterAll(() => gpu.close());

const edited = (file: Uint8Array, change: object): Uint8Array =>
  new TextEncoder().encode(JSON.stringify({ ...JSON.parse(new TextDecoder().decode(file)), ...change }));
const withSettings = (change: object): ByteFolder =>
  folder('adapter', { ...trained, 'adapter_config.json': edited(trained['adapter_config.json']!, change) });
const vitLora = (): ByteFolder =>
  folder(
    'adapter/Vit-lora',
    Object.fromEntries(Object.entries(trained).map(([name, bytes]) => [name.replace('Vit-lora/', ''), bytes])),
  );

/** A file of the trained folder with its tensors under other names or left out, and more of them. */
async function rewritten(
  file: string,
  rename: (name: string) => string | null,
  more: readonly NamedTensor[] = [],
): Promise<Uint8Array> {
  const { tensors } = await openSafetensors(memorySource(file, trained[file]!));
  const kept = [...tensors].flatMap(([name, tensor]) => {
    const next = rename(name);
    return next === null ? [] : [{ name: next, tensor }];
  });
  const copied = kept.map(async ({ name, tensor }) => ({
    name,
    dtype: 'F32' as const,
    shape: tensor.shape,
    data: decodeFloats(await tensor.read(), tensor.dtype) as Float32Array,
  }));
  return joinBytes(encodeSafetensors([...(await Promise.all(copied)), ...more]));
}

test('a trained model opens again, and every tensor of it is used', async () => {
  const { report } = await openModel(gpu, config, { ...base, adapter: withSettings({}), visionAdapter: vitLora() });
  expect(report.initialised).toEqual([]);
  expect(report.unexpected).toEqual([]);
  expect(report.lines).toEqual([
    'language base: language: 21 tensors used',
    'image tower: vision: 21 tensors used',
    // B is zero before training.
    'language LoRA: adapter: 28 tensors used; r 4, alpha 8; all zero: no effect',
    'image LoRA: adapter/Vit-lora: 12 tensors used; r 2, alpha 4; all zero: no effect',
    'projector: adapter: 14 tensors used; cluster',
    'base: the adapter was trained on l and is opened on language; different weights give different answers',
    'language has no config.json; it is assumed to match the configuration',
    'vision has no config.json; it is assumed to match the configuration',
  ]);
});

test('without an adapter the report says what is new and what is initialised at random', async () => {
  const { report } = await openModel(gpu, { ...config, vusr: 'token' }, base);
  expect(report.lines.slice(2, 6)).toEqual([
    'language LoRA: new, has no effect until it is trained',
    'image LoRA: new, has no effect until it is trained',
    'projector: cluster, 14 tensors initialised at random; stage 1 trains them',
    'new words: the mean of the known rows',
  ]);
});

test.each([
  [{ use_rslora: true }, 'rank 4 scaled by 4', 'rank 4 scaled by 2'],
  [{ lora_alpha: 4 }, 'rank 4 scaled by 1', 'rank 4 scaled by 2'],
  [{ alpha_pattern: { q_proj: 2 } }, 'rank 4 scaled by 0.5', 'rank 4 scaled by 2'],
])('an adapter with %o is not opened with another scale', async (change, says, built) => {
  await expect(openModel(gpu, config, { ...base, adapter: withSettings(change) })).rejects.toThrow(
    new RegExp(
      `^adapter: adapter/adapter_config\\.json gives 'model\\.layers\\.0\\.\\w+\\.\\w+' a branch of ${says} and the model's configuration a branch of ${built}; both must say the same\\.$`,
    ),
  );
});

test('branches, a projector or a tower adapter that one side lacks are refused', async () => {
  const open = (change: Partial<ModelConfig>, files: object) =>
    openModel(gpu, { ...config, ...change }, { ...base, ...files });
  const q = { ...config.languageLora!, targets: ['q_proj'] };
  await expect(open({ languageLora: q }, { adapter: withSettings({}) })).rejects.toThrow(
    "and the model's configuration no branch; both must say the same.",
  );
  await expect(open({ visionLora: null }, { visionAdapter: vitLora() })).rejects.toThrow(
    "and the model's configuration no branch; both must say the same.",
  );
  const { 'non_lora_trainables.safetensors': _, ...lost } = trained;
  await expect(open({}, { adapter: folder('adapter', lost) })).rejects.toThrow(
    'adapter: adapter has no non_lora_trainables.safetensors or .bin; the projector, which was trained with the adapter, is stored there.',
  );
  const spare = {
    name: 'base_model.model.extra_head',
    dtype: 'F32' as const,
    shape: [1, 16],
    data: new Float32Array(16),
  };
  const more = await rewritten('non_lora_trainables.safetensors', (name) => name, [spare]);
  await expect(
    open({}, { adapter: folder('adapter', { ...trained, 'non_lora_trainables.safetensors': more }) }),
  ).rejects.toThrow(
    "weights: 'base_model.model.extra_head' in non_lora_trainables.safetensors has no place in the model; the file belongs to another configuration.",
  );
});

test('an adapter that lacks a pair, a projector with strange tensors and a Vit-lora of other pairs are refused', async () => {
  const adapter = async (file: string, rename: (name: string) => string | null): Promise<ByteFolder> =>
    folder('adapter', { ...trained, [file]: await rewritten(file, rename) });
  const fewer = await adapter('adapter_model.safetensors', (name) =>
    name.includes('layers.1.mlp.up_proj') ? null : name,
  );
  await expect(openModel(gpu, config, { ...base, adapter: fewer })).rejects.toThrow(
    "adapter: adapter has no 'language.model.layers.1.mlp.up_proj.lora_A.weight'; it belongs to another configuration (targets or layers).",
  );
  const tower = 'base_model.model.model.vision_tower.vision_tower.vision_model.post_layernorm.bias';
  const strange = await adapter('non_lora_trainables.safetensors', (name) =>
    name.endsWith('ln_1.bias') ? tower : name,
  );
  await expect(openModel(gpu, config, { ...base, adapter: strange })).rejects.toThrow(
    `adapter: '${tower}' in non_lora_trainables.safetensors is not a tensor of the projector; what else was trained cannot be put anywhere.`,
  );
  await expect(
    openModel(gpu, config, { ...base, adapter: withSettings({}), visionAdapter: withSettings({}) }),
  ).rejects.toThrow(
    "adapter: adapter holds 'model.layers.0.mlp.down_proj.lora_A.weight'; a Vit-lora folder has pairs of the image tower alone.",
  );
});

test('a base whose config.json contradicts the configuration is refused, with both values', async () => {
  const beside = (source: ByteFolder, json: object): ByteFolder => ({
    name: source.name,
    open: async (file) =>
      file === 'config.json' ? memorySource(file, new TextEncoder().encode(JSON.stringify(json))) : source.open(file),
  });
  const [llama, clip] = [llamaToHf(config.language), clipVisionToHf(config.vision)];
  const open = (language: object, vision: object) =>
    openModel(gpu, config, { language: beside(base.language, language), vision: beside(base.vision, vision) });
  await open(llama, clip);
  await expect(open({ ...llama, rms_norm_eps: 0.1 }, clip)).rejects.toThrow(
    'config: model.language.rmsNormEps is 0.00001 and language/config.json says 0.1; the weights were made for the latter.',
  );
  await expect(open({ ...llama, num_attention_heads: 4, num_key_value_heads: 4 }, clip)).rejects.toThrow(
    'config: model.language.numHeads is 2 and language/config.json says 4; the weights were made for the latter.',
  );
  await expect(open(llama, { ...clip, layer_norm_eps: 1e-6 })).rejects.toThrow(
    'config: model.vision.layerNormEps is 0.00001 and vision/config.json says 0.000001; the weights were made for the latter.',
  );
});

test('a projector whose config.json contradicts the configuration is refused, with both values', async () => {
  const projector = { kind: 'cluster', numPrototypes: 2, iterations: 2 } as const;
  const open = (changed: ModelConfig['projector'], adapter = folder('adapter', trained)) =>
    openModel(gpu, { ...config, projector: changed }, { ...base, adapter, visionAdapter: vitLora() });
  await expect(open({ ...projector, kind: 'paper' })).rejects.toThrow(
    'config: model.projector.kind is "paper" and adapter/config.json says "cluster"; the weights were made for the latter.',
  );
  await expect(open({ ...projector, iterations: 3 })).rejects.toThrow(
    'config: model.projector.iterations is 3 and adapter/config.json says 2; the weights were made for the latter.',
  );
  await expect(open({ kind: 'mlp2x_gelu' })).rejects.toThrow(
    'config: model.projector.kind is "mlp2x_gelu" and adapter',
  );
  // Without a config.json beside it the tensors decide.
  const { 'config.json': _, ...silent } = trained;
  await expect(open({ ...projector, kind: 'paper' }, folder('adapter', silent))).rejects.toThrow(WeightError);
});

test('the projector of the paper’s equations is saved and opens again from what the files say', async () => {
  const projector = { kind: 'paper', numPrototypes: 3, iterations: 2 } as const;
  const model = new SqLlava(new Weights(gpu, { seed: 6 }), { ...config, projector });
  const files = await encodeTrained(model, { language: 'l', vision: 'v' });
  const saved: Files = Object.fromEntries(Object.entries(files).map(([name, chunks]) => [name, joinBytes(chunks)]));
  const json = JSON.parse(new TextDecoder().decode(saved['config.json']));
  expect(readLlavaConfig(json, 'adapter/config.json', 16).projector).toEqual(projector);
  const adapter = folder('adapter', saved);
  const opened = await openModel(gpu, { ...config, projector }, { ...base, adapter });
  for (const name of ['projector.centres', 'projector.z.weight', 'projector.mlp.2.bias']) {
    const [one, other] = [model, opened.model].map(({ parameters }) => parameters.find((p) => p.name === name)!);
    expect(await other!.read()).toEqual(await one!.read());
  }
  await expect(openModel(gpu, config, { ...base, adapter })).rejects.toThrow(
    'config: model.projector.kind is "cluster" and adapter/config.json says "paper"',
  );
});

test('folders quantised once open with the bits of quantising while opening', async () => {
  const files: Files = {};
  const withConfig = (from: ByteFolder, json: object): ByteFolder => ({
    name: from.name,
    open: async (name) =>
      name === 'config.json' ? memorySource(name, new TextEncoder().encode(JSON.stringify(json))) : from.open(name),
  });
  const source = {
    language: withConfig(base.language, llamaToHf(config.language)),
    vision: withConfig(base.vision, clipVisionToHf(config.vision)),
  };
  for (const { name, chunks } of await quantisedFolder(source, { gpu, storage: 'int4' })) {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks()) parts.push(chunk);
    files[name] = joinBytes(parts);
  }
  const tower: ByteFolder = { name: 'tower', open: (name) => folder('q', files).open(`vision_tower/${name}`) };
  const once = await openModel(gpu, config, { language: folder('q', files), vision: tower }, { storage: 'int4' });
  const direct = await openModel(gpu, config, base, { storage: 'int4' });
  expect(direct.model.parameters.filter(({ dtype }) => dtype === 'int4').length).toBeGreaterThan(10);
  for (const [i, want] of direct.model.parameters.entries()) {
    const got = once.model.parameters[i]!;
    expect(await got.read(), got.name).toEqual(await want.read());
    const scales = [got, want].map(({ quantisation }) => quantisation?.scales.read());
    expect(await scales[0]).toEqual(await scales[1]);
  }
});
