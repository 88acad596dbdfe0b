/** Pretraining goes on from the committed base: all of it is read, and only what it does not hold begins anew. */
import { openGpu } from '@curio/engine';
import { openWeightFolder } from '@curio/nn';
import { expect, test } from 'vitest';
import { openClip, openLlama } from '../src/base/pretraining.ts';
import { loadConfig } from '../src/config/load.ts';
import { folderSource } from '../src/run/files.ts';
import { baseFolder } from '../src/train/open.ts';

test('a run of curio base starts from what was written', async () => {
  const gpu = await openGpu();
  try {
    const config = loadConfig({ preset: 'small' });
    const part = async (name: 'language' | 'vision') => ({
      weights: await openWeightFolder(folderSource(baseFolder(config, name))),
    });
    const clip = (await openClip(gpu, 1, await part('vision'))).weights.report();
    expect([...clip.initialised].sort()).toEqual(['patch_projection.weight', 'patch_scale']);
    expect(clip.unexpected).toEqual([]);
    const llama = (await openLlama(gpu, 1, await part('language'))).weights.report();
    expect([llama.initialised, llama.unexpected]).toEqual([[], []]);
  } finally {
    gpu.close();
  }
});
