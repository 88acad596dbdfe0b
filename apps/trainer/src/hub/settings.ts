/** @file The hub's address, the user's token and the cache's folder, by the variables of Python's huggingface_hub. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { isFile } from '../run/files.ts';
import { withFile } from '../disk/system-error.ts';

export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** Folder of the cache. */
  readonly cache: string;
  readonly token: string | null;
  /** Only what is in the cache may be used. */
  readonly offline: boolean;
  /** Milliseconds before a request is repeated after a temporary failure; the delay doubles each time. */
  readonly pause: number;
}

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
  };
}

const absolute = (path: string): string => resolve(path.replace(/^~(?=$|[/\\])/, homedir()));

function tokenOf(env: Environment, path: string): string | null {
  const given = (env.HF_TOKEN || env.HUGGING_FACE_HUB_TOKEN || '').trim();
  return given || (isFile(path) && withFile(path, () => readFileSync(path, 'utf8'), 'hub').trim()) || null;
}
