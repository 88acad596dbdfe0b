/** @file What a run reports while it goes: `metrics.jsonl`, one line a step, and TensorBoard events under `events/`. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { RunFolder, CheckpointPlace } from './run-folder.ts';
import { TensorBoardWriter } from './tensorboard.ts';

/** One step of a stage, as a line of `metrics.jsonl` holds it. */
export interface StepMetrics {
  readonly stage: string;
  /** Steps done with this one. */
  readonly step: number;
  readonly loss: number;
  readonly lr: number;
  readonly gradNorm: number;
  readonly tokens: number;
  readonly images: number;
  /** Since the step before. */
  readonly seconds: number;
  /** Of GPU buffers in use. */
  readonly bytes: number;
}

const SCALARS = ['loss', 'lr', 'gradNorm', 'seconds', 'bytes'] as const;

export class RunLog {
  private readonly path: string;
  private readonly events: TensorBoardWriter;
  private readonly history: StepMetrics[];

  /** Goes on after `from` where given: what was logged later belongs to steps that will run again, and is dropped. */
  constructor(folder: RunFolder, from?: CheckpointPlace) {
    this.path = folder.file('metrics.jsonl');
    this.history =
      from && existsSync(this.path)
        ? readMetrics(this.path).filter((m) => m.stage < from.stage || (m.stage === from.stage && m.step <= from.step))
        : [];
    folder.write('metrics.jsonl', this.history.map(line).join(''));
    this.events = new TensorBoardWriter(folder.file('events'));
    if (from) this.events.restart(from.step);
  }

  step(metrics: StepMetrics): void {
    this.history.push(metrics);
    appendFileSync(this.path, line(metrics));
    for (const name of SCALARS) this.events.scalar(`${metrics.stage}/${name}`, metrics[name], metrics.step);
  }

  /** Any other number, such as an accuracy on held-out questions. */
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

  /** Steps logged so far, those before a resume included. */
  steps(stage: string): StepMetrics[] {
    return this.history.filter((metrics) => metrics.stage === stage);
  }

  close(): void {
    this.events.close();
  }
}

const line = (metrics: StepMetrics): string => `${JSON.stringify(metrics)}\n`;

/** Lines of a `metrics.jsonl`; a last line cut off by a crash is left out. */
export function readMetrics(path: string): StepMetrics[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return text === '' ? [] : [JSON.parse(text) as StepMetrics];
      } catch {
        return [];
      }
    });
}
