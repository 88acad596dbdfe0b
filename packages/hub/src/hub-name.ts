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
      `hub: '${revision}' in ${text} is not a revision; write ${name}@REVISION with a branch, a tag or a commit.`,
    );
  return { name, revision };
}

export const shownHubName = ({ name, revision }: HubName): string =>
  revision === 'main' ? name : `${name}@${revision}`;

/** The repository and commit that a folder in a hub's cache, or below one, belongs to; undefined for any other path. */
function partsOf(
  path: string,
): { readonly name: string; readonly commit: string; readonly inside: string } | undefined {
  const found =
    /(?:^|[/\\])models--([^/\\]+?)--([^/\\]+)[/\\]snapshots[/\\]([0-9a-f]{40})((?:[/\\][^/\\]+)*)[/\\]?$/.exec(path);
  if (!found) return undefined;
  const [, owner, name, commit, inside] = found;
  return { name: `${owner}/${name}`, commit: commit!, inside: inside!.replaceAll('\\', '/') };
}

/** `owner/name` of a folder in a hub's cache, with the path inside it; undefined for any other. */
export function hubNameOf(path: string): string | undefined {
  const parts = partsOf(path);
  return parts && parts.name + parts.inside;
}

/** `owner/name@commit` of a repository's folder in a hub's cache, which is the same on any machine; else the path. */
export function pinnedName(path: string): string {
  const parts = partsOf(path);
  return parts && parts.inside === '' ? `${parts.name}@${parts.commit}` : path;
}
