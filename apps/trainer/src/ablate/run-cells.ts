/**
 * @file Trains the cells of an ablation, each by `curio train` in a process of its own, so that a lost device or a
 * crash costs one cell. A finished cell is not trained again; an interrupted one resumes from its checkpoint.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SceneSet } from '@curio/scenes';
import { makeFolder } from '../disk/system-error.ts';
import { setAnswers } from '../eval/scene-sets.ts';
import { isFile } from '../run/files.ts';
import { EXIT } from '../run/interrupt.ts';
import type { Interrupt } from '../run/interrupt.ts';
import { readLines } from '../run/log.ts';
import type { Progress } from '../run/progress.ts';
import { clock } from '../run/terminal.ts';
import type { Cell } from './cells.ts';
import { setsFolder } from './measures.ts';

export interface CellTraining {
  readonly cells: readonly Cell[];
  /** Folders of the runs, and of their output. */
  readonly runs: string;
  readonly logs: string;
  /** Harder sets of questions for each trained cell; null: none. */
  readonly sets: readonly SceneSet[] | null;
  /** Arguments of `curio train` that all cells share. */
  readonly args: readonly string[];
  /** Steps of a cell, both stages together. */
  readonly steps: number;
  /** Cells trained in parallel. */
  readonly jobs: number;
  readonly interrupt: Interrupt;
  readonly progress: Progress;
}

/** A cell that could not be trained, with the sentence that its run ended with. */
export interface FailedCell {
  readonly cell: Cell;
  readonly sentence: string;
}

const isTrained = (runs: string, { name }: Cell): boolean => isFile(join(runs, name, 'summary.json'));

/** Sets that a cell has not answered yet. */
const setsLeft = ({ runs, sets }: Pick<CellTraining, 'runs' | 'sets'>, cell: Cell): SceneSet[] =>
  (sets ?? []).filter((set) => !isFile(setAnswers(setsFolder(runs, cell), set)));

/** Whether a cell is trained and has answered the sets. */
export const isFinished = (training: Pick<CellTraining, 'runs' | 'sets'>, cell: Cell): boolean =>
  isTrained(training.runs, cell) && setsLeft(training, cell).length === 0;

const POLL_MS = 1000;

/** Trains unfinished cells, until interrupted. Returns those that failed. */
export async function trainCells(training: CellTraining): Promise<FailedCell[]> {
  const { cells, jobs, interrupt, progress } = training;
  const waiting = cells.filter((cell) => !isFinished(training, cell));
  const watch = new Watch(training, waiting.length);
  const failed: FailedCell[] = [];
  let noDevice = false;
  const timer = setInterval(() => progress.status(watch.line()), POLL_MS);
  const work = async (): Promise<void> => {
    for (;;) {
      if (interrupt.requested || noDevice) return;
      const cell = waiting.shift();
      if (!cell) return;
      watch.begin(cell);
      const { code, sentence } = await finishCell(cell, training);
      const done = isFinished(training, cell);
      watch.end(cell, done);
      if (done) progress.note(watch.finished(cell));
      else if (!interrupt.requested) {
        failed.push({ cell, sentence });
        progress.note(`${cell.label}, seed ${cell.seed}: ${sentence}`);
      }
      noDevice ||= code === EXIT.noDevice; // none of the others would find one
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, waiting.length) }, work));
  } finally {
    clearInterval(timer);
    progress.end();
  }
  return failed;
}

/** Runs the rest of a cell: its training, and its answers to the sets. */
async function finishCell(cell: Cell, training: CellTraining): Promise<Ended> {
  const { runs, args, interrupt } = training;
  const run = join(runs, cell.name);
  if (!isTrained(runs, cell)) {
    const words = cell.overrides.map(([path, text]) => `--${path}=${text}`);
    const trained = await curio(
      existsSync(join(run, 'config.json'))
        ? ['train', '--resume', run]
        : ['train', '--runs', runs, '--name', cell.name, ...args, ...words],
      cell,
      training,
    );
    if (isFinished(training, cell) || interrupt.requested || !isTrained(runs, cell)) return trained;
  }
  const sets = setsLeft(training, cell).join(',');
  return curio(['eval', 'scenes', '--run', run, '--set', sets, '--out', setsFolder(runs, cell)], cell, training);
}

interface Ended {
  readonly code: number | null;
  readonly sentence: string;
}

/** Runs a curio command, with its output in a file; its process ends with this one. */
async function curio(words: readonly string[], { name }: Cell, { logs, interrupt }: CellTraining): Promise<Ended> {
  makeFolder(logs);
  const child: ChildProcess = fork(process.argv[1]!, words, {
    ...{ execArgv: process.execArgv, silent: true },
    env: { ...process.env, CURIO_SETUP_SECONDS: '0' },
  });
  const log = createWriteStream(join(logs, `${name}.txt`), { flags: 'a' });
  log.on('error', () => {}); // a full disk ends the run itself, with a sentence
  let said = '';
  child.stdout!.pipe(log, { end: false });
  child.stderr!.on('data', (bytes: Buffer) => {
    log.write(bytes);
    said = (said + bytes.toString()).slice(-4000);
  });
  const stop = (): void => void child.kill('SIGINT');
  interrupt.signal.addEventListener('abort', stop);
  const code = await new Promise<number | null>((done) => child.on('close', done));
  interrupt.signal.removeEventListener('abort', stop);
  log.end();
  return { code, sentence: said.trim().split('\n').at(-1) || `it ended with code ${code}` };
}

/** Progress over all cells. */
class Watch {
  private readonly since = performance.now();
  /** Steps that the running cells had done before this process started. */
  private readonly running = new Map<Cell, number>();
  /** Work of this process, in cells. */
  private worked = 0;

  constructor(
    private readonly training: CellTraining,
    private left: number,
  ) {}

  begin(cell: Cell): void {
    this.running.set(cell, this.stepsOf(cell));
  }

  end(cell: Cell, done: boolean): void {
    const before = this.running.get(cell)!;
    this.running.delete(cell);
    this.left--;
    if (done) this.worked += 1 - before / this.training.steps;
  }

  finished({ label, seed }: Cell): string {
    const { length } = this.training.cells;
    return `cell ${length - this.left} of ${length} is finished: ${label}, seed ${seed} · ETA ${this.eta()}`;
  }

  line(): string {
    const { cells, steps } = this.training;
    const now = [...this.running.keys()].map(
      (cell) => `${cell.label}, seed ${cell.seed}: step ${this.stepsOf(cell)}/${steps}`,
    );
    return [`cells ${cells.length - this.left}/${cells.length}`, ...now, `ETA ${this.eta()}`].join(' · ');
  }

  private eta(): string {
    const { steps } = this.training;
    let [worked, left] = [this.worked, this.left];
    for (const [cell, before] of this.running) {
      const now = this.stepsOf(cell);
      worked += Math.max(0, now - before) / steps;
      left -= now / steps;
    }
    if (this.left === 0) return clock(0);
    return worked > 0 ? clock(((performance.now() - this.since) / 1000 / worked) * left) : 'not known yet';
  }

  private stepsOf({ name }: Cell): number {
    const path = join(this.training.runs, name, 'metrics.jsonl');
    return isFile(path) ? readLines(path).length : 0;
  }
}
