/** `curio merge`: what it writes is what PEFT merges, opens by name, and is whole or not there. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { mergedFolder } from '@curio/model';
import { decodeFloats, encodeFloats, encodeSafetensors, joinBytes, openSafetensors, openWeightFolder } from '@curio/nn';
import type { StreamedFile } from '@curio/nn';
import { writeNewFolder } from '../src/disk/new-folder.ts';
import { fileSource, folderSource } from '../src/run/files.ts';
import { findModel, modelFiles } from '../src/train/folders.ts';
import type { ModelFolders } from '../src/train/folders.ts';
import { CURIO, runCurio, runProgram } from './curio.ts';
import { parity } from '@curio/testing/parity';
import { copyOf, edit, expected, folders, LAYOUTS, logitsOf, openNamed, ORACLE, root } from './published.ts';

let gpu: Gpu;
let dry: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
  dry = await openGpu({ dryRun: true });
});
afterAll(() => (gpu.close(), dry.close()));

const scratch = mkdtempSync(join(tmpdir(), 'curio-merge-'));
let count = 0;
const newFolder = (): string => join(scratch, String(count++));

type Storage = 'f32' | 'f16' | 'bf16';

async function merge(named: ModelFolders, storage: Storage = 'f32', mostBytes = 60_000) {
  const found = await findModel(named);
  const out = newFolder();
  const { files, merged, lines } = await mergedFolder(found, modelFiles(found.folders), {
    gpu,
    dry,
    storage,
    mostBytes,
  });
  await writeNewFolder(out, files);
  return { out, merged, lines };
}

const json = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));

test.each(LAYOUTS)('%s: the merged folder opens on its own, with the scores of PyTorch', async (layout) => {
  const { out, merged } = await merge(folders(layout));
  expect(merged).toBe(32);
  const golden = expected(layout);
  const opened = await openNamed(gpu, { model: out });
  expect(opened.found).toMatchObject({ baseProjector: true, storage: 'f32', imageAspect: 'pad', saysTemplate: false });
  expect(opened.found.model).toMatchObject({ languageLora: null, visionLora: null, template: 'v1_sq' });
  const { image, logits } = await logitsOf(gpu, opened, golden);
  const seen = parity('folder that curio merge wrote: features, logits', ORACLE[layout]);
  seen.close(image, golden.floats('image'), 1e-5, 'image', 0);
  // A merged matrix is rounded once more than a branch beside it, which these strong branches carry into the scores:
  // transformers' own differ by 2.0e-5, ours by 6.6e-5. Matrix by matrix the next test is a hundred times as strict.
  seen.close(logits, golden.floats('logits'), 1e-4, 'logits', 0);
  expect(opened.report.unexpected).toEqual([]);
});

test("every matrix is PEFT's, with rank-stabilised scales and patterns", async () => {
  const { out } = await merge(folders('transformers-5'));
  const { tensors: golden } = await openSafetensors(fileSource(join(root, 'transformers-5/merged.safetensors')));
  const [language, tower] = await Promise.all(
    [out, join(out, 'vision_tower')].map((at) => openWeightFolder(folderSource(at))),
  );
  expect(golden.size).toBe(32);
  const matrices = parity('merged matrices', ORACLE['transformers-5']);
  for (const [name, want] of golden) {
    const got = (language!.get(name) ?? tower!.get(name))!;
    expect(got.shape).toEqual(want.shape);
    const [a, b] = await Promise.all([got, want].map(async (each) => decodeFloats(await each.read(), each.dtype)));
    matrices.close(a!, b!, 1e-6, name, 0);
  }
});

test.each([
  ['f16', 'F16', 'float16'],
  ['bf16', 'BF16', 'bfloat16'],
] as const)(
  '%s: each number is the merged one, rounded once; the others are those of the base',
  async (storage, dtype, name) => {
    const [exact, rounded] = [await merge(folders('transformers-5')), await merge(folders('transformers-5'), storage)];
    for (const part of ['.', 'vision_tower']) {
      expect(json(rounded.out, part, 'config.json').torch_dtype).toBe(name);
      const [a, b] = await Promise.all(
        [exact, rounded].map(({ out }) => openWeightFolder(folderSource(join(out, part)))),
      );
      expect([...b!.keys()].sort()).toEqual([...a!.keys()].sort());
      for (const [tensor, stored] of b!) {
        expect(stored.dtype).toBe(dtype);
        const want = encodeFloats(decodeFloats(await a!.get(tensor)!.read(), 'F32'), dtype);
        expect(Buffer.from(await stored.read()).equals(Buffer.from(want.buffer)), tensor).toBe(true);
      }
    }
    const base = await openWeightFolder(folderSource(folders('transformers-5').model));
    const own = await openWeightFolder(folderSource(exact.out));
    const embedding = 'model.embed_tokens.weight';
    expect(decodeFloats(await own.get(embedding)!.read(), 'F32')).toEqual(
      decodeFloats(await base.get(embedding)!.read(), 'F16'),
    );
  },
);

test('shards hold what fits, with an index; the other files are the base’s', async () => {
  const { out, lines } = await merge(folders('transformers-4.31'));
  const shards = readdirSync(out).filter((name) => name.endsWith('.safetensors'));
  const index = json(out, 'model.safetensors.index.json');
  expect(new Set(Object.values(index.weight_map))).toEqual(new Set(shards));
  expect(shards.length).toBeGreaterThan(2);
  for (const shard of shards) {
    const { tensors } = await openSafetensors(fileSource(join(out, shard)));
    const bytes = [...tensors.values()].reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
    expect(bytes <= 60_000 || tensors.size === 1).toBe(true);
    for (const name of tensors.keys()) expect(index.weight_map[name]).toBe(shard);
  }
  for (const name of ['tokenizer.json', 'generation_config.json'])
    expect(readFileSync(join(out, name))).toEqual(readFileSync(join(folders('transformers-4.31').model, name)));
  const tower = join(out, 'vision_tower/preprocessor_config.json');
  expect(readFileSync(tower)).toEqual(readFileSync(join(root, 'transformers-4.31/tower/preprocessor_config.json')));
  expect(json(out, 'config.json')).toMatchObject({
    architectures: ['LlavaLlamaForCausalLM'],
    model_type: 'llava',
    mm_projector_type: 'cluster',
    mm_vision_tower: 'vision_tower',
    mm_num_prototypes: 256,
  });
  expect(json(out, 'config.json')).not.toHaveProperty('chat_template_name');
  expect(Object.keys(index.weight_map).filter((name) => name.includes('mm_projector'))).toHaveLength(14);
  expect(lines[2]).toMatch(/^language LoRA: .*: 28 tensors used; r 8, alpha 16$/);
});

test('a zero branch is reported', async () => {
  const named = copyOf('transformers-5');
  const path = join(named.adapter, 'adapter_model.safetensors');
  const { tensors } = await openSafetensors(fileSource(path));
  const zeroed = await Promise.all(
    [...tensors].map(async ([name, stored]) => {
      const data = new Uint8Array(await stored.read());
      return { ...stored, name, data: name.includes('lora_B') ? new Uint8Array(data.length) : data };
    }),
  );
  writeFileSync(path, joinBytes(encodeSafetensors(zeroed)));
  const { lines } = await merge(named);
  expect(lines[2]).toMatch(/28 tensors used; r 8, .*; all zero: no effect$/);
});

test('a merged folder can be merged again: without an adapter its own projector stays', async () => {
  const once = await merge(folders('transformers-5'));
  const twice = await merge({ model: once.out }, 'f32', 5e9);
  expect(twice.merged).toBe(0);
  expect(existsSync(join(twice.out, 'model.safetensors'))).toBe(true);
  const [a, b] = await Promise.all([once, twice].map(({ out }) => openWeightFolder(folderSource(out))));
  expect([...b!.keys()].sort()).toEqual([...a!.keys()].sort());
  for (const [name, stored] of a!) expect(await b!.get(name)!.read()).toEqual(await stored.read());
});

test('what cannot be written is refused, and nothing is left', async () => {
  const named = copyOf('transformers-5');
  edit(join(named.adapter, 'adapter_config.json'), { lora_alpha: 1e7, alpha_pattern: {} });
  await expect(merge(named, 'f16')).rejects.toThrow(
    /^weights: 'model\.layers\.\d\.\S+\.weight' holds -?\d+(\.\d+)?, and the largest f16 is 65504; store it as bf16 or f32\.$/,
  );
  edit(join(named.adapter, 'config.json'), { vusr: 'token', chat_template_name: 'v1_sq' });
  await expect(merge(named)).rejects.toThrow(
    /^merge: .*adapter has learned rows for the new word \[vusr\], and a merged folder holds the base's 360 words alone; train with model\.vusr role, or keep the adapter beside its base\.$/,
  );
  expect(readdirSync(scratch).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

const one: StreamedFile = {
  name: 'a/b.bin',
  size: 3,
  chunks: async function* () {
    yield Uint8Array.of(1, 2, 3);
  },
};

test('two processes cannot write one folder, nor one that has files; what a killed one left is started over', async () => {
  const out = newFolder();
  let go = (): void => {};
  const slow: StreamedFile = {
    ...one,
    chunks: async function* () {
      await new Promise<void>((done) => (go = done));
      yield Uint8Array.of(1, 2, 3);
    },
  };
  const first = writeNewFolder(out, [slow]);
  await expect(writeNewFolder(out, [one])).rejects.toThrow(
    new RegExp(`^run: ${out}\\.partial is in use by process ${process.pid} on \\S+; wait for it or stop it, or`),
  );
  go();
  await first;
  expect(readdirSync(out)).toEqual(['a']);
  await expect(writeNewFolder(out, [one])).rejects.toThrow(
    `out: ${out} is not empty; choose another folder, or delete this one first.`,
  );
  const killed = newFolder();
  mkdirSync(`${killed}.partial/a`, { recursive: true });
  writeFileSync(`${killed}.partial/a/b.bin`, 'half');
  writeFileSync(`${killed}.partial/old.bin`, 'half');
  await writeNewFolder(killed, [one]);
  expect(readdirSync(killed)).toEqual(['a']);
  expect([...readFileSync(join(killed, 'a/b.bin'))]).toEqual([1, 2, 3]);
  expect(existsSync(`${killed}.partial`)).toBe(false);
});

test('on the command line: the report, and one line at the end', async () => {
  const { model, adapter } = folders('transformers-5');
  const args = ['merge', '--model', model, '--adapter', adapter, '--out', 'merged'];
  const { code, stdout, stderr } = await runCurio(scratch, [...args, '--shard-size', '50KB']);
  expect(code).toBe(0);
  expect(stdout).toBe('merge: merged holds 181 kB in 11 files; LoRA was merged into 32 matrices.\n');
  expect(stderr).toContain('language LoRA: ');
  expect(json(scratch, 'merged/config.json').torch_dtype).toBe('float16');
  expect(await runCurio(scratch, args)).toMatchObject({
    code: 2,
    sentence: 'out: merged is not empty; choose another folder, or delete this one first.',
  });
});

test('--format gguf: the merged language model in one file, and a line about what is not in it', async () => {
  const { model, adapter } = folders('transformers-5');
  const args = ['merge', '--model', model, '--adapter', adapter, '--storage', 'f32'];
  const { code, stdout, stderr } = await runCurio(scratch, [...args, '--format', 'gguf', '--out', 'llama']);
  expect(code).toBe(0);
  expect(stdout).toBe('merge: llama holds 164 kB in 1 file; LoRA was merged into 14 matrices.\n');
  expect(stderr).toContain(
    'merge: the image tower and the cluster projector are not in llama/model.gguf, which holds only the language model\n',
  );
  // A matrix whose rows keep their order stands in the file with the bytes of the merged folder.
  const { out } = await merge(folders('transformers-5'), 'f32');
  const merged = (await openWeightFolder(folderSource(out))).get('model.layers.1.mlp.down_proj.weight')!;
  expect(readFileSync(join(scratch, 'llama/model.gguf')).includes(Buffer.from(await merged.read()))).toBe(true);
});

test('--format gguf has its own options', async () => {
  const { model, adapter } = folders('transformers-5');
  const args = ['merge', '--model', model, '--adapter', adapter, '--out', 'never'];
  expect(await runCurio(scratch, [...args, '--storage', 'q8_0'])).toMatchObject({
    code: 2,
    sentence: 'merge: --storage q8_0 needs --format gguf; the weights of a Hugging Face folder are f16, bf16 or f32.',
  });
  expect(await runCurio(scratch, [...args, '--format', 'gguf', '--shard-size', '1GB'])).toMatchObject({
    code: 2,
    sentence: 'merge: --shard-size is given with --format gguf, which writes one file; leave it out.',
  });
});

const inMounts = (script: string) => runProgram('unshare', ['-rm', 'sh', '-c', script], scratch);
const canMount = (await inMounts('mount -t tmpfs -o size=1m none .').catch(() => ({ code: 1 }))).code === 0;

test.runIf(canMount)(
  'a full disk: one sentence, and nothing of it is left',
  async () => {
    const { model, adapter } = folders('transformers-5');
    const curio = [process.execPath, ...CURIO].join(' ');
    mkdirSync(join(scratch, 'disk'));
    const { stdout, sentence } = await inMounts(
      `mount -t tmpfs -o size=100k none disk; ${curio} merge --model ${model} --adapter ${adapter} --out disk/merged; echo "code $?"; ls disk`,
    );
    expect(sentence).toMatch(
      /^file: disk\/merged\.partial\/\S+: its disk is full \(ENOSPC\); free some space, or choose a folder on another disk\.$/,
    );
    expect(stdout).toBe('code 1\n');
  },
  120_000,
);
