/** @file The page's state of "How it works": the stages that were run on a picture. */
import type { Picture } from '@curio/model';
import { signal } from '@preact/signals';
import type { Stage } from './run-stages.ts';

export interface Shown {
  /** Of the job, below 0: those of talks count from 0. */
  readonly id: number;
  readonly picture: Picture;
  readonly stages: readonly Stage[];
  readonly isRunning: boolean;
  /** Why it ended early. */
  readonly message: string;
}
export const shown = signal<Shown | null>(null);

let last = 0;

/** @returns the id of the job */
export function beginHow(picture: Picture): number {
  shown.value = { id: --last, picture, stages: [], isRunning: true, message: '' };
  return last;
}

/** The run that a job's message is about, unless it is over or another one has begun. */
const running = (id: number): Shown | null => (shown.value?.id === id && shown.value.isRunning ? shown.value : null);

export function keepStage(id: number, stage: Stage): void {
  const now = running(id);
  if (now) shown.value = { ...now, stages: [...now.stages, stage] };
}

/** @param id null: whichever runs */
export function endHow(id: number | null, message: string): void {
  const now = running(id ?? last);
  if (now) shown.value = { ...now, isRunning: false, message };
}
