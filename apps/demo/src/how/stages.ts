/** @file The page's state of "How it works": the stages that were run on a picture. */
import type { Picture } from '@curio/model';
import { signal } from '@preact/signals';
import type { Stage } from './run-stages.ts';

/** Of the job; ids of talks count up from 0. */
export const HOW = -1;

export interface Shown {
  readonly picture: Picture;
  readonly stages: readonly Stage[];
  readonly isRunning: boolean;
  /** Why it ended early. */
  readonly message: string;
}
export const shown = signal<Shown | null>(null);

export function beginHow(picture: Picture): void {
  shown.value = { picture, stages: [], isRunning: true, message: '' };
}

export function keepStage(stage: Stage): void {
  if (shown.value) shown.value = { ...shown.value, stages: [...shown.value.stages, stage] };
}

export function endHow(message: string): void {
  if (shown.value?.isRunning) shown.value = { ...shown.value, isRunning: false, message };
}
