/** @jsxImportSource preact */
/** @file The way into the kernel lab, which is fetched when it is first opened. */
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';

const panel = signal<ComponentType<{ kernel: string | null }> | 'closed' | 'loading' | 'failed'>('closed');
/** The kernel that was asked for last; null for the lab's own choice. */
const wanted = signal<string | null>(null);

async function fetchPanel(): Promise<void> {
  if (typeof panel.value === 'function') return;
  panel.value = 'loading';
  try {
    const { Lab } = await import('./lab.tsx');
    panel.value = Lab;
  } catch {
    panel.value = 'failed';
  }
}

/** Opens the lab at a kernel, `rows/softmax_naive`. */
export function openLab(kernel: string | null): void {
  wanted.value = kernel;
  document.getElementById('lab-title')?.focus();
  void fetchPanel();
}

export function LabEntrance() {
  const shown = panel.value;
  const Panel = typeof shown === 'function' ? shown : null;
  return (
    <section class="lab" aria-labelledby="lab-title">
      <h2 id="lab-title" tabIndex={-1}>
        Kernel lab
      </h2>
      <p class="hint">
        Every GPU kernel behind these answers, to read and to change: yours is compiled, held against float64, timed on
        this device, and the model can run it.
      </p>
      {Panel ? (
        <Panel kernel={wanted.value} />
      ) : (
        <p>
          <button type="button" id="open-lab" aria-disabled={shown === 'loading'} onClick={() => openLab(wanted.value)}>
            {shown === 'failed' ? 'Try again' : 'Open the lab'}
          </button>{' '}
          <span class="hint" role="status">
            {shown === 'loading' && 'Loading the lab …'}
            {shown === 'failed' && 'The lab could not be loaded; check the connection.'}
          </span>
        </p>
      )}
    </section>
  );
}
