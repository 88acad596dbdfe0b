/**
 * Folders as published, opened by name alone: small random models that PyTorch, transformers and PEFT wrote, of the
 * versions that the published code pins and of today. packages/testing/python/published_folders.py makes them.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noGrad, openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { IMAGE_TOKEN, imageTensor } from '@curio/model';
import { RunFolder } from '../src/run/run-folder.ts';
import { findModel } from '../src/train/folders.ts';
import type { ModelFolders } from '../src/train/folders.ts';
import { openForRun } from '../src/train/open.ts';
import { parity } from '@curio/testing/parity';
import { copyOf, edit, expected, folders, LAYOUTS, LOGITS, logitsOf, ORACLE, openNamed } from './published.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const open = (named: ModelFolders, storage?: 'f32') => openNamed(gpu, named, storage);

test.each(LAYOUTS)('%s: features and scores are those of PyTorch, and every tensor is reported', async (layout) => {
  const golden = expected(layout);
  expect(golden.ints('ids')).toContain(IMAGE_TOKEN);
  const opened = await open(folders(layout), 'f32');
  const { image, logits } = await logitsOf(gpu, opened, golden);
  const seen = parity('published folder: features, logits', ORACLE[layout]);
  seen.close(image, golden.floats('image'), 1e-5, 'image', 0);
  seen.close(logits, golden.floats('logits'), LOGITS, 'logits', 0);
  const old = layout === 'transformers-4.31';
  const at = `${layout}/`;
  expect(opened.lines).toEqual([
    `language base: ${at}language: 21 tensors used; 4 of a foreign projector dropped${old ? '; 2 rotary buffers not needed' : ''}`,
    `image tower: ${at}tower: 37 tensors used; 18 after the selected block or of the text tower not needed`,
    `language LoRA: ${at}adapter: 28 tensors used; r 8, alpha 16${old ? '' : ' over √r, others by pattern'}`,
    `image LoRA: ${at}adapter/Vit-lora: 24 tensors used; r 4, alpha 8; 12 of blocks that never run`,
    `projector: ${at}adapter: 14 tensors used; cluster`,
    `base: the adapter was trained on ./checkpoints/tiny-share4v-base and is opened on ${at}language; different weights give different answers`,
    `${at}adapter: 36 tensors of the image tower's LoRA repeat those of Vit-lora; not read`,
    `tokenizer: <pad> has no row in the model's embedding and is tokenised as text`,
  ]);
});

test.each(LAYOUTS)('%s: a base in the type of its files gives the same scores', async (layout) => {
  const golden = expected(layout);
  const opened = await open(folders(layout));
  expect(opened.found.storage).toBe('f16');
  const { logits } = await logitsOf(gpu, opened, golden);
  parity('published folder in f16: logits', ORACLE[layout]).close(logits, golden.floats('logits'), LOGITS, 'logits', 0);
});

test('the files decide, not the names of the folders', async () => {
  const { found } = await open(folders('transformers-4.31'), 'f32');
  expect(found).toMatchObject({ imageAspect: 'pad', saysTemplate: false, baseProjector: false });
  expect(found.model.projector).toEqual({ kind: 'cluster', numPrototypes: 256, iterations: 2 });
  expect(found.model.languageLora).toMatchObject({ r: 8, alpha: 16, dropout: 0.05 });
  expect(found.model.visionLora).toMatchObject({ r: 4, alpha: 8, dropout: 0.2 });
});

test("without Vit-lora the tower's pairs of the main file are left out, as in the published code, and that is reported", async () => {
  const named = copyOf('transformers-4.31');
  rmSync(join(named.adapter, 'Vit-lora'), { recursive: true });
  const { lines, found } = await open(named, 'f32');
  expect(found.model.visionLora).toBeNull();
  expect(lines).toContain(
    "transformers-4.31/adapter: 36 tensors of the image tower's LoRA are left out: their rank is not adapter_config.json's r 8, and no Vit-lora/adapter_config.json gives their alpha",
  );
});

test('the folder of stage 1 opens: only a projector', async () => {
  const named = copyOf('transformers-4.31');
  cpSync(join(named.adapter, 'non_lora_trainables.bin'), join(named.adapter, 'mm_projector.bin'));
  for (const name of ['non_lora_trainables.bin', 'adapter_config.json', 'adapter_model.bin', 'Vit-lora'])
    rmSync(join(named.adapter, name), { recursive: true });
  const { lines, found } = await open(named, 'f32');
  expect([found.model.languageLora, found.model.visionLora]).toEqual([null, null]);
  expect(lines[2]).toBe('projector: transformers-4.31/adapter: 14 tensors used; cluster');
});

test('a merged model brings its own projector', async () => {
  const golden = expected('transformers-5');
  const { lines, found, ...opened } = await open({ model: folders('transformers-5').model }, 'f32');
  const pixels = imageTensor(opened.model, golden.floats('pixels') as Float32Array<ArrayBuffer>);
  const rows = await gpu.scope(() => noGrad(() => opened.model.encodeImages(pixels).read()));
  parity('projector of a merged model', ORACLE['transformers-5']).close(
    rows,
    golden.floats('merged'),
    1e-5,
    'merged',
    0,
  );
  expect(found).toMatchObject({
    baseProjector: true,
    model: { projector: { kind: 'mlp2x_gelu' }, languageLora: null },
  });
  expect(lines.slice(0, 3)).toEqual([
    'language base: transformers-5/language: 21 tensors used',
    'image tower: transformers-5/tower: 37 tensors used; 18 after the selected block or of the text tower not needed',
    'projector: transformers-5/language: 4 tensors used; mlp2x_gelu',
  ]);
});

test('a run of an earlier version, without config.json beside its adapter, opens as before', async () => {
  const trained = resolve(import.meta.dirname, '../../demo/trained');
  const folder = mkdtempSync(join(tmpdir(), 'curio-old-run-'));
  cpSync(join(trained, 'adapter'), join(folder, 'adapter'), { recursive: true });
  cpSync(join(trained, 'config.json'), join(folder, 'config.json'));
  rmSync(join(folder, 'adapter/config.json'), { force: true });
  const lines: string[] = [];
  const { report } = await openForRun(gpu, RunFolder.open(folder).readConfig(), join(folder, 'adapter'), {
    onReport: (line) => lines.push(line.replaceAll(`${folder}/`, '').replaceAll(/\/\S*\/(?=apps)/g, '')),
  });
  expect([report.initialised, report.unexpected]).toEqual([[], []]);
  expect(lines).toEqual([
    'language base: apps/trainer/base/language: 39 tensors used',
    expect.stringMatching(/^image tower: apps\/trainer\/base\/vision: 53 tensors used; \d+ after the selected block/),
    'language LoRA: adapter: 56 tensors used; r 16, alpha 32',
    'image LoRA: adapter/Vit-lora: 36 tensors used; r 8, alpha 16',
    'projector: adapter: 14 tensors used; cluster',
  ]);
});

test('folders that do not belong together, or lack a part, are refused in one sentence', async () => {
  const refused = async (change: (named: ModelFolders & { adapter: string }) => void, text: string | RegExp) => {
    const named = copyOf('transformers-4.31');
    change(named);
    await expect(open(named)).rejects.toThrow(text);
  };
  await refused(
    ({ adapter }) => edit(join(adapter, 'config.json'), { rms_norm_eps: 1e-6 }),
    /^config: .*adapter\/config\.json says rmsNormEps 0\.000001 and .*language\/config\.json 0\.00001; the adapter was trained on another base\.$/,
  );
  await refused(
    ({ adapter }) => edit(join(adapter, 'config.json'), { mm_projector_type: 'linear' }),
    /^.*adapter\/config\.json: mm_projector_type is "linear"; known values are "cluster", "paper", "mlp2x_gelu"\.$/,
  );
  await refused(
    ({ adapter }) => edit(join(adapter, 'config.json'), { mm_use_im_start_end: true }),
    /mm_use_im_start_end is true; only false is supported\.$/,
  );
  await refused(
    ({ adapter }) => edit(join(adapter, 'config.json'), { mm_vision_tower: 'checkpoints/org/elsewhere' }),
    /^model: .*adapter\/config\.json names the image tower 'checkpoints\/org\/elsewhere', and there is no config\.json in checkpoints\/org\/elsewhere, .*; give its folder with --vision\.$/,
  );
  await refused(
    ({ adapter }) => rmSync(join(adapter, 'non_lora_trainables.bin')),
    /^adapter: .*adapter has no non_lora_trainables\.safetensors or \.bin; the projector, which was trained with the adapter, is stored there\.$/,
  );
  await refused(
    ({ adapter }) => rmSync(join(adapter, 'config.json')),
    /^config: .*adapter has no config\.json, which describes the weights; open a run of curio train with --run\.$/,
  );
  await refused(
    ({ adapter }) => edit(join(adapter, 'adapter_config.json'), { use_dora: true }),
    /adapter_config\.json: use_dora is true \(DoRA scales each row of the sum by a magnitude\); only plain LoRA can be read\.$/,
  );
  await expect(findModel({ model: 'nowhere' })).rejects.toThrow(
    'model: --model nowhere does not exist; give a folder on this machine, or owner/name on a hub.',
  );
});
