/** @file What the page's first load must know about learning; everything else is loaded on demand. */
import { signal } from '@preact/signals';
import type { InUse } from '../learning/messages.ts';

/** What the side panel is for. */
export const mode = signal<'ask' | 'teach'>('ask');
/** Which model answers. */
export const inUse = signal<InUse>('original');

const KEY = 'curio-learning';

/** Notes for the next visit that something was learned, and what is in use; null: nothing was learned. */
export function noteLearned(what: InUse | null): void {
  try {
    if (what === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, what);
  } catch {
    // A browser that stores nothing begins with the original model each time.
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
