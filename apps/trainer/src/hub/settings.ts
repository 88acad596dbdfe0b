/** @file The hub's address, the user's token and the cache's folder, by the variables of Python's huggingface_hub. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { HubAccess, HubWords } from '@curio/hub';
import { isFile } from '../run/files.ts';
import { withFile } from '../disk/system-error.ts';

export interface HubSettings extends HubAccess {
  /** Folder of the cache. */
  readonly cache: string;
}

export const COMMAND_LINE_WORDS: HubWords = {
  endpoint: 'in HF_ENDPOINT',
  token: 'in HF_TOKEN',
  offline: ['HF_HUB_OFFLINE is set', 'unset it, or give a folder on this machine'],
  absent: 'is not a folder here',
  instead: ', or give a folder on this machine',
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The settings that HF_ENDPOINT, HF_HUB_CACHE, HF_HOME, HF_TOKEN, HF_TOKEN_PATH and HF_HUB_OFFLINE give, and their
 * older names. An empty one counts as not set.
 */
export function hubSettings(env: Environment = process.env): HubSettings {
  const home = env.HF_HOME || join(env.XDG_CACHE_HOME || '~/.cache', 'huggingface');
  return {
    endpoint: (env.HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, ''),
    cache: absolute(env.HF_HUB_CACHE || env.HUGGINGFACE_HUB_CACHE || join(home, 'hub')),
    token: tokenOf(env, absolute(env.HF_TOKEN_PATH || join(home, 'token'))),
    offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE || env.TRANSFORMERS_OFFLINE || ''),
    pause: 500,
    words: COMMAND_LINE_WORDS,
  };
}

const absolute = (path: string): string => resolve(path.replace(/^~(?=$|[/\\])/, homedir()));

function tokenOf(env: Environment, path: string): string | null {
  const given = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || '').trim();
  return given || (isFile(path) && withFile(path, () => readFileSync(path, 'utf8'), 'hub').trim()) || null;
}
