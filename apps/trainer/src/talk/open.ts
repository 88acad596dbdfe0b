/** @file Opens what `chat`, `caption`, `batch` and `serve` talk with: a finished run. The one place that says how. */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ConfigError, openGpu } from '@curio/engine';
import type { AskConfig, Picture, Speaker } from '@curio/model';
import { readJson } from '../run/files.ts';
import { RunFolder } from '../run/run-folder.ts';
import { useMatrixUnits } from '../train/matrix-units.ts';
import { baseFolder, openForRun } from '../train/open.ts';

export interface TalkOptions {
  readonly run?: string;
  readonly seed: number;
  readonly matrixUnits?: boolean;
}

export interface Talk {
  /** The run's name. */
  readonly name: string;
  readonly speaker: Speaker;
  readonly prepare: (picture: Picture, aspect?: 'crop' | 'pad') => Float32Array;
  readonly ask: AskConfig;
  /** What the base says that is drawn by where nothing else is said; 1 keeps all words. */
  readonly topP: number;
  close(): void;
}

/**
 * The run of `--run`, or the newest, with its adapter. `command` begins the sentence of an error, `remedy` ends the one
 * that there is no run.
 */
export function finishedRun(
  command: string,
  run: string | undefined,
  remedy: string,
): { readonly folder: RunFolder; readonly adapter: string } {
  const folder = run === undefined ? RunFolder.newest() : RunFolder.open(run);
  if (!folder) throw new ConfigError(`${command}: there is no run under runs/; ${remedy}.`);
  const adapter = folder.file('adapter');
  if (!existsSync(adapter))
    throw new ConfigError(
      `${command}: ${folder.path} is not finished (no ${adapter}); go on with curio train --resume ${folder.path}.`,
    );
  return { folder, adapter };
}

/** Opens the run of `--run` or the newest. `command` begins the sentence of an error. */
export async function openTalk(command: string, { run, seed, matrixUnits }: TalkOptions): Promise<Talk> {
  const { folder, adapter } = finishedRun(command, run, 'train one with curio train, or name one with --run');
  const config = folder.readConfig();
  const gpu = await openGpu({ seed });
  try {
    if (matrixUnits) await useMatrixUnits(gpu);
    const { speaker, prepare } = await openForRun(gpu, config, adapter);
    return {
      ...{ name: basename(resolve(folder.path)), speaker, prepare, ask: config.ask },
      topP: topPOf(baseFolder(config, 'language')),
      close: () => gpu.close(),
    };
  } catch (error) {
    gpu.close();
    throw error;
  }
}

/** `top_p` of the base's generation_config.json, which transformers draws by where none is given. */
function topPOf(folder: string): number {
  const path = join(folder, 'generation_config.json');
  if (!existsSync(path)) return 1;
  const { top_p: topP = 1 } = (readJson(path, 'generation') ?? {}) as { top_p?: unknown };
  if (typeof topP !== 'number' || !(topP > 0 && topP <= 1))
    throw new ConfigError(
      `generation: ${path}: top_p is ${JSON.stringify(topP)}; it must be a number above 0 and at most 1.`,
    );
  return topP;
}
