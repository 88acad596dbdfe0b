/** @file Messages between the page and its worker. */
import type { Picture } from '@curio/model';
import type { FromStages } from './how/run-stages.ts';
import type { FromInside, Part } from './inside/messages.ts';
import type { FromSwaps, ToSwaps } from './lab/messages.ts';
import type { FromLearner, ToLearner } from './learning/messages.ts';

export type ToWorker =
  | { readonly kind: 'open' /** Address of the folder with the model's files. */; readonly model: string }
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly picture: Picture;
      readonly question: string;
      readonly trace: boolean;
    }
  | {
      readonly kind: 'self';
      readonly id: number;
      readonly picture: Picture;
      readonly questions: number;
      readonly seed: number;
      readonly trace: boolean;
    }
  | { readonly kind: 'how'; readonly id: number; readonly picture: Picture }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'learn'; readonly message: ToLearner }
  | ToSwaps;

export type FromWorker =
  | {
      readonly kind: 'loading';
      readonly label: string /** 0…1, or null if it is not known. */;
      readonly share: number | null;
    }
  | ({ readonly kind: 'ready' } & Opened)
  | {
      readonly kind: 'text';
      readonly id: number;
      readonly part: Part;
      readonly index: number;
      readonly text: string;
      readonly tokens: number;
      readonly seconds: number;
    }
  | {
      readonly kind: 'sure';
      readonly id: number;
      readonly part: Part;
      readonly index: number /** Of the text under the model. */;
      readonly probability: number;
    }
  | FromInside
  | FromStages
  | FromSwaps
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string }
  | { readonly kind: 'learning'; readonly said: FromLearner }
  | { readonly kind: 'closed'; readonly reason: Closed; readonly message: string };

/** Why there is no model to talk to: the browser, the device, missing files on the server, or anything else. */
export type Closed = 'no-webgpu' | 'no-adapter' | 'no-base' | 'lost' | 'error';

export interface Opened {
  /** Name of the adapter. */
  readonly device: string;
  readonly isSoftware: boolean;
  readonly parameters: number;
  /** Of the training run; null if nothing was trained. */
  readonly summary: Summary | null;
}

/** The part of a run's summary.json that the page shows. */
export interface Summary {
  readonly name: string;
  readonly adapter: string;
  readonly answers: { readonly overall: number; readonly count: number } | null;
  readonly blind: { readonly overall: number } | null;
  readonly seconds: { readonly train: number };
}
