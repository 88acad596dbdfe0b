/**
 * Ten steps of the page's training on SwiftShader in Chromium, and of `curio train` on SwiftShader in Node on the same
 * plan from the same adapter: the same losses, and the same adapter byte for byte, though the page pauses after four.
 */
import { openGpu } from '@curio/engine';
import {
  encodeOptimizer,
  encodeTrained,
  openModel,
  openTokens,
  preprocessImage,
  readOptimizer,
  readPreprocessorConfig,
} from '@curio/model';
import type { ModelConfig } from '@curio/model';
import { memorySource } from '@curio/nn';
import type { ByteFolder } from '@curio/nn';
import type { SceneSamples } from '@curio/scenes';
import { expect, test } from 'vitest';
import { commands } from 'vitest/browser';
import { joined } from '../src/learning/adapter-zip.ts';
import type { AdapterFiles } from '../src/learning/adapter-zip.ts';
import { openLearner } from '../src/learning/adapters.ts';
import { teach } from '../src/learning/teach.ts';
import type { Workshop } from '../src/learning/workshop.ts';
import { Turns } from '../src/turns.ts';
import { taughtPlan } from './taught-plan.ts';

interface Taught {
  readonly losses: readonly number[];
  readonly hashes: Readonly<Record<string, string>>;
}
const { teachInNode } = commands as unknown as { teachInNode(wanted: readonly unknown[]): Promise<Taught | null> };

/** A file of the repository from the server of the tests, which answers with a page where there is none. */
async function bytesOf(path: string): Promise<Uint8Array | undefined> {
  const response = await fetch(`/${path}`);
  const isPage = response.headers.get('content-type')?.startsWith('text/html');
  return response.ok && !isPage ? new Uint8Array(await response.arrayBuffer()) : undefined;
}
const jsonOf = async <T>(path: string): Promise<T> => JSON.parse(new TextDecoder().decode(await bytesOf(path))) as T;
const folderAt = (path: string): ByteFolder => ({
  name: path,
  open: async (name) => {
    const bytes = await bytesOf(`${path}/${name}`);
    return bytes && memorySource(name, bytes);
  },
});

async function openShop(): Promise<Workshop> {
  const gpu = await openGpu({ seed: 1 });
  const { model: config } = await jsonOf<{ model: ModelConfig }>('apps/demo/trained/config.json');
  const [language, vision, adapter] = ['trainer/base/language', 'trainer/base/vision', 'demo/trained/adapter'].map(
    (path) => folderAt(`apps/${path}`),
  ) as [ByteFolder, ByteFolder, ByteFolder];
  const visionAdapter = folderAt('apps/demo/trained/adapter/Vit-lora');
  const { model } = await openModel(gpu, config, { language, vision, adapter, visionAdapter });
  const settings = await jsonOf<Record<string, unknown>>('apps/trainer/base/vision/preprocessor_config.json');
  const image = readPreprocessorConfig(settings, 'pad', config.vision.imageSize);
  const folders = { language, vision, adapter, 'adapter/Vit-lora': visionAdapter };
  return {
    gpu,
    model,
    tokens: await openTokens(language, { rows: config.language.vocabSize }),
    ask: {} as Workshop['ask'],
    prepare: (picture) => preprocessImage(picture, image),
    folder: (name) => folders[name as keyof typeof folders],
    turns: new Turns(),
    talkWith: () => {},
  };
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as BufferSource));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

test('the page trains to the same bits as curio train in Node, even with a pause', async ({ skip }) => {
  const node = await teachInNode([]);
  if (!node) skip('npm has no SwiftShader for this platform');
  const shop = await openShop();
  const plan = taughtPlan(await jsonOf<SceneSamples>('apps/demo/public/scene-samples.json'));
  const base = { language: 'apps/trainer/base/language', vision: 'apps/trainer/base/vision' };

  /** Trains to a step and pauses there; returns losses, and all that it needs to continue, through files. */
  async function run(to: number, from = 0, files: AdapterFiles | null = null, optimizer?: Uint8Array) {
    const model = await openLearner(shop, files);
    const losses: number[] = [];
    let rest: { files: AdapterFiles; optimizer: Uint8Array } | null = null;
    await teach({
      model,
      tokens: shop.tokens,
      prepare: shop.prepare,
      plan,
      from,
      state: optimizer && (await readOptimizer(memorySource('optimizer', optimizer))),
      onStep: ({ loss }) => void losses.push(loss),
      pause: async (step, adamw, land) => {
        if (step < to) return false;
        await land();
        const state = joined({ optimizer: encodeOptimizer(await adamw.readState()) });
        rest = { files: joined(await encodeTrained(model, base)), optimizer: state.optimizer! };
        return true;
      },
    });
    return { losses, ...rest! };
  }
  const hashesOf = async (files: AdapterFiles): Promise<Record<string, string>> =>
    Object.fromEntries(
      await Promise.all(Object.keys(node!.hashes).map(async (name) => [name, await sha256(files[name]!)] as const)),
    );

  const first = await run(4);
  const second = await run(plan.steps, 4, first.files, first.optimizer);
  expect([...first.losses, ...second.losses]).toEqual(node!.losses);
  expect(await hashesOf(second.files)).toEqual(node!.hashes);
  shop.gpu.close();
});
