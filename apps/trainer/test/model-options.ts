/** @file Command-line options of the measuring programs: the model to measure, chosen as for `curio ask`. */
import { ConfigError } from '@curio/engine';
import { BASE_STORAGES } from '@curio/nn';
import type { BaseStorage } from '@curio/nn';
import type { TalkOptions } from '../src/talk/open.ts';

/** For `parseArgs` of node:util. */
export const MODEL_OPTIONS = {
  run: { type: 'string' },
  model: { type: 'string' },
  vision: { type: 'string' },
  adapter: { type: 'string', multiple: true },
  storage: { type: 'string' },
} as const;

interface Values extends Omit<TalkOptions, 'seed' | 'storage'> {
  readonly storage?: string;
}

/** The parsed options, for `openTalk`. @throws ConfigError for an unknown storage */
export function talkOptions(program: string, { storage, ...values }: Values): TalkOptions {
  const known = BASE_STORAGES.find((each) => each === storage) as BaseStorage | undefined;
  if (storage !== undefined && known === undefined)
    throw new ConfigError(`${program}: --storage is '${storage}'; it must be one of ${BASE_STORAGES.join(', ')}.`);
  return { ...values, storage: known, seed: 1 };
}
