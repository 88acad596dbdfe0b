/**
 * @file Opens a model in its full size and tells time, processor time and memory as it goes: `node scripts/measure.mjs
 * apps/trainer/test/open-full-size-cli.ts 7b FOLDER nf4-dq`, the folder by `npm run full-size -- 7b FOLDER`.
 */
import { join } from 'node:path';
import { openGpu } from '@curio/engine';
import { openModel, PRESETS } from '@curio/model';
import type { PresetName } from '@curio/model';
import { BASE_STORAGES } from '@curio/nn';
import { modelFiles } from '../src/train/folders.ts';

const [preset = '', folder, given] = process.argv.slice(2);
const storage = BASE_STORAGES.find((each) => each === given);
if (!Object.hasOwn(PRESETS, preset) || folder === undefined || storage === undefined) {
  console.error(`open-full-size: give a preset, its folder and a storage (${BASE_STORAGES.join(', ')}).`);
  process.exit(2);
}
const gpu = await openGpu();
const began = performance.now();
let told = began;
const tell = (what: string): void => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const seconds = (performance.now() - began) / 1000;
  const cpu = (userCPUTime + systemCPUTime) / 1e6;
  console.log(
    `${what}: ${seconds.toFixed(1)} s, processor ${cpu.toFixed(1)} s, resident at most ${((maxRSS * 1024) / 1e9).toFixed(2)} GB`,
  );
};
const files = modelFiles({ language: join(folder, 'language'), vision: join(folder, 'vision'), adapter: null });
await openModel(gpu, PRESETS[preset as PresetName].model, files, {
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
process.exit(0);
