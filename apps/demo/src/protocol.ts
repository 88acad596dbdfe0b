/** @file What the page and its worker say to each other. */

export interface Picture { readonly width: number; readonly height: number; readonly rgb: Uint8Array }

export type ToWorker =
  | { readonly kind: 'open'; /** Address of the page: a worker's own is another. */ readonly base: string }
  | { readonly kind: 'ask'; readonly id: number; readonly picture: Picture; readonly question: string }
  | { readonly kind: 'self'; readonly id: number; readonly picture: Picture; readonly questions: number; readonly seed: number };

export type FromWorker =
  | { readonly kind: 'loading'; readonly label: string; readonly done: number; readonly total: number }
  | { readonly kind: 'ready'; readonly adapter: string; readonly accuracy: number | null }
  | { readonly kind: 'text'; readonly id: number; readonly part: Part; readonly index: number; readonly text: string; readonly rate: number }
  | { readonly kind: 'done'; readonly id: number }
  | { readonly kind: 'failed'; readonly id: number | null; readonly message: string };

/** Which text grows: the answer asked for, or one of those of a self-questioning. */
export type Part = 'answer' | 'description' | 'question' | 'self-answer';
