/** `curio convert`: a quantised folder opens with the very bits that quantising while opening gives. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGpu } from '@curio/engine';
import type { Gpu, Parameter } from '@curio/engine';
import { mergedFolder, quantisedFolder } from '@curio/model';
import { dtypeOf, openSafetensors, QUANTISED_STORAGES } from '@curio/nn';
import type { QuantisedStorage } from '@curio/nn';
import { writeNewFolder } from '../src/disk/new-folder.ts';
import { fileSource, folderSource } from '../src/run/files.ts';
import { findModel, type ModelFolders, modelFiles } from '../src/train/folders.ts';
import { openForRun } from '../src/train/open.ts';
import { runCurio } from './curio.ts';
import { edit, folders } from './published.ts';
import { smallFolders } from './small-folders.ts';

let gpu: Gpu;
const scratch = mkdtempSync(join(tmpdir(), 'curio-convert-'));
const merged = join(scratch, 'merged');
beforeAll(async () => {
  gpu = await openGpu();
  const dry = await openGpu({ dryRun: true });
  const found = await findModel(folders('transformers-5'));
  const { files } = await mergedFolder(found, modelFiles(found.folders), { gpu, dry, storage: 'bf16' });
  await writeNewFolder(merged, files);
  dry.close();
});
afterAll(() => gpu.close());

async function open(from: ModelFolders, storage?: QuantisedStorage) {
  const found = await findModel(from);
  const base = { ...found.folders, storage: storage ?? found.storage };
  const { baseProjector } = found;
  return { found, ...(await openForRun(gpu, { model: found.model, base, seed: 1 }, undefined, { baseProjector })) };
}

const bitsOf = async (parameter: Parameter): Promise<Uint8Array> => {
  const values = await parameter.read();
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
};

/** The same names, words, scales, blocks of scales and factors of columns. */
async function expectSame(want: readonly Parameter[], got: readonly Parameter[]): Promise<void> {
  expect(got.length).toBe(want.length);
  for (const [i, parameter] of want.entries()) {
    const other = got[i]!;
    expect([other.name, other.dtype]).toEqual([parameter.name, parameter.dtype]);
    expect(await bitsOf(other), other.name).toEqual(await bitsOf(parameter));
    expect(other.quantisation?.groupSize).toBe(parameter.quantisation?.groupSize);
    for (const part of ['scales', 'blocks', 'columns'] as const) {
      const [a, b] = [other, parameter].map(({ quantisation }) => quantisation?.[part]?.read());
      expect(await a, `${part} of ${other.name}`).toEqual(await b);
    }
  }
}

test('nf4-dq: scales of matrices wide enough are quantised in the file as they are while opening', async () => {
  const { base, good: adapter } = smallFolders(scratch);
  const out = join(scratch, 'base-dq');
  const source = { language: folderSource(base.model), vision: folderSource(base.vision) };
  await writeNewFolder(out, await quantisedFolder(source, { gpu, storage: 'nf4-dq' }));
  const [want, got] = [
    await open({ ...base, adapter }, 'nf4-dq'),
    await open({ model: out, vision: join(out, 'vision_tower'), adapter }),
  ];
  await expectSame(want.model.parameters, got.model.parameters);
  const nested = got.model.parameters.filter(({ quantisation }) => quantisation?.blocks);
  expect(nested.map(({ name }) => name)).toEqual(
    [0, 1, 2].map((i) => `vision.vision_model.encoder.layers.${i}.mlp.fc2.weight`),
  );
});

test.each(QUANTISED_STORAGES)(
  '%s: every parameter and every scale has the bits of quantising while opening',
  async (storage) => {
    const out = join(scratch, storage);
    const source = { language: folderSource(merged), vision: folderSource(join(merged, 'vision_tower')) };
    await writeNewFolder(out, await quantisedFolder(source, { gpu, storage, mostBytes: 20_000 }));
    expect(readdirSync(out).filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(1);
    const [want, got] = [await open({ model: merged }, storage), await open({ model: out })];
    expect(got.found.storage).toBe(storage);
    expect(got.report.unexpected).toEqual([]);
    expect(got.report.zero).toEqual(want.report.zero);
    const packed = want.model.parameters.filter(({ dtype }) => dtype === dtypeOf(storage));
    expect(packed.length).toBeGreaterThan(25);
    await expectSame(want.model.parameters, got.model.parameters);
    const shard = readdirSync(out).find((name) => name.endsWith('.safetensors'))!;
    const { metadata } = await openSafetensors(fileSource(join(out, shard)));
    expect(metadata).toEqual({ format: 'curio-quantised', version: '2', storage });
  },
  120_000,
);

test('what a quantised folder cannot be used for is refused in one sentence', async () => {
  const out = join(scratch, 'refused');
  cpSync(join(scratch, 'nf4'), out, { recursive: true });
  await expect(open({ model: out }, 'int8')).rejects.toThrow(
    /^weights: 'model\.embed_tokens\.weight' in model-\S+ is stored as nf4 and int8 is asked for; open it as nf4, or take the files that it was converted from\.$/,
  );
  const source = { language: folderSource(out), vision: null };
  await expect(quantisedFolder(source, { gpu, storage: 'nf4' })).rejects.toThrow(
    `convert: ${out}/config.json is quantised already; convert the model that it was made from.`,
  );
  edit(join(out, 'config.json'), { quantization_config: { quant_method: 'gptq' } });
  await expect(open({ model: out })).rejects.toThrow(
    /config\.json: quantization_config is \{"quant_method":"gptq"\}; only \{"quant_method":"curio","storage":"int8"\} or .* is supported\.$/,
  );
});

test('on the command line, and a language model on its own', async () => {
  const { model } = folders('transformers-4.31');
  const alone = join(scratch, 'alone');
  cpSync(model, alone, { recursive: true });
  const config = JSON.parse(readFileSync(join(alone, 'config.json'), 'utf8'));
  edit(join(alone, 'config.json'), { mm_vision_tower: undefined });
  expect(config.mm_vision_tower).toBe('org/tower');
  const { stdout, code } = await runCurio(scratch, [
    'convert',
    '--model',
    'alone',
    '--out',
    'small',
    '--quantise',
    'nf4',
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^convert: small holds [\d.]+ kB in \d files, matrices as nf4; the model names no image tower, so there is none\.\n$/,
  );
  expect(readdirSync(join(scratch, 'small'))).toContain('model.safetensors');
  const whole = await runCurio(scratch, ['convert', '--model', 'merged', '--out', 'whole', '--quantise', 'int8']);
  expect([whole.code, whole.stdout]).toEqual([0, expect.stringMatching(/matrices as int8\.\n$/)]);
  expect(JSON.parse(readFileSync(join(scratch, 'whole/config.json'), 'utf8'))).toMatchObject({
    mm_vision_tower: 'vision_tower',
    quantization_config: { quant_method: 'curio', storage: 'int8' },
  });
  rmSync(scratch, { recursive: true });
});
