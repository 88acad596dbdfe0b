import { attentionRotate } from '@curio/kernels/attention_rotate';
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { requireFinite, requireOptions } from '../../tensor/options.ts';
import { defineMultiOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import { keep, tensor } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { adjacentOutputs } from '../parts/adjacent.ts';
import { requireFloat } from '../parts/broadcast.ts';

export interface RotaryOptions {
  /** Base of the wavelengths. Default 10000. */
  readonly theta?: number;
  /**
   * i32[T] or i32[B, T]: the position of each token; i32[1]: that of the first one, as data for decoding. Default 0, 1,
   * …
   */
  readonly positions?: Tensor;
  /** Position of the first token if no positions are given. Default 0. */
  readonly start?: number;
}

interface Plan {
  readonly batch: number;
  readonly tokens: number;
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

interface Angles {
  readonly theta: number;
  readonly start: number;
}

function planOf(x: Tensor, positions: Tensor | null, { theta, start }: Angles): Plan {
  requireFloat('rotaryEmbedding', x);
  const [batch, tokens, , width] = x.shape;
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
  return { batch: batch!, tokens: tokens!, width: width!, mode, theta, start };
}

const op = defineMultiOp({
  name: 'rotaryEmbedding',
  layouts: ['rows', 'dense', 'rows'],
  dyLayout: 'rows',
  plan([x, positions, x2]: readonly [Tensor, Tensor | null, Tensor | null], angles: Angles): Plan {
    const plan = planOf(x, positions, angles);
    if (x2) requireFloat('rotaryEmbedding', x2);
    if (x2 && (x2.shape.length !== 4 || [0, 1, 3].some((axis) => x.shape[axis] !== x2.shape[axis])))
      throw new ShapeError(
        `rotaryEmbeddings: q is ${showShape(x.shape)} and k ${showShape(x2.shape)}; they may differ only in their heads.`,
      );
    return plan;
  },
  forward: (run, [x, positions, x2], plan) => ({
    ys: rotate(run, x2 ? [x, x2] : [x], positions, plan, 1),
    saved: { positions },
  }),
  backward(run, dys, { positions }, plan) {
    const gradients: (Tensor | null)[] = [null, null, null];
    const wanted = [0, 1].flatMap((i) => (dys[i] && run.needs[2 * i] ? [i] : []));
    const given = wanted.map((i) => dys[i]!);
    if (given.length > 0) rotate(run, given, positions, plan, -1).forEach((dx, k) => (gradients[2 * wanted[k]!] = dx));
    return gradients;
  },
});

/** Rotates one or two tensors in one dispatch; two results of one shape are adjacent in memory. */
function rotate(
  run: Run,
  xs: readonly Tensor[],
  positions: Tensor | null,
  { batch, tokens, width, mode, theta, start }: Plan,
  sign: 1 | -1,
): Tensor[] {
  const [x, x2] = xs as [Tensor, Tensor | undefined];
  const ys =
    x2 && sameShape(x.shape, x2.shape) ? adjacentOutputs(run, 2, x.shape) : xs.map(({ shape }) => run.out(shape));
  const table = tableOf(run.gpu, width, theta);
  const along = { half_width: width / 2, ...readAt('x', x), ...readAt('x2', x2 ?? x) };
  const inFours = Object.values(along).every((n) => n % 4 === 0);
  const lanes = (batch * tokens * width) / 2 / (inFours ? 4 : 1);
  const [across, down] = lineGrid(ceilDiv(lanes, 64));
  run.dispatch(attentionRotate, x2 ? 'rotate_two' : 'rotate', {
    buffers: { x, table, positions: positions ?? table, y: ys[0]!, ...(x2 && { x2, y2: ys[1]! }) },
    params: {
      ...Object.fromEntries(Object.entries(along).map(([name, n]) => [name, inFours ? n / 4 : n])),
      tokens,
      heads: x.shape[2]!,
      heads2: x2?.shape[2] ?? 0,
      lanes,
      mode,
      start,
      sign,
    },
    grid: [across, down, sharesOf(run.gpu, lanes, Math.max(x.shape[2]!, x2?.shape[2] ?? 0))],
    tuning: { T: inFours ? 'vec4<f32>' : 'f32' },
  });
  return ys;
}

/**
 * Into how many shares the heads are divided: more than one where few lanes would leave the device idle, as with one
 * token.
 * An eighth of a device's lanes keeps its memory busy here, with two loads each.
 */
const sharesOf = ({ adapter: { costs } }: Gpu, lanes: number, heads: number): number =>
  Math.min(heads, Math.max(1, Math.floor(costs.lanes / 8 / lanes)));

const readAt = (name: string, { bindingOffset, strides }: Tensor): Record<string, number> => ({
  [`${name}_offset`]: bindingOffset,
  [`${name}_batch`]: strides[0]!,
  [`${name}_token`]: strides[1]!,
  [`${name}_head`]: strides[2]!,
});

/**
 * Rotary position embedding, halves rotated as in Hugging Face: with a = position · theta^(-2d/D),
 * y[d] = x[d] · cos a - x[d + D/2] · sin a and y[d + D/2] = x[d + D/2] · cos a + x[d] · sin a for d < D/2.
 * @param x float[B, T, H, D], any strides with a dense last axis; a permuted [B, H, T, D] is permuted back first
 * @returns float[B, T, H, D]
 * Positions go from 0 to 65535: any other is refused where the host knows it; one that only the device knows gives NaN.
 * Saves positions only. Kernel: kernels/attention/rotate. Throws ShapeError or DTypeError when they do not fit. Source:
 * Su et al. 2021.
 */
export const rotaryEmbedding = (x: Tensor, options: RotaryOptions = {}): Tensor => rotated(x, null, options)[0]!;

/** `rotaryEmbedding` of q float[B, T, H, D] and k float[B, T, Hkv, D], in one dispatch. */
export function rotaryEmbeddings(q: Tensor, k: Tensor, options: RotaryOptions = {}): [q: Tensor, k: Tensor] {
  return rotated(q, k, options) as [Tensor, Tensor];
}

function rotated(x: Tensor, x2: Tensor | null, options: RotaryOptions): readonly Tensor[] {
  const {
    theta = 10000,
    positions,
    start = 0,
  } = requireOptions('rotaryEmbedding', options, ['theta', 'positions', 'start']);
  requireFinite('rotaryEmbedding', 'theta', theta, { above: 0 });
  return op([x, positions ?? null, x2], { theta, start });
}
