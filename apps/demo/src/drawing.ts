/** @file The drawing: strokes of six colours on a dark 72×72 canvas, inked as the handwriting that the model was trained on. */
import type { Picture } from './protocol.ts';

export const SIDE = 72;
/** Strokes are drawn this many times larger and averaged down, which gives ink its soft edges. */
const SCALE = 8;
/** Width of a stroke in pixels of the small picture: that of the scenes' large digits. */
const STROKE = 2.4;
const PAPER = '#161616';

export const COLORS = { red: '#eb3232', green: '#32be46', blue: '#466eff', yellow: '#f5e13c', purple: '#aa46d7', white: '#f5f5f5' } as const;
export type ColorName = keyof typeof COLORS;

interface Point { readonly x: number; readonly y: number }

export class Drawing {
  private readonly ink: CanvasRenderingContext2D;
  private last: Point | null = null;

  /** @param show the canvas on the page */
  constructor(private readonly show: HTMLCanvasElement) {
    const large = document.createElement('canvas');
    large.width = large.height = SIDE * SCALE;
    this.ink = large.getContext('2d', { willReadFrequently: true })!;
    this.clear();
  }

  clear(): void {
    this.ink.fillStyle = PAPER;
    this.ink.fillRect(0, 0, SIDE * SCALE, SIDE * SCALE);
    this.paint();
  }

  /** Begins a stroke at a place of the picture, in its pixels. */
  begin(at: Point, color: ColorName): void {
    this.ink.strokeStyle = COLORS[color];
    this.ink.lineWidth = STROKE * SCALE;
    this.ink.lineCap = this.ink.lineJoin = 'round';
    this.last = at;
    this.extend(at);
  }

  extend(to: Point): void {
    if (!this.last) return;
    this.ink.beginPath();
    this.ink.moveTo(this.last.x * SCALE, this.last.y * SCALE);
    this.ink.lineTo(to.x * SCALE, to.y * SCALE);
    this.ink.stroke();
    this.last = to;
    this.paint();
  }

  end(): void {
    this.last = null;
  }

  /** Shows a given picture instead; strokes go on top of it. */
  load({ width, height, rgb }: Picture): void {
    const small = new OffscreenCanvas(width, height);
    const context = small.getContext('2d')!;
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) image.data.set([rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!, 255], 4 * i);
    context.putImageData(image, 0, 0);
    this.ink.imageSmoothingEnabled = false;
    this.ink.drawImage(small, 0, 0, SIDE * SCALE, SIDE * SCALE);
    this.paint();
  }

  /** What the model sees: the mean of each square of the large canvas. */
  picture(): Picture {
    const { data } = this.ink.getImageData(0, 0, SIDE * SCALE, SIDE * SCALE);
    const rgb = new Uint8Array(3 * SIDE * SIDE);
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) {
        const sum = [0, 0, 0];
        for (let v = 0; v < SCALE; v++) for (let u = 0; u < SCALE; u++) for (let c = 0; c < 3; c++) sum[c]! += data[4 * ((y * SCALE + v) * SIDE * SCALE + x * SCALE + u) + c]!;
        for (let c = 0; c < 3; c++) rgb[3 * (y * SIDE + x) + c] = Math.round(sum[c]! / SCALE ** 2);
      }
    }
    return { width: SIDE, height: SIDE, rgb };
  }

  private paint(): void {
    const context = this.show.getContext('2d')!;
    context.drawImage(this.ink.canvas, 0, 0, this.show.width, this.show.height);
    context.strokeStyle = 'rgb(255 255 255 / 0.08)';
    for (const third of [1, 2]) {
      const at = (third * this.show.width) / 3;
      context.strokeRect(at, -1, 0, this.show.height + 2);
      context.strokeRect(-1, at, this.show.width + 2, 0);
    }
  }
}
