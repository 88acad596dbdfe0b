/** @file `runs/<name>/`: the files of a run, and its checkpoints. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '@curio/engine';
import { stringify } from 'yaml';
import { checkConfig } from '../config/load.ts';
import type { RunConfig } from '../config/schema.ts';
import { upgradeConfig } from '../config/upgrade.ts';
import type { Environment } from './environment.ts';
import { isLock, lockFolder } from '../disk/lock.ts';
import { makeFolder } from '../disk/system-error.ts';
import { isFile, removeLeftovers, readJson, readText, writeFolderAtomic, writeAtomic } from './files.ts';

export interface RunFolderOptions {
  /** Folder of all runs. Default `runs`. */
  readonly root?: string;
  /** Default: the preset and the time. */
  readonly name?: string;
  readonly preset: string;
  readonly now?: Date;
}

/** Where in the training a checkpoint is. */
export interface CheckpointPlace {
  readonly stage: 'stage1' | 'stage2';
  /** Steps done. */
  readonly step: number;
}
export interface SavedCheckpoint extends CheckpointPlace {
  readonly path: string;
}

const CHECKPOINT = /^(stage[12])-(\d{6})$/;

export class RunFolder {
  private release: (() => void) | null = null;

  private constructor(readonly path: string) {}

  /**
   * Creates a new folder and locks it.
   * @throws ConfigError if the folder already has a run, or the name is a path; FileError if it cannot be created
   */
  static create({ root = 'runs', name, preset, now = new Date() }: RunFolderOptions): RunFolder {
    const stamp = now.toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '');
    if (name !== undefined && (/[/\\\0]/.test(name) || ['', '.', '..'].includes(name)))
      throw new ConfigError(
        `run: --name is '${name}'; it must be a plain folder name, which is created under ${root}/.`,
      );
    const path = join(root, name ?? `${preset}-${stamp}`);
    makeFolder(path, 'run');
    const folder = new RunFolder(path);
    folder.lock();
    if (readdirSync(path).some((entry) => !isLock(entry))) {
      folder.unlock();
      throw new ConfigError(
        `run: ${path} already has a run; resume it with --resume ${path}, or choose another --name.`,
      );
    }
    return folder;
  }

  /** Opens the folder of an existing run. @throws ConfigError if there is no run in it */
  static open(path: string): RunFolder {
    if (!isFile(join(path, 'config.json')))
      throw new ConfigError(`run: there is no run in ${path}; the folder of a run has a config.json.`);
    return new RunFolder(path);
  }

  /** The newest run; undefined if there is none. */
  static newest(root = 'runs'): RunFolder | undefined {
    if (!existsSync(root)) return undefined;
    const runs = readdirSync(root)
      .map((name) => join(root, name))
      .filter((path) => isFile(join(path, 'config.json')));
    const [path] = runs.sort(
      (a, b) => statSync(join(b, 'config.json')).mtimeMs - statSync(join(a, 'config.json')).mtimeMs,
    );
    return path === undefined ? undefined : new RunFolder(path);
  }

  /**
   * Locks the folder until `unlock` or the end of this process, and removes what a crash left half written.
   * @throws ConfigError if another process trains here
   */
  lock(): void {
    this.release = lockFolder(this.path);
    for (const root of [this.path, this.file('checkpoints')]) if (existsSync(root)) removeLeftovers(root);
  }

  unlock(): void {
    this.release?.();
    this.release = null;
  }

  /** Whether a step was logged or saved. */
  hasSteps(): boolean {
    return this.checkpoints().length > 0 || (isFile(this.file('metrics.jsonl')) && this.read('metrics.jsonl') !== '');
  }

  /** Deletes a run without steps, so that its name is free. */
  discard(): void {
    this.unlock();
    rmSync(this.path, { recursive: true, force: true });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  read(name: string): string {
    return readText(this.file(name), 'run');
  }

  write(name: string, content: string | Uint8Array | readonly Uint8Array[]): void {
    writeAtomic(this.file(name), content);
  }

  /** The configuration, as JSON for `--resume` and as YAML for people, and the environment. */
  writeConfig(config: RunConfig, environment: Environment): void {
    this.write('config.json', `${JSON.stringify(config, null, 2)}\n`);
    this.write(
      'config.yaml',
      `# The complete configuration of this run; it can be passed to --config.\n${stringify(config)}`,
    );
    this.write('environment.json', `${JSON.stringify({ ...environment, seed: config.seed }, null, 2)}\n`);
  }

  /** The configuration of the run, upgraded if an earlier version wrote it. */
  readConfig(): RunConfig {
    return checkConfig(upgradeConfig(readJson(this.file('config.json'), 'run')));
  }

  /**
   * Writes a checkpoint atomically, then deletes all but the newest `keep`. Files are given as chunks by path, such as
   * `adapter/adapter_config.json`.
   */
  saveCheckpoint(
    { stage, step }: CheckpointPlace,
    files: Readonly<Record<string, string | Uint8Array | readonly Uint8Array[]>>,
    keep: number,
  ): string {
    const path = this.file(join('checkpoints', `${stage}-${String(step).padStart(6, '0')}`));
    writeFolderAtomic(path, files);
    for (const old of this.checkpoints().slice(0, -keep))
      if (old.path !== path) rmSync(old.path, { recursive: true, force: true });
    return path;
  }

  /** Complete checkpoints, oldest first. */
  checkpoints(): SavedCheckpoint[] {
    const root = this.file('checkpoints');
    if (!existsSync(root)) return [];
    return readdirSync(root)
      .sort()
      .flatMap((name) => {
        const match = CHECKPOINT.exec(name);
        return match
          ? [{ stage: match[1] as CheckpointPlace['stage'], step: Number(match[2]), path: join(root, name) }]
          : [];
      });
  }
}
