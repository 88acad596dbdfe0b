/** @jsxImportSource preact */
/** @file The page: draw or take a scene, ask, or let the model ask. Everything of the model runs in a worker. */
import { openGlyphs, renderScene } from '@curio/model';
import type { SceneSamples } from '@curio/model';
import { computed, signal } from '@preact/signals';
import { render } from 'preact';
import { COLORS, Drawing } from './drawing.ts';
import type { ColorName } from './drawing.ts';
import type { FromWorker, Part, ToWorker } from './protocol.ts';
import './style.css';

interface Line { readonly part: Part; readonly index: number; readonly text: string }
interface Talk { readonly id: number; readonly asked: string | null; readonly lines: readonly Line[]; readonly rate: number; readonly done: boolean; readonly failed: string | null }

const state = signal<'loading' | 'ready' | 'failed'>('loading');
const status = signal('Loading the model …');
const share = signal(0);
const color = signal<ColorName>('red');
const question = signal('which digit is red ?');
const talks = signal<readonly Talk[]>([]);
const busy = computed(() => talks.value.some(({ done, failed }) => !done && failed === null));
const EXAMPLES = ['describe the image in detail .', 'which digit is at center ?', 'what color is the seven ?', 'how many red digits are there ?', 'is there a green digit ?', 'where is the three ?', 'is the four small or large ?'];

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
const send = (message: ToWorker): void => worker.postMessage(message);
let drawing: Drawing;
let nextId = 0;

worker.onmessage = ({ data }: MessageEvent<FromWorker>): void => {
  if (data.kind === 'loading') {
    share.value = data.done / data.total;
    status.value = `Loading ${data.label}: ${Math.round(100 * share.value)} %`;
  } else if (data.kind === 'ready') {
    state.value = 'ready';
    const learnt = data.accuracy === null ? '' : ` It answered ${(100 * data.accuracy).toFixed(0)} % of held-out questions.`;
    status.value = `Runs on ${data.adapter}.${learnt}`;
  } else if (data.kind === 'failed' && data.id === null) {
    state.value = 'failed';
    status.value = data.message === 'no-webgpu' ? withoutWebgpu() : data.message;
  } else {
    update(data);
  }
};

function update(data: Exclude<FromWorker, { kind: 'loading' | 'ready' }>): void {
  talks.value = talks.value.map((talk) => {
    if (talk.id !== data.id) return talk;
    if (data.kind === 'done') return { ...talk, done: true };
    if (data.kind === 'failed') return { ...talk, failed: data.message };
    const lines = talk.lines.filter(({ part, index }) => part !== data.part || index !== data.index);
    return { ...talk, rate: data.rate, lines: [...lines, { part: data.part, index: data.index, text: data.text }] };
  });
}

/** What a visitor can do about a browser without WebGPU. */
function withoutWebgpu(): string {
  const agent = navigator.userAgent;
  const advice = /Firefox/.test(agent) ? 'In Firefox it is on from version 141 on Windows; elsewhere set dom.webgpu.enabled in about:config.'
    : /Safari/.test(agent) && !/Chrome/.test(agent) ? 'In Safari it is on from version 26.'
      : /Linux/.test(agent) ? 'In Chrome on Linux start it with --enable-unsafe-webgpu --enable-features=Vulkan.' : 'A current Chrome or Edge has it.';
  return `This browser has no WebGPU, which the model needs to run on your device. ${advice}`;
}

function begin(asked: string | null): number {
  const id = nextId++;
  talks.value = [{ id, asked, lines: [], rate: 0, done: false, failed: null }, ...talks.value];
  return id;
}

const ask = (): void => send({ kind: 'ask', id: begin(question.value), picture: drawing.picture(), question: question.value });
const letItAsk = (): void => send({ kind: 'self', id: begin(null), picture: drawing.picture(), questions: 3, seed: Math.floor(performance.now()) });

