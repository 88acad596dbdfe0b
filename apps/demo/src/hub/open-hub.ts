/** @file A model of a Hugging Face hub by its name, kept in the browser's storage. To be called in a worker. */
import { ConfigError } from '@curio/engine';
import { type HubWords, openSnapshot, parseHubName, type SnapshotOptions } from '@curio/hub';
import { OpfsCache, type StoredFolder } from './opfs-cache.ts';

export interface HubOptions extends SnapshotOptions {
  /** Default https://huggingface.co. */
  readonly endpoint?: string;
  readonly token?: string;
  /** Only what is stored may be used. */
  readonly offline?: boolean;
  /** Milliseconds before a request is repeated after a temporary failure; the delay doubles each time. Default 500. */
  readonly pause?: number;
}

const WORDS: HubWords = {
  endpoint: 'in the option endpoint',
  token: 'in the option token',
  offline: ['offline is set', 'open it once with a network'],
  absent: 'is not a model of this page',
  instead: '',
};

/**
 * The files of a repository: downloaded where they are missing, continued where a download broke off.
 * @param text `owner/name` or `owner/name@revision`
 * @throws ConfigError for what is not a name; HubError, also where the browser's storage is full; WeightError for a
 * connection that stays broken
 */
export async function openHub(text: string, options: HubOptions = {}): Promise<StoredFolder> {
  const repo = parseHubName(text);
  if (!repo)
    throw new ConfigError(`hub: '${text}' is not the name of a repository; write owner/name or owner/name@REVISION.`);
  const { endpoint = 'https://huggingface.co', token = null, offline = false, pause = 500, ...rest } = options;
  const access = { endpoint: endpoint.replace(/\/+$/, ''), token, offline, pause, words: WORDS };
  return openSnapshot(access, repo, await OpfsCache.open(repo), rest);
}
