/** Folders as published, and what opens them: small random models of packages/testing/python/published_folders.py. */
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { noGrad } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { imageTensor, makeBatch } from '@curio/model';
import { parseGolden } from '@curio/testing/golden';
import type { GoldenFile } from '@curio/testing/golden';
import { findModel } from '../src/train/folders.ts';
import type { ModelFolders } from '../src/train/folders.ts';
import { openForRun } from '../src/train/open.ts';

export const root = resolve(import.meta.dirname, '../../../packages/testing/published');
export const LAYOUTS = ['transformers-4.31', 'transformers-5'] as const;

export const folders = (layout: string, at = root): ModelFolders & { adapter: string } => ({
  model: join(at, layout, 'language'),
  adapter: join(at, layout, 'adapter'),
});

/** A copy of a layout that a test may change. */
export function copyOf(layout: string): ModelFolders & { adapter: string } {
  const at = mkdtempSync(join(tmpdir(), 'curio-published-'));
  cpSync(join(root, layout), join(at, layout), { recursive: true });
  return folders(layout, at);
}

export const edit = (path: string, change: object): void =>
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }));

export function expected(layout: string): GoldenFile {
  const file = readFileSync(join(root, layout, 'expected.safetensors'));
  return parseGolden(layout, Uint8Array.from(file).buffer);
}

export async function openNamed(gpu: Gpu, named: ModelFolders, storage?: 'f32') {
  const found = await findModel(named);
  const lines: string[] = [];
  const base = { ...found.folders, storage: storage ?? found.storage };
  const opened = await openForRun(gpu, { model: found.model, base, seed: 1 }, undefined, {
    baseProjector: found.baseProjector,
    onReport: (line) => lines.push(line.replaceAll(/\/\S*\/(?=transformers-)/g, '')),
  });
  return { found, lines, ...opened };
}

export async function logitsOf(gpu: Gpu, { model }: Awaited<ReturnType<typeof openNamed>>, golden: GoldenFile) {
  const ids = Array.from(golden.ints('ids'));
  const batch = makeBatch([{ ids, labels: ids.map(() => -100) }], { patches: 256 });
  const pixels = imageTensor(model, golden.floats('pixels') as Float32Array<ArrayBuffer>);
  const { image, logits } = gpu.scope(() =>
    noGrad(() => ({
      image: model.encodeImages(pixels).read(),
      logits: model.language.logits(model.hidden(batch, pixels)).read(),
    })),
  );
  const [rows, width] = golden.tensor('logits').shape as [number, number];
  const end = (ids.length - 1 + 256) * width;
  return { image: await image, logits: (await logits).slice(end - rows * width, end) };
}

/** What PyTorch's logits may differ by: of the layers of the 7B, 1.9e-5 was measured. */
/** Who computed what a layout's `expected.safetensors` holds. */
export const ORACLE = {
  'transformers-4.31': 'PyTorch, transformers 4.31, PEFT 0.4.0',
  'transformers-5': 'PyTorch, transformers 5.24, PEFT 0.21.2',
} as const;
export const LOGITS = 2e-5;

/** Writes `a.png` and `data.json`, two samples that show it, into a folder. */
export async function writeSamples(folder: string): Promise<void> {
  await sharp({ create: { width: 20, height: 12, channels: 3, background: 'teal' } })
    .png()
    .toFile(join(folder, 'a.png'));
  const conversations = [
    { from: 'human', value: '<image>\nwhat is that ?' },
    { from: 'gpt', value: 'a lake .' },
  ];
  const entries = [0, 1].map((id) => ({ id: String(id), image: 'a.png', conversations }));
  writeFileSync(join(folder, 'data.json'), JSON.stringify(entries));
}
