/** @jsxImportSource preact */
/** @file The easel: canvas, pens, samples. */
import { CANVAS, COLORS, digitWord, openGlyphs, PLACES, renderScene, RGB, SIZES } from '@curio/scenes';
import type { Picture } from '@curio/model';
import type { Color, GlyphSource, Point, SceneSamples, Size } from '@curio/scenes';
import { computed, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { blankSketch, cellOf, clearCell, renderSketch, writeDigit } from './sketch.ts';
import type { Sketch } from './sketch.ts';

const samples = signal<SceneSamples | null>(null);
const glyphs = computed<GlyphSource>(() =>
  samples.value ? openGlyphs(samples.value) : { count: () => 0, pixels: () => new Uint8Array(784) },
);
/** The samples that the page offers, drawn. */
const offered = computed(
  () => samples.value?.scenes.slice(0, 8).map((scene) => ({ scene, picture: renderScene(scene, glyphs.value) })) ?? [],
);
const past = signal<readonly Sketch[]>([]);
export const sketch = signal<Sketch>(blankSketch(1));
export const color = signal<Color>('red');
const pen = signal<Size>('large');
/** The cell that the keyboard writes into, and what it last did, for screen readers. */
const cell = signal(4);
const said = signal('');

export const picture = (): Picture => renderSketch(sketch.value, glyphs.value);
/** The truth of the picture; null as soon as something is drawn by hand. */
export const truth = computed(() => (sketch.value.strokes.length === 0 ? sketch.value.scene : null));

function take(next: Sketch): void {
  past.value = [...past.value, sketch.value].slice(-100);
  sketch.value = next;
}
function undo(): void {
  sketch.value = past.value.at(-1) ?? sketch.value;
  past.value = past.value.slice(0, -1);
}
const clear = (): void => take(blankSketch(Math.floor(Math.random() * 2 ** 31)));

/** Fetches the handwriting, and puts the first sample on the easel where nothing was drawn meanwhile. */
export async function openSamples(): Promise<void> {
  const response = await fetch('scene-samples.json');
  samples.value = (await response.json()) as SceneSamples;
  if (past.value.length === 0) sketch.value = { scene: samples.value.scenes[0]!, strokes: [] };
}

export const css = (name: Color): string => `rgb(${RGB[name].join(' ')})`;

/** A picture pixel by pixel. */
export function Pixels({ of, ...rest }: { of: Picture } & Record<string, unknown>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const data = new ImageData(of.width, of.height);
    for (let i = 0; i < of.width * of.height; i++)
      data.data.set([of.rgb[3 * i]!, of.rgb[3 * i + 1]!, of.rgb[3 * i + 2]!, 255], 4 * i);
    canvas.current!.getContext('2d')!.putImageData(data, 0, 0);
  }, [of]);
  return <canvas ref={canvas} width={of.width} height={of.height} {...rest} />;
}

const place = (event: PointerEvent, board: Element): Point => {
  const { left, top, width, height } = board.getBoundingClientRect();
  return { x: ((event.clientX - left) / width) * CANVAS, y: ((event.clientY - top) / height) * CANVAS };
};

function begin(event: PointerEvent): void {
  if (event.button !== 0) return;
  const board = event.currentTarget as HTMLElement;
  board.setPointerCapture(event.pointerId);
  const at = place(event, board);
  cell.value = cellOf(at);
  take({ ...sketch.value, strokes: [...sketch.value.strokes, { color: color.value, pen: pen.value, points: [at] }] });
}

function extend(event: PointerEvent): void {
  const board = event.currentTarget as HTMLElement;
  const stroke = sketch.value.strokes.at(-1);
  if (!stroke || !board.hasPointerCapture(event.pointerId)) return;
  const between = event.getCoalescedEvents?.() ?? [];
  const points = (between.length > 0 ? between : [event]).map((one) => place(one, board));
  sketch.value = {
    ...sketch.value,
    strokes: [...sketch.value.strokes.slice(0, -1), { ...stroke, points: [...stroke.points, ...points] }],
  };
}

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -3, ArrowDown: 3 };

