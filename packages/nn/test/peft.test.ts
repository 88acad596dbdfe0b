import { expect, test } from 'vitest';
import { adapterName, encodeAdapter, openAdapter, projectorTensors } from '../src/files/peft.ts';
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

test("both of PEFT's ways to name the tower's tensors lead to the tower's own names", () => {
  const tail = 'vision_model.encoder.layers.3.self_attn.out_proj.lora_B.weight';
  expect(adapterName(`base_model.model.model.vision_tower.vision_tower.${tail}`)).toBe(tail);
  expect(adapterName(`base_model.model.vision_tower.${tail}`)).toBe(tail);
  expect(adapterName('base_model.model.model.layers.31.mlp.down_proj.lora_A.default.weight')).toBe(
    'model.layers.31.mlp.down_proj.lora_A.weight',
  );
});

test.each(['main', 'Vit-lora'] as const)('what is written as %s is read back', async (kind) => {
  const files = encodeAdapter({ config, language: kind === 'main' ? pair(q) : [], vision: pair(v) }, kind);
  const adapter = await openAdapter(folder(files));
  expect(adapter.config).toEqual(config);
  expect([...adapter.language.keys()]).toEqual(kind === 'main' ? [`${q}.lora_A.weight`, `${q}.lora_B.weight`] : []);
  expect([...adapter.vision.keys()]).toEqual([`${v}.lora_A.weight`, `${v}.lora_B.weight`]);
  expect(JSON.parse(new TextDecoder().decode(files['adapter_config.json'][0]))).toMatchObject({
    peft_type: 'LORA',
    r: 2,
    lora_alpha: 4,
    target_modules: ['q_proj'],
    task_type: kind === 'main' ? 'CAUSAL_LM' : null,
  });
});

test('an adapter that cannot be right is refused in one sentence', async () => {
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

test('the projector is found under each of its names', () => {
  const stored = { dtype: 'F32', shape: [1], file: 'f', read: async () => new Uint8Array(4) } as const;
  const names = ['model.mm_projector.c.weight', 'base_model.model.model.mm_projector.mlp.0.bias', 'model.layers.0.x'];
  expect([...projectorTensors(new Map(names.map((name) => [name, stored]))).keys()]).toEqual([
    'c.weight',
    'mlp.0.bias',
  ]);
});
