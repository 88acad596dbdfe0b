/** @file Stores measured kernel choices: between runs in the user's cache, those of a run in its folder. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@curio/engine';
import type { Gpu, TuningRecord, TuningStore } from '@curio/engine';
import { cacheFolder } from '../../../../scripts/cache.mjs';
import type { RunFolder } from './run-folder.ts';

const FILE = 'tuning.json';

/** One file per adapter and driver in the user's cache. */
export function cachedTuning(): TuningStore {
  const fileOf = (key: string): string =>
    join(cacheFolder(), 'tuning', `${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);
  return {
    load: (key) => Promise.resolve(existsSync(fileOf(key)) ? readFileSync(fileOf(key), 'utf8') : null),
    async save(key, record) {
      const file = fileOf(key);
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(`${file}.part-${process.pid}`, record);
      renameSync(`${file}.part-${process.pid}`, file);
    },
  };
}

/**
 * Loads the choices of a resumed run, which take precedence over the cache.
 * @throws ConfigError if the record cannot be read or belongs to another device
 */
export function readTuning(gpu: Gpu, folder: RunFolder): void {
  if (!gpu.kernels.tuner || !existsSync(folder.file(FILE))) return;
  let record: TuningRecord;
  try {
    record = JSON.parse(folder.read(FILE)) as TuningRecord;
  } catch (cause) {
    throw new ConfigError(`tuning: ${folder.file(FILE)} is not JSON; delete it to measure the kernels again.`, {
      cause,
    });
  }
  gpu.kernels.tuner.load(record);
}

/** Whether the run chose its kernels by measurement. */
export const wasMeasured = (folder: RunFolder): boolean => existsSync(folder.file(FILE));

/** Saves the choices so far in the run's folder. */
export function writeTuning(gpu: Gpu, folder: RunFolder): void {
  if (gpu.kernels.tuner) folder.write(FILE, `${JSON.stringify(gpu.kernels.tuner.record, null, 1)}\n`);
}
