/** @file What a run logs: `metrics.jsonl`, one line per step, and TensorBoard events under `events/`. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { withFile } from '../disk/system-error.ts';
import type { RunFolder, CheckpointPlace } from './run-folder.ts';
import { TensorBoardWriter } from './tensorboard.ts';

/** One step of a stage, a line of `metrics.jsonl`. */
export interface StepMetrics {
  readonly stage: string;
  /** Steps done, including this one. */
  readonly step: number;
  readonly loss: number;
  readonly lr: number;
  readonly gradNorm: number;
  readonly tokens: number;
  readonly images: number;
  /** Since the previous step. */
  readonly seconds: number;
  /** GPU buffers in use. */
  readonly bytes: number;
}

const SCALARS = ['loss', 'lr', 'gradNorm', 'seconds', 'bytes'] as const;

export class RunLog {
  private readonly path: string;
  private readonly events: TensorBoardWriter;
  private readonly history: StepMetrics[];

  /** Continues after `from` if given: later entries belong to steps that will run again, and are dropped. */
  constructor(folder: RunFolder, from?: CheckpointPlace) {
    this.path = folder.file('metrics.jsonl');
    this.history =
      from && existsSync(this.path)
        ? readLines<StepMetrics>(this.path).filter(
            (m) => m.stage < from.stage || (m.stage === from.stage && m.step <= from.step),
          )
        : [];
    folder.write('metrics.jsonl', this.history.map(line).join(''));
    this.events = new TensorBoardWriter(folder.file('events'));
    if (from) this.events.restart(from.step);
  }

  /** @throws FileError */
  step(metrics: StepMetrics): void {
    this.history.push(metrics);
    withFile(this.path, () => appendFileSync(this.path, line(metrics)));
    for (const name of SCALARS) this.events.scalar(`${metrics.stage}/${name}`, metrics[name], metrics.step);
  }

  /** Any other scalar, such as the accuracy on held-out questions. */
  scalar(tag: string, value: number, step: number): void {
    this.events.scalar(tag, value, step);
  }

  /** Text in Markdown. */
  text(tag: string, content: string, step: number): void {
    this.events.text(tag, content, step);
  }

  image(tag: string, png: Uint8Array, size: { width: number; height: number }, step: number): void {
    this.events.image(tag, png, size, step);
  }

  /** Steps logged so far, including those before a resume. */
  steps(stage: string): StepMetrics[] {
    return this.history.filter((metrics) => metrics.stage === stage);
  }

  close(): void {
    this.events.close();
  }
}

/** A line of a `.jsonl` file. */
export const line = (value: object): string => `${JSON.stringify(value)}\n`;

/** Lines of a `.jsonl` file; an incomplete last line, left by a crash, is ignored. */
export function readLines<T>(path: string): T[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return text === '' ? [] : [JSON.parse(text) as T];
      } catch {
        return [];
      }
    });
}
