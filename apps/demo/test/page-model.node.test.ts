/** The model's files as the built page ships them, compared with those on disk. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeFloats, encodeSafetensors, joinBytes, memorySource, openSafetensors } from '@curio/nn';
import { expect, test } from 'vitest';
import { pageModel } from '../page-model.ts';
import type { PageModel } from '../page-model.ts';

const here = join(import.meta.dirname, '..');
const pathsIn = (folder: string, prefix: string): [string, string][] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry): [string, string][] => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() ? [[`${prefix}${path.slice(folder.length + 1)}`, path]] : [];
  });
const paths = new Map([
  ...pathsIn(join(here, '../trainer/base/language'), 'language/'),
  ...pathsIn(join(here, '../trainer/base/vision'), 'vision/'),
  ...pathsIn(join(here, 'trained/adapter'), 'adapter/'),
  ['run/config.json', join(here, 'trained/config.json')] as const,
]);

const tensorsOf = async (name: string, bytes: Uint8Array) => (await openSafetensors(memorySource(name, bytes))).tensors;
const brought = ({ listing, files }: PageModel, name: string): Uint8Array => files.get(listing[name]!.file)!;

test('names change with the bytes, and the listing has name and size', async () => {
  const model = await pageModel(paths);
  for (const [name, { file, size }] of Object.entries(model.listing)) {
    expect(file).toMatch(new RegExp(`^${name.replace(/\.[a-z]+$/, '')}-[0-9a-f]{8}\\.[a-z]+$`));
    expect(model.files.get(file)!.length).toBe(size);
  }
  expect(Object.keys(model.listing)).not.toContain('vision/training.json');
  expect((await pageModel(paths)).listing).toEqual(model.listing);
  const folder = mkdtempSync(join(tmpdir(), 'curio-page-model-'));
  try {
    const changed = join(folder, 'config.json');
    writeFileSync(changed, `${readFileSync(paths.get('language/config.json')!, 'utf8')} `);
    const other = await pageModel(new Map([...paths, ['language/config.json', changed]]));
    const differing = Object.keys(model.listing).filter(
      (name) => other.listing[name]!.file !== model.listing[name]!.file,
    );
    expect(differing).toEqual(['language/config.json']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the image tower is complete up to its last block that runs, and the text tower is left out', async () => {
  const tensors = await tensorsOf('vision', brought(await pageModel(paths), 'vision/model.safetensors'));
  const whole = await tensorsOf('base', readFileSync(paths.get('vision/model.safetensors')!));
  expect(tensors.size).toBe(53); // as the load report of `curio ask` counts what is used
  for (const [name, { dtype, read }] of tensors) {
    expect(dtype).toBe(whole.get(name)!.dtype);
    expect(Buffer.compare(await read(), await whole.get(name)!.read()), name).toBe(0);
  }
  expect([...tensors.keys()].filter((name) => /text_|layers\.3\.|post_layernorm|projection/.test(name))).toEqual([]);
});

test('trained values are rounded to the nearest f16, and stay f32 where f16 would be infinite', async () => {
  const model = await pageModel(paths);
  for (const name of ['adapter_model', 'non_lora_trainables', 'Vit-lora/adapter_model'].map(
    (stem) => `adapter/${stem}.safetensors`,
  )) {
    const tensors = await tensorsOf(name, brought(model, name));
    for (const [tensor, { dtype, shape, read }] of await tensorsOf(name, readFileSync(paths.get(name)!))) {
      const half = tensors.get(tensor)!;
      expect([half.dtype, half.shape]).toEqual(['F16', shape]);
      const [values, halves] = [decodeFloats(await read(), dtype), decodeFloats(await half.read(), 'F16')];
      values.forEach((value, i) => {
        // Half a unit in the last place of f16: 2^-11 of the value, or 2^-25 where it is subnormal.
        if (!(Math.abs(halves[i]! - value) <= Math.max(Math.abs(value) * 2 ** -11, 2 ** -25)))
          expect.fail(`${name}: ${tensor}[${i}] is ${value} and came as ${halves[i]}`);
      });
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'curio-page-model-'));
  try {
    const large = join(folder, 'model.safetensors');
    const tensor = (name: string, value: number) => ({
      ...{ name, dtype: 'F32' as const, shape: [2], data: Float32Array.of(1, value) },
    });
    writeFileSync(large, joinBytes(encodeSafetensors([tensor('fits', 65_504), tensor('large', 65_520)])));
    const name = 'adapter/adapter_model.safetensors';
    const tensors = await tensorsOf(name, brought(await pageModel(new Map([[name, large]])), name));
    expect([...tensors].map(([of, { dtype }]) => [of, dtype])).toEqual([
      ['large', 'F32'],
      ['fits', 'F16'],
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
