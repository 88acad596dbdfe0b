/**
 * @file Runs one case of the op table on the device: inputs from a seed, the result, and the gradients of a weighted
 * sum of it.
 */
import { backward } from '../tensor/autograd.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { copyOf } from '../tensor/copy.ts';
import type { HostArray } from '../tensor/dtype.ts';
import { RandomStream } from '../tensor/philox.ts';
import type { Shape } from '../tensor/shape.ts';
import { Tensor, tensor } from '../tensor/tensor.ts';
import type { Case, InputSpec, OpCases } from '../truth/cases.ts';
import { specOf } from '../truth/cases.ts';
import { Array64 } from '../truth/oracle.ts';

/** The device's results for a case. */
export interface CaseRun {
  readonly shape: Shape;
  readonly y: HostArray;
  /** The gradient of each input; null if none was requested or computed. */
  readonly grads: readonly (HostArray | null)[];
}

/** Inputs of a case, fresh from `seed`. */
export function makeInputs<A>(c: Case<A>, seed: number): (Array64 | null)[] {
  const inputs = c.inputs.map((input, i) => {
    const spec = specOf(input);
    return spec && makeInput(spec, new RandomStream(seed, 0, i));
  });
  c.adjust?.(inputs, c.attrs as A, new RandomStream(seed, 3));
  return inputs;
}

function makeInput(spec: InputSpec, random: RandomStream): Array64 {
  if (spec.values) return new Array64(spec.shape, spec.values);
  const out = new Array64(spec.shape);
  const whole = spec.dtype !== undefined && spec.dtype !== 'f32';
  const [low, high] = spec.range ?? (spec.dtype === 'bool' ? [0, 2] : [0, 8]);
  for (let i = 0; i < out.data.length; i++) {
    if (whole) out.data[i] = Math.floor(low + (high - low) * random.uniform());
    else out.data[i] = Math.fround(spec.range ? low + (high - low) * random.uniform() : random.normal());
  }
  return out;
}

/** Weights of the output's elements in the scalar that is differentiated. */
export function outputWeights(size: number, seed: number): Float32Array<ArrayBuffer> {
  const normal = new RandomStream(seed, 1);
  return Float32Array.from({ length: size }, () => normal.normal());
}

/** Which inputs need a gradient. */
export function wantedGradients<A>(op: OpCases<A>, c: Case<A>): boolean[] {
  return c.inputs
    .map(specOf)
    .map((s) => op.differentiable !== false && s !== null && (s.dtype ?? 'f32') === 'f32' && s.needsGrad !== false);
}

/** Uploads the inputs of a case. */
export function uploadCase<A>(
  gpu: Gpu,
  op: OpCases<A>,
  c: Case<A>,
  inputs: readonly (Array64 | null)[],
): (Tensor | null)[] {
  const specs = c.inputs.map(specOf);
  const wants = wantedGradients(op, c);
  return inputs.map((x, i) => x && upload(gpu, x, specs[i]!, wants[i]!));
}

/** Forward, and backward of the sum of the output times `outputWeights`. */
export async function runCase<A>(
  gpu: Gpu,
  op: OpCases<A>,
  c: Case<A>,
  inputs: readonly (Array64 | null)[],
  seed: number,
): Promise<CaseRun> {
  const pending = gpu.scope(() => {
    const tensors = uploadCase(gpu, op, c, inputs);
    const y = op.run(tensors, c.attrs as A);
    const forward = y.read();
    if (y.requiresGrad) backward(y, tensor(gpu, outputWeights(y.size, seed), y.shape));
    const grads = tensors.map((x) => {
      const grad = x?.grad ?? null;
      if (grad) gpu.arena.adopt(grad.storage);
      return grad?.read() ?? null;
    });
    return { shape: y.shape, forward, grads };
  });
  const [y, ...grads] = await Promise.all([pending.forward, ...pending.grads]);
  return { shape: pending.shape, y, grads };
}

function upload(gpu: Gpu, x: Array64, spec: InputSpec, wantsGrad: boolean): Tensor {
  const dtype = spec.dtype ?? 'f32';
  const leaf = spec.strided
    ? stridedTensor(gpu, x)
    : tensor(
        gpu,
        dtype === 'f32'
          ? Float32Array.from(x.data)
          : dtype === 'i32'
            ? Int32Array.from(x.data)
            : Uint32Array.from(x.data),
        x.shape,
        { dtype },
      );
  if (spec.onDevice) return copyOf(leaf);
  leaf.requiresGrad = wantsGrad;
  return leaf;
}

/**
 * The values stored with the last axis first and one element of room in front: neither dense nor on the binding grid.
 */
function stridedTensor(gpu: Gpu, x: Array64): Tensor {
  const rank = x.shape.length;
  const cols = x.shape.at(-1) ?? 1;
  const rows = cols === 0 ? 0 : x.data.length / cols;
  const values = new Float32Array(1 + x.data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < cols; c++) values[1 + c * rows + r] = x.data[r * cols + c]!;
  const base = tensor(gpu, values);
  const strides = new Array<number>(rank).fill(0);
  let step = 1;
  for (let k = rank - 2; k >= 0; k--) {
    strides[k] = step;
    step *= x.shape[k]!;
  }
  if (rank > 0) strides[rank - 1] = rows;
  return new Tensor(gpu, x.shape, 'f32', base.storage, { strides, offset: 1 });
}
