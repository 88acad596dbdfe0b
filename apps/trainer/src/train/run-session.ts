/** @file Opens everything a training run needs, trains, reports, and closes it again. */
import { join } from 'node:path';
import type { Gpu } from '@curio/engine';
import { checkTrainable } from '@curio/model';
import type { RunConfig } from '../config/schema.ts';
import { PicturePool } from '../data/picture-pool.ts';
import { describeEnvironment } from '../run/environment.ts';
import { EXIT, listenForInterrupt } from '../run/interrupt.ts';
import { RunLog } from '../run/log.ts';
import { Progress } from '../run/progress.ts';
import type { RunFolder, SavedCheckpoint } from '../run/run-folder.ts';
import { openTerminal } from '../run/terminal.ts';
import { readTuning } from '../run/tuning.ts';
import { BadEntries } from './bad-entries.ts';
import { openRunData, trainableData } from './data.ts';
import { openForRun } from './open.ts';
import { Session, STAGES } from './session.ts';

export interface SessionOptions {
  readonly gpu: Gpu;
  readonly config: RunConfig;
  readonly folder: RunFolder;
  /** Checkpoint to resume from. */
  readonly from?: SavedCheckpoint;
  /** Time spent before this process started. */
  readonly setupSeconds: number;
  /** Time the kernels of one step of each stage. */
  readonly profile?: boolean;
}

/** Cost of a stage-1 step relative to one of stage 2, for the ETA. */
const STAGE1_COST = 0.6;

/** Trains and reports. Returns the exit code. */
export async function runSession({
  gpu,
  config,
  folder,
  from,
  setupSeconds,
  profile = false,
}: SessionOptions): Promise<number> {
  const startedAt = Date.now() - 1000 * setupSeconds;
  const terminal = openTerminal();
  const progress = new Progress(
    terminal,
    STAGES.map(({ name, label }) => ({
      name,
      label,
      steps: config.train[name].steps,
      cost: name === 'stage1' ? STAGE1_COST : 1,
    })),
  );
  const interrupt = listenForInterrupt(() =>
    progress.note('Stopping after this step; press Ctrl-C again to quit at once.'),
  );
  const log = new RunLog(folder, from);
  const pool = new PicturePool(config.data.workers ?? undefined);
  try {
    const environment = describeEnvironment(gpu.adapter);
    folder.writeConfig(config, environment);
    if (from) readTuning(gpu, folder);
    progress.note(`run ${folder.path} on ${environment.adapter}`);
    const bad = BadEntries.ofRun(config, folder, (text) => progress.note(text));
    const all = await openRunData(config, 'data', bad, (done, total) =>
      progress.activity(config.data.scenes ? 'drawing scenes' : 'scanning the data', done, total),
    );
    const opened = await openForRun(gpu, config, from && join(from.path, 'adapter'), {
      onReport: (line) => progress.note(line),
    });
    checkTrainable(
      opened.model.parameters.map(({ name }) => name),
      config.train,
    );
    const data = await trainableData(all, config, opened.tokens, bad);
    const setup = (Date.now() - startedAt) / 1000;
    const session = new Session({
      gpu,
      config,
      folder,
      log,
      progress,
      interrupt,
      data,
      bad,
      opened,
      profiled: profile,
      pool,
    });
    const trainStart = Date.now();
    const trained = await session.train(from);
    const train = (Date.now() - trainStart) / 1000;
    if (trained && (await session.report({ setup, train, startedAt, environment }, terminal))) return EXIT.ok;
    progress.note(`Saved. Continue with: curio train --resume ${folder.path}`);
    return EXIT.interrupted;
  } finally {
    await pool.close();
    progress.end();
    log.close();
    interrupt.close();
  }
}
