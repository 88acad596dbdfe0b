/** @file The small model's own benchmark: the evaluation at the end of a run, for any model and with the same code. */
import { join } from 'node:path';
import { ConfigError } from '@curio/engine';
import type { SceneSet } from '@curio/scenes';
import { RUN_PRESETS } from '../config/presets.ts';
import { writeAtomic } from '../run/files.ts';
import { Progress } from '../run/progress.ts';
import { RunFolder } from '../run/run-folder.ts';
import { openTerminal } from '../run/terminal.ts';
import type { Talk } from '../talk/open.ts';
import { ANSWERS, answerLines, ASKED, askedLines } from '../train/answer-lines.ts';
import { openScenes } from '../train/data.ts';
import { evaluate } from '../train/evaluate.ts';
import type { Evaluation } from '../train/evaluate.ts';
import { answerSets } from './scene-sets.ts';
import type { SetResult } from './scene-sets.ts';

export interface ScenesOptions {
  readonly run?: string;
  readonly model?: string;
}

/** How scenes are drawn and asked about: as in the run, or for a model given by folders, as in the preset small. */
function configOf(run: string | undefined, isRun: boolean) {
  const config = isRun
    ? (run === undefined ? RunFolder.newest()! : RunFolder.open(run)).readConfig()
    : RUN_PRESETS.small;
  const { scenes } = config.data;
  if (!scenes)
    throw new ConfigError(
      'eval: scenes: the run was not trained on the embedded scenes; give a run of the small model with --run.',
    );
  return { config, scenes };
}

/**
 * Null if `signal` aborted it. Writes the figures to `result.json` under `out`, and the answers and self-asked
 * questions to `answers.jsonl` and `asked.jsonl`.
 */
export async function evaluateScenes(
  talk: Talk,
  { run, model }: ScenesOptions,
  out: string,
  signal: AbortSignal,
): Promise<Evaluation | null> {
  const { config, scenes } = configOf(run, model === undefined);
  const progress = new Progress(openTerminal(process.stderr), []);
  try {
    const data = await openScenes(config, scenes, 'data', (done, total) =>
      progress.activity('drawing scenes', done, total),
    );
    const found = await evaluate(talk, data, talk.ask, config.seed, {
      ...{ signal, onPart: (label: string, count: number) => progress.activity(label, 0, count) },
    });
    if (signal.aborted) return null;
    const { answers, blind, selfAsked } = found;
    const settings = settingsOf(talk, config.seed);
    const result = {
      benchmark: 'scenes',
      name: talk.name,
      answers,
      blind,
      selfAsked,
      settings: { ...settings, scenes },
    };
    writeAtomic(join(out, ANSWERS), answerLines(found.answered));
    writeAtomic(join(out, ASKED), askedLines(found.asked));
    writeAtomic(join(out, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
    return found;
  } finally {
    progress.end();
  }
}

const settingsOf = (talk: Talk, seed: number): object => ({
  ...{ model: talk.name, from: talk.from, template: talk.template, ask: talk.ask, seed },
});

/** Evaluates harder sets instead and writes `sets.json` under `out`. Null if `signal` aborted it. */
export async function evaluateSets(
  talk: Talk,
  { run, model }: ScenesOptions,
  sets: readonly SceneSet[],
  out: string,
  signal: AbortSignal,
): Promise<Partial<Record<SceneSet, SetResult>> | null> {
  const { config } = configOf(run, model === undefined);
  const progress = new Progress(openTerminal(process.stderr), []);
  try {
    const { withheldPairs = 0 } = config.data;
    const found = await answerSets(talk, sets, out, {
      ...{ ask: talk.ask, seed: config.seed, withheldPairs, signal },
      onPart: (label, count) => progress.activity(label, 0, count),
    });
    if (!found) return null;
    const result = { benchmark: 'scenes', name: talk.name, sets: found, settings: settingsOf(talk, config.seed) };
    writeAtomic(join(out, 'sets.json'), `${JSON.stringify(result, null, 2)}\n`);
    return found;
  } finally {
    progress.end();
  }
}
