/** @file Host values into a parameter of any storage. */
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { byteLength, isPacked } from '../../tensor/dtype.ts';
import { requireOptions } from '../../tensor/options.ts';
import type { Parameter } from '../../tensor/parameter.ts';
import { showShape } from '../../tensor/shape.ts';
import { empty, keep, tensor } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { cast } from './cast.ts';

/** Elements that are on the device as f32 at a time. */
const CHUNK = 2 ** 22;

export interface StoreOptions {
  /** As `cast` takes it; default 64, or a smaller power of two that divides the last axis. */
  readonly groupSize?: number;
}

/**
 * Writes f32 values into `parameter` as its type stores them: rounded to f16 or bf16, or quantised with scales. At most
 * 16 MiB of f32 are on the device at a time, whatever the size.
 * @param values row-major, as many as the parameter has elements
 * Throws ShapeError when their number or the groups do not fit, DTypeError when the parameter is neither f32 nor
 * packed.
 */
export function store(parameter: Parameter, values: Float32Array<ArrayBuffer>, options: StoreOptions = {}): void {
  requireOptions('store', options, ['groupSize']);
  const { gpu, dtype, size, shape, name } = parameter;
  if (values.length !== size)
    throw new ShapeError(
      `store: ${values.length} values for '${name}' of shape ${showShape(shape)}; it needs ${size}.`,
    );
  if (dtype === 'f32') return parameter.write(values);
  if (!isPacked(dtype))
    throw new DTypeError(`store: '${name}' is ${dtype}; only f32 and packed parameters can be stored.`);
  const group = groupOf(parameter, options);
  const chunk = group * Math.max(1, Math.floor(Math.min(CHUNK, gpu.memory.bindingLimit / 4) / group));
  const scales = dtype === 'f16' || dtype === 'bf16' ? null : keep(empty(gpu, [size / group]));
  for (let begin = 0; begin < size; begin += chunk) {
    const count = Math.min(chunk, size - begin);
    gpu.scope(() => {
      const plain = tensor(gpu, values.subarray(begin, begin + count), scales ? [count / group, group] : [count]);
      const packed = cast(plain, dtype, { groupSize: group });
      copyBytes(packed, parameter, byteLength(dtype, begin), byteLength(dtype, count));
      if (scales) copyBytes(packed.quantisation!.scales, scales, (4 * begin) / group, (4 * count) / group);
    });
  }
  parameter.quantisation?.scales.dispose();
  parameter.quantisation = scales && { scales, zeros: null, groupSize: group };
}

/** Makes the scales of a quantised parameter without their values, for a dry run. */
export function reserveScales(parameter: Parameter, options: StoreOptions = {}): void {
  const { gpu, dtype, size } = parameter;
  if (!isPacked(dtype) || dtype === 'f16' || dtype === 'bf16') return;
  const groupSize = groupOf(parameter, options);
  parameter.quantisation = { scales: keep(empty(gpu, [size / groupSize])), zeros: null, groupSize };
}

function groupOf({ name, dtype, shape }: Parameter, { groupSize }: StoreOptions): number {
  const group = dtype === 'f16' || dtype === 'bf16' ? 8 : groupFor(shape.at(-1) ?? 0, groupSize);
  if (group === 0)
    throw new ShapeError(
      `store: '${name}' is ${showShape(shape)} and ${dtype} wants groups of a multiple of 8 that divide the last axis; store it as f16, bf16 or f32.`,
    );
  return group;
}

/** The group asked for, or the largest power of two up to 64 that divides the axis; 0 where groups do not fit. */
function groupFor(cols: number, asked?: number): number {
  const candidates = asked === undefined ? [64, 32, 16, 8] : [asked];
  return candidates.find((group) => group >= 8 && group % 8 === 0 && cols % group === 0) ?? 0;
}

function copyBytes(from: Tensor, to: Tensor, offset: number, bytes: number): void {
  from.gpu.stream.copy(
    { block: from.storage.block, offset: 0, bytes },
    { block: to.storage.block, offset, bytes },
    bytes,
  );
}
