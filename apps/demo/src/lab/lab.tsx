/** @jsxImportSource preact */
/** @file The kernel lab: a choice of kernels, the text of one, the verdict on it, and its use in the model. */
import { useEffect } from 'preact/hooks';
import { opened } from '../session.ts';
import { Editor } from './editor.tsx';
import { Bench } from './figures.tsx';
import { gallery } from './gallery.ts';
import {
  device,
  exhibit,
  faultSaid,
  inUse,
  isOwn,
  kernel,
  notice,
  putBack,
  restoreText,
  show,
  stopTrial,
  text,
  tryText,
  use,
  verdict,
} from './state.ts';
import type { Verdict } from './state.ts';
import { kernelNames } from './texts.ts';
import '../style/lab.css';

const folders = [...new Set(kernelNames.map((name) => name.split('/')[0]!))];

function Choice() {
  return (
    <div class="shelf">
      <label>
        Kernel{' '}
        <select id="lab-kernel" value={kernel.value} onChange={({ currentTarget }) => show(currentTarget.value)}>
          {folders.map((folder) => (
            <optgroup key={folder} label={folder}>
              {kernelNames
                .filter((name) => name.startsWith(`${folder}/`))
                .map((name) => (
                  <option key={name} value={name}>
                    {name}
                  </option>
                ))}
            </optgroup>
          ))}
        </select>
      </label>
      {gallery.map(({ name, entries }) => (
        <div key={name} role="group" aria-label={`${name}, to begin with`}>
          <span class="hint">{name}</span>
          {entries.map((entry) => (
            <button
              key={entry.title}
              type="button"
              class="small"
              aria-pressed={exhibit.value === entry}
              onClick={() => show(entry.kernel, entry)}
            >
              {entry.title}
            </button>
          ))}
        </div>
      ))}
    </div>
  );
}

/** In a visitor's words. */
const FAILURES = {
  hung: 'This kernel did not finish within 15 seconds, so the lab ended it; the next text gets a fresh device.',
  lost: 'The graphics device was lost while running this kernel; the next text gets a fresh one.',
  'no-device': 'The lab found no graphics device, which it needs.',
  error: 'This text could not be judged:',
} as const;

function said({ state, stage, fault, agrees, failure, figures }: Verdict): string {
  const good = agrees && `Right so far in ${agrees.checked} cases, forward and backward.`;
  if (state === 'running') return `${stage} …${figures.length > 0 && good ? ` ${good}` : ''}`;
  if (state === 'stopped') return 'Stopped.';
  if (state === 'fault')
    return fault!.kind === 'compile'
      ? `It does not compile. ${faultSaid(fault!)}`
      : fault!.kind === 'wrong'
        ? `It is wrong in ${fault!.message}`
        : fault!.message;
  if (state === 'failed')
    return failure!.reason === 'error' ? `${FAILURES.error} ${failure!.message}` : FAILURES[failure!.reason];
  const { ops, checked, worst } = agrees!;
  const where = ops.length > 1 ? `${ops[0]} and ${ops.length - 1} more` : ops[0];
  return `Right in all ${checked} cases of ${where}, forward and backward, compared with float64; the worst error is ${Math.round(100 * worst)} % of what is allowed.`;
}

function Outcome() {
  const known = verdict.value;
  const isOld = known !== null && known.text !== text.value;
  return (
    <div id="lab-verdict" data-state={isOld ? 'old' : (known?.state ?? 'none')}>
      <p role="status">
        {isOld
          ? 'Waiting for you to finish typing …'
          : known
            ? said(known)
            : 'Change the text, or press Try it, and see what comes of it.'}
      </p>
      {known && known.figures.length > 0 && <Bench tables={known.figures} />}
    </div>
  );
}

function Model() {
  const names = inUse.value;
  return (
    <div class="in-model">
      <p id="lab-notice" role="status">
        {notice.value}
      </p>
      {names.length > 0 && (
        <p id="lab-in-use">
          In the model now:{' '}
          {names.map(({ name, hasRun }) => `your ${name}${hasRun ? ', which it has run' : ''}`).join('; ')}.
        </p>
      )}
    </div>
  );
}

export function Lab({ kernel: asked }: { kernel: string | null }) {
  useEffect(() => {
    if (asked) show(asked);
  }, [asked]);
  const isRunning = verdict.value?.state === 'running';
  // Here Escape ends what the lab does; what the model writes goes on.
  const stopHere = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !isRunning) return;
    event.stopPropagation();
    stopTrial();
  };
  return (
    <div class="room" role="group" aria-labelledby="lab-title" onKeyDown={stopHere}>
      <Choice />
      {exhibit.value && <p class="hint">{exhibit.value.hint}</p>}
      <Editor />
      <p id="lab-keys" class="hint">
        It is tried when you stop typing. <kbd>Ctrl</kbd> <kbd>Enter</kbd> tries it at once, <kbd>Esc</kbd> stops,{' '}
        <kbd>Tab</kbd> leaves the text.
      </p>
      {(device.value ?? opened.value)?.isSoftware && (
        <p id="lab-software" class="hint">
          Your browser computes in software, where nothing can stop a kernel that runs: loops that run too long are
          ended in time, but if the page ever hangs, please restart the browser.
        </p>
      )}
      <div class="steps">
        <button type="button" id="lab-try" onClick={isRunning ? stopTrial : tryText}>
          {isRunning ? 'Stop' : 'Try it'}
        </button>
        <button
          type="button"
          id="lab-use"
          class="primary"
          aria-disabled={isOwn.value}
          onClick={() => !isOwn.value && use()}
        >
          Use it
        </button>
        <button
          type="button"
          id="lab-back"
          aria-disabled={inUse.value.length === 0}
          onClick={() => inUse.value.length > 0 && putBack()}
        >
          Put back
        </button>
        <button type="button" id="lab-own" aria-disabled={isOwn.value} onClick={() => !isOwn.value && restoreText()}>
          Curio’s own text
        </button>
      </div>
      <Model />
      <Outcome />
      {device.value && (
        <p class="hint">
          Timed on {device.value.name}
          {device.value.isSoftware && ', in software'}, by a worker with a device of its own: what goes wrong here does
          not reach the model.
        </p>
      )}
    </div>
  );
}
