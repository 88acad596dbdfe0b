/** @file Messages between the page and the learner in its worker. */
import type { Scene, SceneSamples } from '@curio/scenes';
import type { Drawing } from './lessons.ts';

/** What to learn from: drawings mixed with samples, samples alone, or an adapter loaded from a file. */
export type Source = 'drawings' | 'samples' | 'file';
export type InUse = 'original' | 'learned';

/** Everything that determines a training run, besides the model that it starts from. */
export interface Plan {
  readonly source: Source;
  /** Those learned from; not those of the exam. */
  readonly drawings: readonly Drawing[];
  /** Held out. */
  readonly apart: readonly Drawing[];
  /** Scenes of the exam, and handwriting for the lessons. */
  readonly samples: SceneSamples;
  readonly seed: number;
  readonly steps: number;
}

/** A question of the exam, with the model's answers before and after. */
export interface Examined {
  readonly isDrawing: boolean;
  readonly scene: Scene;
  readonly question: string;
  readonly expected: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What the model asked itself during training. */
export interface SelfAsked {
  readonly step: number;
  readonly scene: Scene;
  readonly question: string;
  readonly answer: string;
}

export interface Learning {
  readonly state: 'preparing' | 'training' | 'paused' | 'examining' | 'done';
  readonly source: Source;
  readonly step: number;
  readonly steps: number;
  /** Of each step. */
  readonly losses: readonly number[];
  readonly tokensPerSecond: number | null;
  /** On the device: everything that the page has there. */
  readonly bytes: number | null;
  readonly asked: readonly SelfAsked[];
  readonly exam: readonly Examined[];
}

export type ToLearner =
  /** Looks for what was stored; on request uses it, and continues an interrupted training run. */
  | { readonly kind: 'look'; readonly use: InUse; readonly goOn: boolean }
  | { readonly kind: 'train'; readonly plan: Plan }
  | { readonly kind: 'resume' | 'pause' | 'stop' | 'export' | 'forget' }
  | { readonly kind: 'use'; readonly which: InUse }
  /** `plan`: what the page would train, for its samples. */
  | { readonly kind: 'load'; readonly file: Blob; readonly name: string; readonly plan: Plan };

export type FromLearner =
  | { readonly kind: 'learning'; readonly learning: Learning | null }
  | { readonly kind: 'using'; readonly which: InUse }
  /** One sentence for the visitor, or '' when all is well again. */
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'exported'; readonly zip: Blob };
