/**
 * @file Opens a model in its full size and tells time, processor time and memory as it goes: `node scripts/measure.mjs
 * apps/trainer/test/open-full-size-cli.ts 7b FOLDER nf4-dq [LAYERS]`, the folder by `npm run full-size -- 7b FOLDER
 * [LAYERS]`. For comparison it reads all weights: into one place before, and of so few layers, after it, into memory
 * that is kept.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openGpu } from '@curio/engine';
import { openModel, PRESETS } from '@curio/model';
import type { PresetName } from '@curio/model';
import { BASE_STORAGES } from '@curio/nn';
import { withLayers } from '../../../packages/testing/src/full-size/folders.ts';
import { fileSource } from '../src/run/files.ts';
import { modelFiles } from '../src/train/folders.ts';

const [preset = '', folder, given, layers] = process.argv.slice(2);
const storage = BASE_STORAGES.find((each) => each === given);
if (!Object.hasOwn(PRESETS, preset) || folder === undefined || storage === undefined) {
  console.error(`open-full-size: give a preset, its folder and a storage (${BASE_STORAGES.join(', ')}).`);
  process.exit(2);
}
const PIECE = 2 ** 24;
let [began, before] = [performance.now(), process.cpuUsage()];
let told = began;
const tell = (what: string): void => {
  const { maxRSS } = process.resourceUsage();
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - began) / 1000;
  const cpu = (user + system) / 1e6;
  console.log(
    `${what}: ${seconds.toFixed(1)} s, processor ${cpu.toFixed(1)} s, resident at most ${((maxRSS * 1024) / 1e9).toFixed(2)} GB`,
  );
};
async function readAll(placeFor: (bytes: number) => Uint8Array<ArrayBuffer>): Promise<void> {
  for (const part of ['language', 'vision'].map((name) => join(folder!, name)))
    for (const name of readdirSync(part).filter((each) => each.endsWith('.safetensors'))) {
      const source = fileSource(join(part, name));
      for (let at = 0; at < source.size; at += PIECE) {
        const bytes = Math.min(PIECE, source.size - at);
        await source.read(at, bytes, placeFor(bytes));
      }
    }
}
function begin(): void {
  [began, before] = [performance.now(), process.cpuUsage()];
  told = began;
}

const place = new Uint8Array(PIECE);
await readAll(() => place);
tell('read');
const config = withLayers(PRESETS[preset as PresetName].model, layers);
const gpu = await openGpu();
begin();
const files = modelFiles({ language: join(folder, 'language'), vision: join(folder, 'vision'), adapter: null });
await openModel(gpu, config, files, {
  storage,
  onTensor(done, total) {
    if (performance.now() - told < 10_000) return;
    told = performance.now();
    tell(`${done} of ${total} tensors`);
  },
});
await gpu.synchronize();
tell('opened');
gpu.close();
if (layers !== undefined) {
  begin();
  const kept: Uint8Array[] = [];
  await readAll((bytes) => {
    const fresh = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
    kept.push(fresh);
    return fresh;
  });
  tell(`read and kept, ${kept.length} pieces`);
}
process.exit(0);
