/** @jsxImportSource preact */
/** @file The board, drawn on with one pointer or by keyboard. */
import { CANVAS, PLACES } from '@curio/scenes';
import type { Picture } from '@curio/model';
import type { Point } from '@curio/scenes';
import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { BoardOverlay } from '../inside/overlay.tsx';
import {
  beginStroke,
  caption,
  emptyAt,
  endStroke,
  extendStroke,
  isEmpty,
  notice,
  picture,
  takePhoto,
  undo,
  writeAt,
} from './drawing.ts';
import { cellOf, clampToBoard } from './sketch.ts';

/** The cell that the keyboard writes into, and its last action, for screen readers. */
const cell = signal(4);
const said = signal('');
/** The pointer that is drawing; a second finger never joins its stroke. */
let drawing: number | null = null;

/** A picture, pixel by pixel. */
export function Pixels({ of, ...rest }: { of: Picture } & Record<string, unknown>) {
  const canvas = useRef<HTMLCanvasElement>(null);
  // Never blank for a frame.
  useLayoutEffect(() => {
    const data = new ImageData(of.width, of.height);
    for (let i = 0; i < of.width * of.height; i++)
      data.data.set([of.rgb[3 * i]!, of.rgb[3 * i + 1]!, of.rgb[3 * i + 2]!, 255], 4 * i);
    canvas.current!.getContext('2d')!.putImageData(data, 0, 0);
  }, [of]);
  return <canvas ref={canvas} width={of.width} height={of.height} {...rest} />;
}

const place = (event: PointerEvent, board: Element): Point => {
  const { left, top, width, height } = board.getBoundingClientRect();
  return clampToBoard({
    x: ((event.clientX - left) / width) * CANVAS,
    y: ((event.clientY - top) / height) * CANVAS,
  });
};

function begin(event: PointerEvent): void {
  if (event.button !== 0 || drawing !== null) return;
  const board = event.currentTarget as HTMLElement;
  board.setPointerCapture(event.pointerId);
  drawing = event.pointerId;
  const at = place(event, board);
  cell.value = cellOf(at);
  beginStroke(at);
}

function extend(event: PointerEvent): void {
  if (event.pointerId !== drawing) return;
  const board = event.currentTarget as HTMLElement;
  const between = event.getCoalescedEvents?.() ?? [];
  extendStroke((between.length > 0 ? between : [event]).map((one) => place(one, board)));
}

/** Capture is lost when the pointer is lifted, and also when the system takes it away. */
function end(event: PointerEvent): void {
  if (event.pointerId !== drawing) return;
  drawing = null;
  endStroke();
}

const STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -3, ArrowDown: 3 };

function press(event: KeyboardEvent): void {
  if (drawing !== null) return;
  if ((event.ctrlKey || event.metaKey) && event.key === 'z') undo();
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (STEPS[event.key] !== undefined) {
    const step = STEPS[event.key]!;
    const sideways = Math.abs(step) === 1 && Math.floor((cell.value + step) / 3) !== Math.floor(cell.value / 3);
    if (!sideways && cell.value + step >= 0 && cell.value + step < 9) cell.value += step;
    said.value = PLACES[cell.value]!;
  } else if (/^\d$/.test(event.key)) said.value = writeAt(cell.value, Number(event.key));
  else if (event.key === 'Delete' || event.key === 'Backspace') said.value = emptyAt(cell.value);
  else return;
  event.preventDefault();
}

export function Board() {
  return (
    <>
      <div
        id="board"
        class="board"
        tabIndex={0}
        role="application"
        aria-label="Drawing board of three by three cells"
        aria-describedby="caption board-help"
        onPointerDown={begin}
        onPointerMove={extend}
        onLostPointerCapture={end}
        onKeyDown={press}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          const file = event.dataTransfer?.files[0];
          if (file) void takePhoto(file);
        }}
      >
        <Pixels of={picture.value} />
        <BoardOverlay />
        <i class="guides" />
        <i
          class="cell"
          style={{ left: `${(cell.value % 3) * (100 / 3)}%`, top: `${Math.floor(cell.value / 3) * (100 / 3)}%` }}
        />
        {isEmpty.value && <p class="invitation">Draw a digit</p>}
      </div>
      <p id="caption" class={notice.value ? 'caption notice' : 'caption'} role="status">
        {notice.value || caption.value}
      </p>
      <p class="unseen" role="status">
        {said.value}
      </p>
    </>
  );
}
