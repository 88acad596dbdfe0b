import { expect, test } from 'vitest';
import { encodeAdapter } from '../src/export/adapter-folder.ts';
import { adapterName, openAdapter, projectorTensors } from '../src/files/peft.ts';
import { loraOf } from '../src/lora.ts';
import { readAdapterConfig } from '../src/files/peft-config.ts';
import { joinBytes } from '../src/files/safetensors.ts';
import { memorySource, type ByteFolder, type NamedTensor } from '../src/files/tensor-file.ts';

const config = { r: 2, alpha: 4, dropout: 0.05, targets: ['q_proj'], base: 'tiny' };
const pair = (path: string, r = 2): NamedTensor[] => [
  { name: `${path}.lora_A.weight`, dtype: 'F32', shape: [r, 3], data: new Float32Array(r * 3).fill(1) },
  { name: `${path}.lora_B.weight`, dtype: 'F32', shape: [3, r], data: new Float32Array(r * 3) },
];
const q = 'model.layers.0.self_attn.q_proj';
const v = 'vision_model.encoder.layers.0.mlp.fc1';
const folder = (files: Record<string, Uint8Array[]>): ByteFolder => ({
  name: 'adapter',
  open: async (name) => (files[name] ? memorySource(name, joinBytes(files[name])) : undefined),
});

test("both of PEFT's namings of the tower's tensors lead to the tower's own names", () => {
  const tail = 'vision_model.encoder.layers.3.self_attn.out_proj.lora_B.weight';
  expect(adapterName(`base_model.model.model.vision_tower.vision_tower.${tail}`)).toBe(tail);
  expect(adapterName(`base_model.model.vision_tower.${tail}`)).toBe(tail);
  expect(adapterName('base_model.model.model.layers.31.mlp.down_proj.lora_A.default.weight')).toBe(
    'model.layers.31.mlp.down_proj.lora_A.weight',
  );
});

test.each(['main', 'Vit-lora'] as const)('what is written as %s can be read', async (kind) => {
  const ofKind = { ...config, targets: kind === 'main' ? ['q_proj'] : ['fc1'] };
  const files = encodeAdapter({ config: ofKind, language: kind === 'main' ? pair(q) : [], vision: pair(v) }, kind);
  const adapter = await openAdapter(folder(files));
  expect(adapter.config).toEqual(ofKind);
  expect(adapter.describesVision).toBe(kind === 'Vit-lora');
  expect([...adapter.language.keys()]).toEqual(kind === 'main' ? [`${q}.lora_A.weight`, `${q}.lora_B.weight`] : []);
  expect([...adapter.vision.keys()]).toEqual([`${v}.lora_A.weight`, `${v}.lora_B.weight`]);
  expect(JSON.parse(new TextDecoder().decode(files['adapter_config.json'][0]))).toMatchObject({
    peft_type: 'LORA',
    r: 2,
    lora_alpha: 4,
    target_modules: ofKind.targets,
    task_type: kind === 'main' ? 'CAUSAL_LM' : null,
  });
});

test("a main file's settings apply to the tower's pairs if they target them and have their rank", async () => {
  const describes = async (targets: string[], r: number) => {
    const files = encodeAdapter({ config: { ...config, targets }, language: pair(q), vision: pair(v, r) });
    return (await openAdapter(folder(files))).describesVision;
  };
  expect(await describes(['q_proj', 'fc1'], 2)).toBe(true);
  expect(await describes(['q_proj', 'fc1'], 3)).toBe(false);
  expect(await describes(['q_proj'], 2)).toBe(false);
});

