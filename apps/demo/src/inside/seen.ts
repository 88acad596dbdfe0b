/** @file What the page has seen of the inside of its answers, and what of it is shown. */
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

/** Whether what is asked from now on is looked into. */
export const seesInside = signal(false);
/** By talk. */
export const seen = signal<ReadonlyMap<number, Seen>>(new Map());
/** The word that is shown. */
export const chosen = signal<{ readonly talk: number; readonly place: Place; readonly word: number } | null>(null);
export const view = signal<'attention' | 'prototypes'>('attention');
/** Which layer's attention is shown; null: the mean over all. */
export const layer = signal<number | null>(null);
/** Which iteration of the prototypes is shown; null: what became of them. */
export const iteration = signal<number | null>(null);

export const chosenWord = computed((): SeenWord | null => {
  const at = chosen.value;
  return (at && seen.value.get(at.talk)?.texts[at.place]?.[at.word]) ?? null;
});

/** Takes what the worker tells. */
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

/** Before a talk is written, anew or for the first time. */
export function forgetSeen(id: number): void {
  if (!seen.value.has(id)) return;
  const rest = new Map(seen.value);
  rest.delete(id);
  seen.value = rest;
}
