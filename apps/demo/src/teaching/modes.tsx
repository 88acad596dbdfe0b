/** @jsxImportSource preact */
/** @file The choice between asking and teaching; the code for teaching is loaded when it is first wanted. */
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { inUse, mode, notedLearned } from './mode.ts';

const panel = signal<ComponentType | 'loading' | 'failed'>('loading');

async function fetchPanel(): Promise<void> {
  if (typeof panel.value === 'function') return;
  panel.value = 'loading';
  try {
    const { Panel } = await import('./panel.tsx');
    panel.value = Panel;
  } catch {
    panel.value = 'failed';
  }
}

/** What an earlier visit learned is restored without asking. */
export function bringBackLearned(): void {
  if (notedLearned() !== null) void fetchPanel();
}

function choose(which: 'ask' | 'teach'): void {
  mode.value = which;
  if (which === 'teach') void fetchPanel();
}

export function Modes() {
  return (
    <nav class="modes" aria-label="What to do">
      <button type="button" id="mode-ask" aria-pressed={mode.value === 'ask'} onClick={() => choose('ask')}>
        Ask it
      </button>
      <button type="button" id="mode-teach" aria-pressed={mode.value === 'teach'} onClick={() => choose('teach')}>
        Teach it
      </button>
    </nav>
  );
}

export function Teach() {
  const shown = panel.value;
  if (shown === 'loading') return <p class="hint">Loading the lessons …</p>;
  if (shown === 'failed')
    return (
      <p class="hint" role="alert">
        What teaches could not be loaded; look at the connection.{' '}
        <button type="button" id="teach-again" onClick={() => void fetchPanel()}>
          Try again
        </button>
      </p>
    );
  const Panel = shown;
  return <Panel />;
}

/** Says, in place of the conversation, which model these answers come from. */
export function LearnedNote() {
  if (inUse.value === 'original') return null;
  return (
    <p id="learned-note" class="hint">
      It answers with what it learned from you.{' '}
      <button type="button" class="small" onClick={() => choose('teach')}>
        Change
      </button>
    </p>
  );
}
