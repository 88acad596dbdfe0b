/** @file The environment of a run, so that it can be reproduced: versions, machine, adapter, commit. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import type { AdapterReport } from '@curio/engine';

export interface Environment {
  readonly adapter: string;
  readonly node: string;
  readonly webgpu: string;
  readonly platform: string;
  readonly processor: string;
  readonly cores: number;
  /** Commit of Curio's working copy, with `+changes` if files differ from it; null outside git. */
  readonly commit: string | null;
}

/** One line that names the adapter. */
export const adapterName = ({ vendor, architecture, device, description }: AdapterReport): string =>
  description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unknown adapter';

export function describeEnvironment(adapter: AdapterReport): Environment {
  return {
    adapter: adapterName(adapter),
    node: process.versions.node,
    webgpu: versionOf('webgpu'),
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    commit: commit(),
  };
}

function versionOf(name: string): string {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
  } catch {
    return 'unknown';
  }
}

/** The pack has no repository and names the commit that it was made of. */
function commit(): string | null {
  if (process.env.CURIO_COMMIT) return process.env.CURIO_COMMIT;
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return (
      git('rev-parse', '--short=12', 'HEAD') +
      (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+changes')
    );
  } catch {
    return null; // git is not installed, or this is not a repository
  }
}
