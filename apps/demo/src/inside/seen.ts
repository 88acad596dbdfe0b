/** @file What the page knows of the inside of its answers, and what of it is shown. */
import type { PrototypeTrace } from '@curio/model';
import { computed, signal } from '@preact/signals';
import type { FromInside, Part, SeenWord } from './messages.ts';

export type Place = `${Part} ${number}`;

interface Seen {
  readonly prototypes: PrototypeTrace | null;
  /** By part and number of the text. */
  readonly texts: Readonly<Partial<Record<Place, readonly SeenWord[]>>>;
}
const NOTHING: Seen = { prototypes: null, texts: {} };

/** Whether future answers are traced. */
export const seesInside = signal(false);
/** By talk. */
export const seen = signal<ReadonlyMap<number, Seen>>(new Map());
/** The word that is shown. */
export const chosen = signal<{ readonly talk: number; readonly place: Place; readonly word: number } | null>(null);
export const view = signal<'attention' | 'prototypes'>('attention');
/** The layer whose attention is shown; null: the mean over all layers. */
export const layer = signal<number | null>(null);
/** The iteration of the prototypes that is shown; null: the final ones. */
export const iteration = signal<number | null>(null);

export const chosenWord = computed((): SeenWord | null => {
  const at = chosen.value;
  return (at && seen.value.get(at.talk)?.texts[at.place]?.[at.word]) ?? null;
});

/** Stores what the worker reports. */
export function keepSeen(message: FromInside): void {
  const old = seen.value.get(message.id) ?? NOTHING;
  let next: Seen;
  if (message.kind === 'patches') next = { ...old, prototypes: message.prototypes };
  else {
    const place: Place = `${message.part} ${message.index}`;
    next = { ...old, texts: { ...old.texts, [place]: [...(old.texts[place] ?? []), message.word] } };
  }
  seen.value = new Map(seen.value).set(message.id, next);
}

/** Called before a talk is written, for the first time or again. */
export function forgetSeen(id: number): void {
  if (!seen.value.has(id)) return;
  const rest = new Map(seen.value);
  rest.delete(id);
  seen.value = rest;
}