test('an inconsistent adapter is refused in one sentence', async () => {
  const good = encodeAdapter({ config, language: pair(q) });
  const withConfig = (change: object) => ({
    ...good,
    'adapter_config.json': [
      new TextEncoder().encode(
        JSON.stringify({ ...JSON.parse(new TextDecoder().decode(good['adapter_config.json'][0])), ...change }),
      ),
    ],
  });
  const refused = async (files: Record<string, Uint8Array[]>, text: string) =>
    expect(openAdapter(folder(files))).rejects.toThrow(text);
  await refused(
    {},
    'peft: adapter has no adapter_config.json; an adapter folder holds it beside adapter_model.safetensors.',
  );
  await refused(
    { 'adapter_config.json': good['adapter_config.json'] },
    'peft: adapter has no adapter_model.safetensors; an adapter folder holds it beside adapter_config.json.',
  );
  await refused(
    withConfig({ peft_type: 'IA3' }),
    'peft: adapter/adapter_config.json: peft_type is "IA3"; only LORA can be read.',
  );
  await refused(
    withConfig({ r: 4 }),
    `peft: '${q}.lora_A.weight' in adapter_model.safetensors is [2, 3], rank 2, and adapter_config.json says r 4.`,
  );
  await refused(
    encodeAdapter({ config, language: pair(q).slice(0, 1) }),
    `peft: '${q}.lora_A.weight' in adapter_model.safetensors has no '${q}.lora_B.weight' beside it; LoRA tensors come in pairs.`,
  );
});

/** Settings as PEFT 0.21 writes them for plain LoRA. */
const today = {
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  kasa_config: null,
  layer_replication: null,
  loftq_config: {},
  lora_bias: false,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  peft_version: '0.21.2',
  qalora_group_size: 16,
  rank_pattern: {},
  target_parameters: null,
  trainable_token_indices: null,
  use_dora: false,
  use_rslora: false,
};
const plain = { peft_type: 'LORA', r: 2, lora_alpha: 4, target_modules: ['q_proj'] };
const FILE = 'a/adapter_config.json';

test('unsupported settings that change the arithmetic are refused by name and value; those of plain LoRA pass', () => {
  const read = (change: object) => readAdapterConfig({ ...plain, ...change }, FILE, []);
  expect(read(today)).toEqual({ r: 2, alpha: 4, dropout: 0, targets: ['q_proj'] });
  const refused: [object, string][] = [
    [
      { use_dora: true },
      'use_dora is true (DoRA scales each row of the sum by a magnitude); only plain LoRA can be read.',
    ],
    [{ lora_bias: true }, 'lora_bias is true (the branch has a bias); only plain LoRA can be read.'],
    [{ fan_in_fan_out: true }, 'fan_in_fan_out is true (the matrices are transposed); only plain LoRA can be read.'],
    [
      { modules_to_save: ['lm_head'] },
      'modules_to_save is ["lm_head"] (whole modules of the base are replaced); only plain LoRA can be read.',
    ],
    [{ bias: 'all' }, 'bias is "all"; only \'none\' can be read, adapters of the matrices alone.'],
    [
      { init_lora_weights: 'pissa' },
      'init_lora_weights is "pissa", which subtracts a part of the base\'s matrices; convert the adapter to plain LoRA with PEFT first.',
    ],
    [{ use_something: 3 }, 'use_something is 3; the setting is unknown, and so is what the adapter computes.'],
    [{ r: 0 }, 'r is 0; it must be a whole number above 0.'],
    [{ lora_alpha: '4' }, 'lora_alpha is "4"; it must be a number.'],
    [{ lora_dropout: 1 }, 'lora_dropout is 1; it must be a number from 0 up to 1.'],
    [{ use_rslora: 'yes' }, 'use_rslora is "yes"; it must be true or false.'],
    [{ target_modules: null }, 'target_modules is null; it must be a list of names, or a pattern.'],
    [{ alpha_pattern: { q_proj: '8' } }, 'alpha_pattern: \'q_proj\' is "8"; it must be a number.'],
    [
      { target_modules: '(a+)+b' },
      'target_modules: the pattern "(a+)+b" cannot be read (nested repetition); list the names.',
    ],
    [
      { target_modules: '(?P<n>q)_proj' },
      'target_modules: the pattern "(?P<n>q)_proj" cannot be read (a form that only Python has); list the names.',
    ],
  ];
  for (const [change, text] of refused) expect(() => read(change)).toThrow(`${FILE}: ${text}`);
  for (const json of [null, 3, []])
    expect(() => readAdapterConfig(json, FILE, [])).toThrow(
      `${FILE}: it holds ${JSON.stringify(json)}; it must be an object of PEFT's settings.`,
    );
});