function press(event: KeyboardEvent): void {
  if ((event.ctrlKey || event.metaKey) && event.key === 'z') undo();
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (STEPS[event.key] !== undefined) {
    const step = STEPS[event.key]!;
    const sideways = Math.abs(step) === 1 && Math.floor((cell.value + step) / 3) !== Math.floor(cell.value / 3);
    if (!sideways && cell.value + step >= 0 && cell.value + step < 9) cell.value += step;
    said.value = PLACES[cell.value]!;
  } else if (/^\d$/.test(event.key) && samples.value) {
    const digit = Number(event.key);
    take(
      writeDigit(sketch.value, {
        digit,
        color: color.value,
        size: pen.value,
        cell: cell.value,
        glyph: Math.floor(Math.random() * glyphs.value.count(digit)),
      }),
    );
    said.value = `a ${pen.value} ${color.value} ${digitWord(digit)} at ${PLACES[cell.value]}`;
  } else if (event.key === 'Delete' || event.key === 'Backspace') {
    take(clearCell(sketch.value, cell.value));
    said.value = `nothing at ${PLACES[cell.value]}`;
  } else return;
  event.preventDefault();
}

function Board() {
  return (
    <div
      id="board"
      class="board"
      tabIndex={0}
      role="application"
      aria-label="Drawing board of three by three cells"
      aria-describedby="board-help"
      onPointerDown={begin}
      onPointerMove={extend}
      onKeyDown={press}
    >
      <Pixels of={picture()} />
      <i class="guides" />
      <i
        class="cell"
        style={{ left: `${(cell.value % 3) * (100 / 3)}%`, top: `${Math.floor(cell.value / 3) * (100 / 3)}%` }}
      />
      {sketch.value.strokes.length + sketch.value.scene.objects.length === 0 && <p class="invitation">Draw a digit</p>}
    </div>
  );
}

/** Arrow keys move between the radios of a group, as in a native one. */
function move(event: KeyboardEvent): void {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!step) return;
  const radios = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role=radio]')];
  const next = radios[(radios.indexOf(document.activeElement as HTMLElement) + step + radios.length) % radios.length]!;
  next.focus();
  next.click();
  event.preventDefault();
}

function Pens() {
  return (
    <div class="pens">
      <div class="swatches" role="radiogroup" aria-label="Colour" onKeyDown={move}>
        {COLORS.map((name) => (
          <button
            key={name}
            type="button"
            role="radio"
            aria-checked={color.value === name}
            aria-label={name}
            title={name}
            tabIndex={color.value === name ? 0 : -1}
            data-color={name}
            style={{ '--swatch': css(name) }}
            onClick={() => (color.value = name)}
          />
        ))}
      </div>
      <div class="sizes" role="radiogroup" aria-label="Size of the digit" onKeyDown={move}>
        {SIZES.map((size) => (
          <button
            key={size}
            type="button"
            role="radio"
            aria-checked={pen.value === size}
            tabIndex={pen.value === size ? 0 : -1}
            data-pen={size}
            title={
              size === 'large' ? 'broad pen, for digits that fill a cell' : 'fine pen, for digits two thirds as high'
            }
            onClick={() => (pen.value = size)}
          >
            {size}
          </button>
        ))}
      </div>
      <span class="tools">
        <button type="button" id="undo" disabled={past.value.length === 0} onClick={undo}>
          Undo
        </button>
        <button type="button" id="clear" onClick={clear}>
          Clear
        </button>
      </span>
    </div>
  );
}

function Samples() {
  return (
    <div class="samples" role="group" aria-label="Sample pictures">
      {offered.value.map(({ scene, picture: drawn }, i) => (
        <button
          key={i}
          type="button"
          class="sample"
          aria-label={`Sample ${i + 1}`}
          aria-pressed={sketch.value.scene === scene}
          onClick={() => take({ scene, strokes: [] })}
        >
          <Pixels of={drawn} />
        </button>
      ))}
    </div>
  );
}

export function Easel() {
  return (
    <section class="easel" aria-label="Picture">
      <Board />
      <Pens />
      <p id="board-help" class="hint">
        Draw with mouse, pen or finger, one digit to a cell. By keyboard: arrows choose a cell, <kbd>0</kbd>–
        <kbd>9</kbd> write a digit there, <kbd>Del</kbd> empties it.
      </p>
      <p class="unseen" role="status">
        {said.value}
      </p>
      <Samples />
    </section>
  );
}
