/**
 * @file The files at the end of a run: `answers.jsonl` and `asked.jsonl`, `summary.json`, `loss.svg`, `report.html`.
 * Each is replaced atomically.
 */
import type { RunConfig } from '../config/schema.ts';
import { ANSWERS, answerLines, ASKED, askedLines } from '../train/answer-lines.ts';
import type { AnsweredQuestion } from '../train/evaluate.ts';
import type { Environment } from './environment.ts';
import type { RunLog } from './log.ts';
import { lossChart, type LossCurve } from './loss-chart.ts';
import { reportPage } from './report.ts';
import type { RunFolder } from './run-folder.ts';
import { summaryPage, type AskedScene, type Summary } from './summary.ts';
import type { Terminal } from './terminal.ts';

export interface Outcome {
  readonly summary: Summary;
  readonly config: RunConfig;
  readonly environment: Environment;
  readonly answered: readonly AnsweredQuestion[];
  readonly scenes: readonly AskedScene[];
}

const LABELS: Readonly<Record<string, string>> = { stage1: 'Stage 1: alignment', stage2: 'Stage 2: self-questioning' };

export const curvesOf = (log: RunLog): LossCurve[] =>
  Object.entries(LABELS).map(([stage, label]) => ({
    label,
    points: log.steps(stage).map(({ step, loss }) => ({ step, loss })),
  }));

/** Also useful during a run. */
export const writeLossChart = (folder: RunFolder, log: RunLog): void =>
  folder.write('loss.svg', lossChart(curvesOf(log)));

/** Writes everything; returns the text for the terminal, which shows `shown` of the scenes. */
export function writeOutcome(
  folder: RunFolder,
  log: RunLog,
  { summary, config, environment, answered, scenes }: Outcome,
  terminal: Terminal,
  shown = 3,
): string {
  // The summary comes last: if it exists, the run is finished and has its answers.
  folder.write(ANSWERS, answerLines(answered));
  folder.write(ASKED, askedLines(scenes));
  folder.write('summary.json', `${JSON.stringify(summary, null, 2)}\n`);
  writeLossChart(folder, log);
  folder.write('report.html', reportPage({ summary, config, environment, curves: curvesOf(log), scenes }));
  const losses = Object.fromEntries(
    Object.keys(LABELS).map((stage) => [stage, log.steps(stage).map(({ loss }) => loss)]),
  );
  const files = ['report.html', 'loss.svg', 'summary.json', ANSWERS, ASKED, 'metrics.jsonl', 'events/'].map((name) =>
    folder.file(name),
  );
  const { candidates } = config.ask;
  return summaryPage(summary, { losses, scenes: scenes.slice(0, shown), candidates, files }, terminal);
}