const MODULES = [0, 1, 11].flatMap((i) =>
  ['self_attn.q_proj', 'mlp.up_proj'].map((name) => `model.layers.${i}.${name}`),
);

test('targets, layers and patterns select the linear layers that PEFT selects', () => {
  const targets = (change: object) => readAdapterConfig({ ...plain, ...change }, FILE, MODULES).targets;
  expect(targets({ target_modules: 'all-linear' })).toEqual(['q_proj', 'up_proj']);
  expect(targets({ target_modules: '.*layers\\.1\\..*_proj' })).toEqual([MODULES[2], MODULES[3]]);
  expect(targets({ layers_to_transform: [0, 11] })).toEqual([MODULES[0], MODULES[4]]);
  expect(targets({ layers_to_transform: 1, layers_pattern: 'layers' })).toEqual([MODULES[2]]);
  expect(targets({ layers_to_transform: 1, layers_pattern: ['blocks'] })).toEqual([]);
  expect(targets({ target_modules: ['q_proj', 'up_proj'], exclude_modules: ['layers.1.mlp.up_proj'] })).toEqual(
    MODULES.filter((name) => name !== MODULES[3]),
  );
  const config = readAdapterConfig(
    {
      ...plain,
      use_rslora: true,
      rank_pattern: { 'layers.1.self_attn.q_proj': 16 },
      alpha_pattern: { '^model.layers.11.*|up_proj': 9 },
    },
    FILE,
    MODULES,
  );
  const scaleOf = (module: string) => loraOf(module, { ...config, targets: ['q_proj', 'up_proj'] });
  expect(scaleOf(MODULES[0]!)).toMatchObject({ r: 2, scale: 4 / Math.SQRT2 });
  expect(scaleOf(MODULES[2]!)).toMatchObject({ r: 16, scale: 1 });
  expect(scaleOf(MODULES[3]!)).toMatchObject({ r: 2, scale: 9 / Math.SQRT2 });
  expect(scaleOf(MODULES[4]!)).toMatchObject({ r: 2, scale: 9 / Math.SQRT2 });
  expect(loraOf('model.layers.0.self_attn.q_proj_extra', config)).toBeNull();
});

test('tensors without a partner, of a layer that is not targeted, or repeated are refused', async () => {
  const open = (tensors: NamedTensor[]) => openAdapter(folder(encodeAdapter({ config, language: tensors })));
  const extra = (name: string): NamedTensor => ({ name, dtype: 'F32', shape: [3], data: new Float32Array(3) });
  for (const name of [
    `${q}.lora_magnitude_vector`,
    `${q}.bias`,
    'model.embed_tokens.lora_embedding_A',
    'lm_head.weight',
  ])
    await expect(open([...pair(q), extra(name)])).rejects.toThrow(
      `peft: 'base_model.model.${name}' in adapter_model.safetensors is not part of a pair (1 such); only lora_A.weight and lora_B.weight of linear layers can be read.`,
    );
  await expect(open([...pair(q), ...pair('lm_head')])).rejects.toThrow(
    "peft: 'lm_head.lora_A.weight' in adapter_model.safetensors belongs to a linear layer that adapter_config.json does not target (target_modules q_proj); both must name the same layers.",
  );
  const [a, b] = pair(q);
  await expect(open([a!, b!, { ...a!, name: `${q}.lora_A.other.weight` }])).rejects.toThrow(
    `peft: '${q}.lora_A.weight' appears twice in adapter_model.safetensors; a file holds one adapter.`,
  );
});

test('the projector is found under each of its names', () => {
  const stored = { dtype: 'F32', shape: [1], file: 'f', read: async () => new Uint8Array(4) } as const;
  const names = ['model.mm_projector.c.weight', 'base_model.model.model.mm_projector.mlp.0.bias', 'model.layers.0.x'];
  expect([...projectorTensors(new Map(names.map((name) => [name, stored]))).keys()]).toEqual([
    'c.weight',
    'mlp.0.bias',
  ]);
});
