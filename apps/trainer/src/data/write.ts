/** @file Writes the embedded data set to a folder: LLaVA JSON, images, and the ground truth of every scene. */

import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isRunning } from '../disk/lock.ts';
import { makeFolder, withFile } from '../disk/system-error.ts';
import { openHandwriting } from './digits.ts';
import { generatePart, pictureOf, type PartName, type SceneSample } from './generate.ts';
import { encodePng } from './png.ts';

/** Incremented when the embedded scenes change, so that those of an earlier version are not reused. */
export const DATASET_VERSION = 2;

export interface DatasetSizes {
  stage1: number;
  stage2: number;
  heldout: number;
  'heldout-ask': number;
}

export const DEFAULT_SIZES: DatasetSizes = { stage1: 2400, stage2: 4200, heldout: 550, 'heldout-ask': 100 };

/** Name of the JSON file of a part: `train-stage1.json`, `train-stage2.json`, `heldout.json`, `heldout-ask.json`. */
export const fileOf = (name: PartName): string => `${name.startsWith('stage') ? 'train-' : ''}${name}.json`;
/** Name of the file with the scenes and the kinds of the questions, in the same order. */
export const truthFileOf = (name: PartName): string => fileOf(name).replace('.json', '.truth.json');

/**
 * Writes all four parts under `folder`, images under `folder/images`. The folder is built under a temporary name and
 * renamed when it is complete. `progress` is called after each image. `withheldPairs` pairs of digit and colour are not
 * drawn.
 * @throws FileError
 */
export function writeDataset(
  folder: string,
  seed: number,
  sizes: DatasetSizes = DEFAULT_SIZES,
  progress?: (done: number, total: number) => void,
  withheldPairs = 0,
): void {
  makeFolder(dirname(folder));
  clearDrafts(folder);
  const draft = `${folder}.partial-${process.pid}`; // another process may be writing the same
  const total = Object.values(sizes).reduce((sum, count) => sum + count, 0);
  let done = 0;
  for (const [name, count] of Object.entries(sizes) as [PartName, number][]) {
    const glyphs = openHandwriting(name.startsWith('stage') ? 'train' : 'heldOut');
    const samples = generatePart(name, { seed, count, withheldPairs }, glyphs);
    makeFolder(join(draft, 'images', name));
    const write = (file: string, content: string | Uint8Array): void =>
      withFile(join(draft, file), () => writeFileSync(join(draft, file), content));
    for (const sample of samples) {
      write(join('images', sample.entry.image), encodePng(pictureOf(name, sample, glyphs)));
      progress?.(++done, total);
    }
    write(fileOf(name), jsonLines(samples.map(({ entry }) => entry)));
    write(truthFileOf(name), jsonLines(samples.map(truthOf)));
  }
  withFile(folder, () => {
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  });
}

/** Removes the unfinished folders of processes that no longer run. */
function clearDrafts(folder: string): void {
  const before = `${basename(folder)}.partial-`;
  for (const name of readdirSync(dirname(folder)))
    if (name.startsWith(before) && !isRunning(Number(name.slice(before.length))))
      rmSync(join(dirname(folder), name), { recursive: true, force: true });
}

/** The ground truth for the report. */
const truthOf = ({ entry, scene, turns }: SceneSample): object => ({
  id: entry.id,
  scene,
  kinds: turns.map(({ kind }) => kind),
});

/** A JSON array, one entry per line. */
const jsonLines = (entries: object[]): string => `[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`;
