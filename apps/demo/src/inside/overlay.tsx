/** @jsxImportSource preact */
/** @file Attention and prototypes drawn over a picture. */
import type { PrototypeTrace } from '@curio/model';
import { computed } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { picture } from '../board/drawing.ts';
import { talks } from '../session.ts';
import type { Talk } from '../session.ts';
import { attentionOf, belonging, huesOf } from './reading.ts';
import { chosen, chosenWord, iteration, layer, seen, seesInside, view } from './seen.ts';

/** Of the canvas; divisible by the patches in a row. */
const SIZE = 432;

/** The talk whose inside is shown: that of the chosen word, else the newest one that was traced. */
export const shownTalk = computed((): Talk | null => {
  if (!seesInside.value) return null;
  const looked = talks.value.filter(({ id }) => seen.value.has(id));
  return looked.find(({ id }) => id === chosen.value?.talk) ?? looked[0] ?? null;
});
export const shownPrototypes = computed(
  (): PrototypeTrace | null => (shownTalk.value && seen.value.get(shownTalk.value.id)?.prototypes) ?? null,
);

/** Whether the board shows the very picture of that talk. */
const isOnBoard = computed(() => {
  const shown = shownTalk.value?.picture.rgb;
  const here = picture.value.rgb;
  return shown !== undefined && shown.length === here.length && here.every((value, i) => value === shown[i]);
});

export type Paint = (canvas: CanvasRenderingContext2D) => void;

/** Calls with each patch's number and the left, top and side of its square. */
export function eachPatch(count: number, draw: (patch: number, x: number, y: number, side: number) => void): void {
  const row = Math.sqrt(count);
  const side = SIZE / row;
  for (let patch = 0; patch < count; patch++) draw(patch, (patch % row) * side, Math.floor(patch / row) * side, side);
}

/** The less attention, the more a patch is dimmed; the one with the most is framed. */
export const attentionPaint =
  (patches: Float32Array): Paint =>
  (canvas) => {
    const most = Math.max(...patches, Number.MIN_VALUE);
    eachPatch(patches.length, (patch, x, y, side) => {
      const share = patches[patch]! / most;
      canvas.fillStyle = `rgb(8 9 14 / ${0.72 * (1 - share)})`;
      canvas.fillRect(x, y, side, side);
      canvas.fillStyle = `rgb(255 205 80 / ${0.34 * share})`;
      canvas.fillRect(x, y, side, side);
      canvas.strokeStyle = `rgb(255 214 110 / ${share})`;
      canvas.lineWidth = 4;
      canvas.strokeRect(x + 3, y + 3, side - 6, side - 6);
    });
  };

/** A color and a number for each prototype; fainter where a patch belongs to it less. */
export const prototypePaint =
  (prototypes: PrototypeTrace, at: number | null): Paint =>
  (canvas) => {
    const { centre, weight } = belonging(prototypes, at);
    const hues = huesOf(prototypes);
    const most = Math.max(...Array.from(weight), Number.MIN_VALUE);
    canvas.textAlign = 'center';
    canvas.textBaseline = 'middle';
    eachPatch(centre.length, (patch, x, y, side) => {
      const hue = hues.get(centre[patch]!)!;
      canvas.fillStyle = `hsl(${hue} 85% 58% / ${0.08 + (0.44 * weight[patch]!) / most})`;
      canvas.fillRect(x + 1, y + 1, side - 2, side - 2);
      canvas.font = `600 ${side / 3.4}px system-ui, sans-serif`;
      canvas.lineWidth = side / 14;
      canvas.strokeStyle = 'rgb(0 0 0 / 0.75)';
      canvas.fillStyle = '#fff';
      canvas.strokeText(`${centre[patch]! + 1}`, x + side / 2, y + side / 2);
      canvas.fillText(`${centre[patch]! + 1}`, x + side / 2, y + side / 2);
    });
  };

const paint = computed((): Paint | null => {
  if (view.value === 'prototypes')
    return shownPrototypes.value && prototypePaint(shownPrototypes.value, iteration.value);
  return chosenWord.value && attentionPaint(attentionOf(chosenWord.value, layer.value));
});

/** Drawn over the picture that it covers. */
export function Painted({ how }: { how: Paint | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  // Drawn before the frame that shows the words about it.
  useLayoutEffect(() => {
    const context = canvas.current?.getContext('2d');
    context?.clearRect(0, 0, SIZE, SIZE);
    if (context) how?.(context);
  }, [how]);
  return how && <canvas ref={canvas} width={SIZE} height={SIZE} class="overlay" />;
}

/** The overlay in use; nothing if nothing is shown. */
export const Overlay = () => <Painted how={paint.value} />;

export const BoardOverlay = () => (seesInside.value && isOnBoard.value ? <Overlay /> : null);
