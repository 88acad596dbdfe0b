import { attentionRotate } from '@curio/kernels/attention_rotate';
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { requireFinite, requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { denseStrides, showShape } from '../../tensor/shape.ts';
import { keep, tensor } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { requireFloat } from '../parts/broadcast.ts';

export interface RotaryOptions {
  /** Base of the wavelengths. Default 10000. */
  readonly theta?: number;
  /**
   * i32[T] or i32[B, T]: the position of each token; i32[1]: that of the first one, as data for decoding. Default 0, 1,
   * …
   */
  readonly positions?: Tensor;
  /** Position of the first token where no positions are given. Default 0. */
  readonly start?: number;
}

interface Plan {
  readonly batch: number;
  readonly tokens: number;
  readonly heads: number;
  readonly width: number;
  readonly mode: number;
  readonly theta: number;
  readonly start: number;
}

/** Positions that fit two bytes. */
const POSITIONS = 65536;

const tables = new WeakMap<Gpu, Map<string, Tensor>>();

/**
 * cos, sin of position · theta^(-2d/width) for positions 0…255 and for 256 times that; one small table per device,
 * width and theta.
 */
function tableOf(gpu: Gpu, width: number, theta: number): Tensor {
  let ofGpu = tables.get(gpu);
  if (!ofGpu) tables.set(gpu, (ofGpu = new Map()));
  const key = `${width} ${theta}`;
  let table = ofGpu.get(key);
  if (!table) {
    const values = new Float32Array(2 * 256 * width);
    let i = 0;
    for (const step of [1, 256]) {
      for (const side of [Math.cos, Math.sin]) {
        for (let p = 0; p < 256; p++) {
          for (let d = 0; d < width / 2; d++) values[i++] = side(p * step * theta ** ((-2 * d) / width));
        }
      }
    }
    // not part of the step: it would be lost if the recording failed
    ofGpu.set(key, (table = gpu.aside(() => keep(tensor(gpu, values)))));
  }
  return table;
}

const op = defineOp({
  name: 'rotaryEmbedding',
  layouts: ['rows', 'dense'],
  dyLayout: 'rows',
  plan([x, positions]: readonly [Tensor, Tensor | null], { theta, start }: { theta: number; start: number }): Plan {
    requireFloat('rotaryEmbedding', x);
    const [batch, tokens, heads, width] = x.shape;
    if (x.shape.length !== 4 || width! % 2 !== 0)
      throw new ShapeError(`rotaryEmbedding: x is ${showShape(x.shape)}; it must be [B, T, H, D] with an even D.`);
    const fits =
      positions === null || positions.size === 1 || positions.size === tokens || positions.size === batch! * tokens!;
    if (!fits)
      throw new ShapeError(
        `rotaryEmbedding: positions are ${showShape(positions.shape)} and x is ${showShape(x.shape)}; positions must be [1], [T] or [B, T].`,
      );
    if (positions && positions.dtype !== 'i32')
      throw new DTypeError(`rotaryEmbedding: positions are ${positions.dtype}; they must be i32.`);
    if (positions) {
      const spread = positions.size === 1 ? tokens! : 1;
      requireIndices('rotaryEmbedding', 'position', positions, { low: 0, high: POSITIONS - spread });
    } else if (!Number.isInteger(start) || start < 0 || start + tokens! > POSITIONS) {
      const last = start + tokens! - 1;
      throw new ShapeError(
        `rotaryEmbedding: positions go from ${start} to ${last}; they must be whole numbers from 0 to ${POSITIONS - 1}.`,
      );
    }
    const mode = positions === null ? 0 : positions.size === 1 ? 1 : positions.size === tokens ? 2 : 3;
    return { batch: batch!, tokens: tokens!, heads: heads!, width: width!, mode, theta, start };
  },
  forward(run, [x, positions], plan) {
    return { y: rotate(run, x, positions, plan, 1), saved: { positions } };
  },
  backward: (run, dy, { positions }, plan) => [rotate(run, dy, positions, plan, -1), null],
});

function rotate(
  run: Run,
  x: Tensor,
  positions: Tensor | null,
  { batch, tokens, heads, width, mode, theta, start }: Plan,
  sign: 1 | -1,
): Tensor {
  const y = run.out(x.shape);
  const [xBatch, xToken, xHead] = x.strides as [number, number, number];
  const [yBatch, yToken, yHead] = denseStrides(x.shape) as [number, number, number];
  const table = tableOf(run.gpu, width, theta);
  const along = {
    half_width: width / 2,
    x_offset: x.bindingOffset,
    x_batch: xBatch,
    x_token: xToken,
    x_head: xHead,
    y_batch: yBatch,
    y_token: yToken,
    y_head: yHead,
  };
  const inFours = Object.values(along).every((n) => n % 4 === 0);
  const lanes = (batch * tokens * width) / 2 / (inFours ? 4 : 1);
  run.dispatch(attentionRotate, 'rotate', {
    buffers: { x, table, positions: positions ?? table, y },
    params: {
      ...Object.fromEntries(Object.entries(along).map(([name, n]) => [name, inFours ? n / 4 : n])),
      tokens,
      heads,
      lanes,
      mode,
      start,
      sign,
    },
    grid: lineGrid(ceilDiv(lanes, 64)),
    tuning: { T: inFours ? 'vec4<f32>' : 'f32' },
  });
  return y;
}

/**
 * Rotary position embedding, halves rotated as in Hugging Face: with a = position · theta^(-2d/D),
 * y[d] = x[d] · cos a - x[d + D/2] · sin a and y[d + D/2] = x[d + D/2] · cos a + x[d] · sin a for d < D/2.
 * @param x float[B, T, H, D], any strides with a dense last axis; a permuted [B, H, T, D] is permuted back first
 * @returns float[B, T, H, D]
 * Positions go from 0 to 65535: any other is refused where the host knows it; one that only the device knows gives NaN.
 * Saves positions only. Kernel: kernels/attention/rotate. Throws ShapeError or DTypeError when they do not fit. Source:
 * Su et al. 2021.
 */
export function rotaryEmbedding(x: Tensor, options: RotaryOptions = {}): Tensor {
  const {
    theta = 10000,
    positions,
    start = 0,
  } = requireOptions('rotaryEmbedding', options, ['theta', 'positions', 'start']);
  requireFinite('rotaryEmbedding', 'theta', theta, { above: 0 });
  return op([x, positions ?? null], { theta, start });
}