let samples: Promise<SceneSamples> | null = null;
let shown = 0;
async function takeSample(): Promise<void> {
  samples ??= fetch('scene-samples.json').then((response) => response.json() as Promise<SceneSamples>);
  const all = await samples;
  drawing.load(renderScene(all.scenes[shown++ % all.scenes.length]!, openGlyphs(all)));
}

/** A place of the picture, in its pixels. */
function placeOf(event: PointerEvent): { x: number; y: number } {
  const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return { x: ((event.clientX - box.left) / box.width) * 72, y: ((event.clientY - box.top) / box.height) * 72 };
}

function Canvas() {
  return (
    <canvas
      id="canvas" width={432} height={432} aria-label="Drawing: three by three cells for digits"
      ref={(element) => { if (element && !drawing) drawing = new Drawing(element); }}
      onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); drawing.begin(placeOf(event), color.value); }}
      onPointerMove={(event) => { if (event.buttons) drawing.extend(placeOf(event)); }}
      onPointerUp={() => drawing.end()}
    />
  );
}

function Palette() {
  return (
    <div class="palette" role="radiogroup" aria-label="Colour">
      {Object.entries(COLORS).map(([name, value]) => (
        <button role="radio" aria-checked={color.value === name} aria-label={name} data-color={name} style={{ background: value }} onClick={() => (color.value = name as ColorName)} />
      ))}
      <span class="gap" />
      <button class="plain" id="clear" onClick={() => drawing.clear()}>Clear</button>
      <button class="plain" id="sample" onClick={takeSample}>A sample</button>
    </div>
  );
}

function Asking() {
  const closed = state.value !== 'ready' || busy.value;
  return (
    <form onSubmit={(event) => { event.preventDefault(); if (!closed) ask(); }}>
      <label for="question">Ask about the picture</label>
      <div class="row">
        <input id="question" autocomplete="off" value={question.value} onInput={(event) => (question.value = event.currentTarget.value)} />
        <button id="ask" disabled={closed}>Ask</button>
      </div>
      <div class="chips">{EXAMPLES.map((text) => <button type="button" onClick={() => (question.value = text)}>{text}</button>)}</div>
      <button type="button" id="self" class="wide" disabled={closed} onClick={letItAsk}>Let it ask</button>
    </form>
  );
}

const PREFIX: Record<Part, string> = { answer: '', description: 'It sees: ', question: 'It asks: ', 'self-answer': 'It answers: ' };
const ORDER: readonly Part[] = ['description', 'answer', 'question', 'self-answer'];

function TalkView({ talk }: { talk: Talk }) {
  const lines = [...talk.lines].sort((a, b) => a.index - b.index || ORDER.indexOf(a.part) - ORDER.indexOf(b.part));
  return (
    <article class="talk" data-done={talk.done}>
      {talk.asked !== null && <p class="asked">{talk.asked}</p>}
      {lines.map(({ part, index, text }) => <p class={part} key={`${part}${index}`}><span>{PREFIX[part]}</span>{text}</p>)}
      {talk.failed !== null && <p class="failed">{talk.failed}</p>}
      <footer>{talk.done ? '' : 'writing … '}{talk.rate > 0 && `${talk.rate.toFixed(1)} tokens/s`}</footer>
    </article>
  );
}

function Page() {
  return (
    <>
      <header>
        <h1>Curio</h1>
        <p>Draw digits, one to a cell, small or large. A small vision-language model answers questions about them, and asks its own, on your device.</p>
      </header>
      <main>
        <section aria-label="Picture"><Canvas /><Palette /></section>
        <section aria-label="Conversation">
          <p id="status" data-state={state.value} role="status">{status.value}</p>
          {state.value === 'loading' && <progress value={share.value} />}
          <Asking />
          <div id="talks" aria-live="polite">{talks.value.map((talk) => <TalkView talk={talk} key={talk.id} />)}</div>
        </section>
      </main>
    </>
  );
}

render(<Page />, document.getElementById('page')!);
send({ kind: 'open', base: document.baseURI });
