/** What a run leaves as `.bin`, a run that starts from a projector alone, and a `.bin` of 4 GiB. */
import { closeSync, existsSync, ftruncateSync, mkdtempSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WeightError } from '@curio/engine';
import { decodeFloats, openTensorFile, projectorTensors } from '@curio/nn';
import { fileSource } from '../src/run/files.ts';
import { openGolden } from '../../../packages/testing/src/golden.ts';
import { runCurio } from './curio.ts';
import { folders, writeSamples } from './published.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-formats-'));
const named = folders('transformers-5');
const data = ['--data.images=.', '--data.stage1=data.json', '--data.stage2=data.json'];

test('--format bin writes the published files, and --projector starts a run from one of them', async () => {
  await writeSamples(folder);
  const first = await runCurio(folder, [
    ...['train', '--model', named.model, '--adapter', named.adapter, '--name', 'first', '--format', 'bin', ...data],
    ...['--train.stage1.steps=1', '--train.stage1.batch=2', '--train.stage1.accumulate=1', '--train.stage2.steps=0'],
  ]);
  expect(first.code, first.stderr).toBe(0);
  const run = join(folder, 'runs/first');
  expect(readdirSync(join(run, 'stage1')).sort()).toEqual(['config.json', 'mm_projector.bin']);
  expect(readdirSync(join(run, 'adapter'), { recursive: true }).map(String).sort()).toEqual(
    [
      'Vit-lora',
      'Vit-lora/adapter_config.json',
      'Vit-lora/adapter_model.bin',
      'adapter_config.json',
      'adapter_model.bin',
      'config.json',
      'non_lora_trainables.bin',
    ].sort(),
  );
  const projector = async (path: string) => projectorTensors(await openTensorFile(fileSource(path)));
  const learnt = await projector(join(run, 'stage1/mm_projector.bin'));
  expect(learnt.size).toBe(14);
  expect([...(await openTensorFile(fileSource(join(run, 'stage1/mm_projector.bin')))).keys()]).toContain(
    'model.mm_projector.mlp.2.weight',
  );

  const start = [
    'train',
    '--model',
    named.model,
    '--vision',
    join(named.adapter, '../tower'),
    '--name',
    'second',
    ...data,
  ];
  const lora = ['--model.languageLora.r=4', '--model.visionLora.r=4'];
  const second = await runCurio(folder, [
    ...[...start, '--projector', 'runs/first/stage1/mm_projector.bin', ...lora],
    ...['--train.stage1.steps=0', '--train.stage2.steps=0'],
  ]);
  expect(second.code, second.stderr).toBe(0);
  expect(second.stdout).toContain('projector: mm_projector.bin: 14 tensors used; cluster');
  const kept = await projector(join(folder, 'runs/second/adapter/non_lora_trainables.safetensors'));
  for (const [name, stored] of learnt) expect(await kept.get(name)!.read(), name).toEqual(await stored.read());

  const nowhere = await runCurio(folder, [
    ...start.slice(0, 5),
    '--name',
    'third',
    ...data,
    '--projector',
    'no.bin',
    ...lora,
  ]);
  expect(nowhere.sentence).toBe('file: no.bin: it does not exist (ENOENT); give the path of one that does.');
  expect(existsSync(join(folder, 'runs/third'))).toBe(false);
  const both = await runCurio(folder, [...start, '--projector', 'no.bin', '--adapter', named.adapter]);
  expect([both.code, both.sentence]).toEqual([
    2,
    'train: --projector and --adapter are both given; an adapter has its own projector, so leave --projector out.',
  ]);
}, 400_000);

test("PyTorch's file of 4 GiB opens from a disk", async () => {
  const golden = await openGolden('torch-files');
  const size = golden.config.large as number;
  const path = join(folder, 'large.bin');
  const file = openSync(path, 'w');
  ftruncateSync(file, size);
  writeSync(file, golden.bytes('large.begin'), 0, 4096, 0);
  writeSync(file, golden.bytes('large.end'), 0, 4096, size - 4096);
  closeSync(file);
  expect(statSync(path).blocks * 512).toBeLessThan(2 ** 20);
  const tensors = await openTensorFile(fileSource(path));
  const large = tensors.get('large')!;
  expect(large.shape).toEqual([2 ** 30 + 250]);
  const end = await large.readRange!(4 * (2 ** 30 + 247), 4 * (2 ** 30 + 250));
  expect([...decodeFloats(end, 'F32')]).toEqual([0, 0, 7]);
  expect([...decodeFloats(await tensors.get('last')!.read(), 'F32')]).toEqual([3]);
});

test('a tensor of 5 GiB is read in parts, and refused in a sentence where it is asked for at once', async () => {
  const path = join(folder, 'large.safetensors');
  const bytes = 5 * 2 ** 30;
  const header = JSON.stringify({ w: { dtype: 'F32', shape: [bytes / 4], data_offsets: [0, bytes] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, 'w');
  writeSync(file, length);
  writeSync(file, header);
  const size = 8 + header.length + bytes;
  ftruncateSync(file, size); // sparse: it takes one block of the disk
  writeSync(file, Float32Array.of(1.5), 0, 4, size - 4);
  closeSync(file);
  const tensor = (await openTensorFile(fileSource(path))).get('w')!;
  expect([...decodeFloats(await tensor.readRange!(bytes - 8, bytes), 'F32')]).toEqual([0, 1.5]);
  await expect(tensor.read()).rejects.toThrow(
    new WeightError(
      `weights: large.safetensors: 5368709120 bytes were asked for at once, at byte ${size - bytes}, and 4294967296 can be; read them in parts.`,
    ),
  );
});
