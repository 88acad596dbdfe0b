/** @file Names of repositories of a hub, on a command line and in the paths of its cache. */
import { ConfigError } from '@curio/engine';

export interface HubName {
  /** `owner/name`. */
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** A commit by its hash. */
export const COMMIT = /^[0-9a-f]{40}$/;

/**
 * `owner/name` or `owner/name@revision`; undefined for what cannot be one, such as a path.
 * @throws ConfigError for a revision that git would refuse
 */
export function parseHubName(text: string): HubName | undefined {
  const [, name, revision = 'main'] = /^(\w[\w.-]*\/\w[\w.-]*)(?:@(.*))?$/.exec(text) ?? [];
  // The hub forbids these in names, and `--` divides owner and name in the cache.
  if (name === undefined || /--|\.\./.test(name)) return undefined;
  if (!/^\w[\w./-]*$/.test(revision) || /\.\.|\/\/|\/$/.test(revision))
    throw new ConfigError(
      `hub: '${revision}' in ${text} is no revision; write ${name}@REVISION with a branch, a tag or a commit.`,
    );
  return { name, revision };
}

export const shownHubName = ({ name, revision }: HubName): string =>
  revision === 'main' ? name : `${name}@${revision}`;

/** `owner/name` of a folder, or of a folder inside it, that lies in a hub's cache; undefined for any other. */
export function hubNameOf(path: string): string | undefined {
  const found = /(?:^|[/\\])models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\][0-9a-f]{40}(?:[/\\](.+?))?[/\\]?$/.exec(
    path,
  );
  if (!found) return undefined;
  const [, owner, name, inside] = found;
  return [owner, name, ...(inside === undefined ? [] : [inside.replaceAll('\\', '/')])].join('/');
}
