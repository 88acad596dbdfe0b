/** @file What the page's first load has to know of learning; everything else comes when it is asked for. */
import { signal } from '@preact/signals';
import type { InUse } from '../learning/messages.ts';

/** What the side of the page is for. */
export const mode = signal<'ask' | 'teach'>('ask');
/** Whose answers the page gives. */
export const inUse = signal<InUse>('original');

const KEY = 'curio-learning';

/** Notes for the next visit that something was learned, and what is in use; null: nothing was. */
export function noteLearned(what: InUse | null): void {
  try {
    if (what === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, what);
  } catch {
    // A browser that keeps nothing begins with the original each time.
  }
}

/** What an earlier visit noted. */
export function notedLearned(): InUse | null {
  try {
    const what = localStorage.getItem(KEY);
    return what === 'original' || what === 'learned' ? what : null;
  } catch {
    return null;
  }
}
