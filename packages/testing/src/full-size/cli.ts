/**
 * @file `npm run full-size -- 7b FOLDER [LAYERS]`: a model in its full size, with random values, 13.5 GB on the disk;
 * with two layers of the language model 1.9 GB.
 */
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PRESETS } from '@curio/model';
import type { PresetName } from '@curio/model';
import { withLayers, writeFullSize } from './folders.ts';

const [preset = '', folder, layers] = process.argv.slice(2);
if (!Object.hasOwn(PRESETS, preset) || folder === undefined) {
  console.error(`full-size: give a preset (${Object.keys(PRESETS).join(', ')}) and a folder.`);
  process.exit(2);
}
await writeFullSize(withLayers(PRESETS[preset as PresetName].model, layers), 1, (path, content) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  const file = openSync(join(folder, path), 'w');
  let bytes = 0;
  for (const chunk of typeof content === 'string' ? [new TextEncoder().encode(content)] : content) {
    for (let done = 0; done < chunk.length; ) done += writeSync(file, chunk, done);
    bytes += chunk.length;
  }
  closeSync(file);
  console.log(`${path}: ${(bytes / 1e6).toFixed(1)} MB`);
});
