/** @jsxImportSource preact */
/** @file The state of the model: loading, ready and on which device, or what a visitor can do if it cannot run. */
import { adviceFor } from './advice.ts';
import { closed, loading, opened, openModel } from './session.ts';
import type { Opened } from './protocol.ts';

const SENTENCES = {
  'no-webgpu':
    'The model runs on your own device, and for that the browser needs WebGPU, which this one does not offer.',
  'no-adapter': 'This browser supports WebGPU but found no graphics device for it.',
  'no-base':
    'There is no model here yet. In the repository, npm run curio -- base makes its base and npm start trains it; then try again.',
  lost: 'The graphics device went away, perhaps because the computer slept. The conversation is still here.',
  error: 'The model could not be opened.',
} as const;

function Closed({ reason, message }: { reason: keyof typeof SENTENCES; message: string }) {
  const advice =
    reason === 'no-webgpu' || reason === 'no-adapter' ? adviceFor(navigator.userAgent, isSecureContext) : null;
  return (
    <div id="standing" class="standing" data-state="closed" data-reason={reason} role="alert">
      <p>
        <strong>{SENTENCES[reason]}</strong>
      </p>
      {advice && <p>{advice}</p>}
      {(reason === 'error' || reason === 'lost') && (
        <p>
          <code>{message}</code>
        </p>
      )}
      <p>
        <button type="button" id="again" onClick={advice ? () => location.reload() : openModel}>
          {advice ? 'Reload' : 'Try again'}
        </button>
      </p>
    </div>
  );
}

export function Standing() {
  if (closed.value) return <Closed {...closed.value} />;
  if (!opened.value) {
    const { label, share } = loading.value;
    return (
      <div id="standing" class="standing" data-state="loading" role="status">
        <p>{label} …</p>
        {share === null ? <progress aria-label={label} /> : <progress aria-label={label} value={share} />}
      </div>
    );
  }
  const { device, isSoftware, summary } = opened.value;
  return (
    <div id="standing" class="standing" data-state="ready" role="status">
      <p>
        <i class="dot" />
        Runs on {device}
        {isSoftware && ', in software: a graphics card is many times faster'}.
      </p>
      {!summary && (
        <p>
          <strong>Nothing has been trained yet, so it answers at random. Run npm start, then reload this page.</strong>
        </p>
      )}
    </div>
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const minutes = (seconds: number): string =>
  seconds < 90 ? `${seconds.toFixed(0)} seconds` : `${(seconds / 60).toFixed(1)} minutes`;

function Learnt({ parameters, summary }: Opened) {
  return (
    <p>
      {`SQ-LLaVA with ${(parameters / 1e6).toFixed(1)} million parameters`}
      {summary &&
        `, trained in ${minutes(summary.seconds.train)} on ${summary.adapter.replace(/:.*/, '')} (run “${summary.name}”)`}
      {summary?.answers &&
        `. On ${summary.answers.count} questions about pictures it had never seen it was right in ${percent(summary.answers.overall)}`}
      {summary?.answers && summary.blind && `; guessing blind gives ${percent(summary.blind.overall)}`}.
    </p>
  );
}

/** Address of the code, given to the build; '' if none was given. */
declare const CODE: string;

export function Footing() {
  return (
    <footer class="footing">
      {opened.value && <Learnt {...opened.value} />}
      <p>Everything happens in this tab: there is no server, and nothing leaves your device.</p>
      <p>
        {CODE && (
          <>
            <a href={CODE}>Code</a> · <a href={`${CODE}/blob/main/docs/architecture.md`}>Docs</a> ·{' '}
          </>
        )}
        <a href="https://arxiv.org/abs/2403.11299">The paper: SQ-LLaVA</a>
      </p>
    </footer>
  );
}
