/**
 * @file A named tensor that belongs to a model: it lives outside every scope, and an optimizer may move it into a flat
 * buffer.
 */
import { Storage } from '../gpu/memory/arena.ts';
import { DTypeError, ShapeError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { noteIntegers } from '../gpu/memory/known-integers.ts';
import { byteLength, isPacked, requireType } from './dtype.ts';
import type { DType, HostArray } from './dtype.ts';
import { requireGpu, show } from './host-values.ts';
import { requireShape, showShape, sizeOf } from './shape.ts';
import type { Shape } from './shape.ts';
import { HOST, Tensor } from './tensor.ts';

export class Parameter extends Tensor {
  /**
   * A parameter of the given values, frozen until an optimizer trains it. `dispose()` ends it.
   * @param name its checkpoint name, such as `language.model.layers.0.self_attn.q_proj.weight`
   * @param data row-major values; for a packed storage type (f16, bf16, …) its u32 words; null leaves them undefined,
   * NaN at the start, so that one that is read before it is stored shows
   * @throws ShapeError when the number of values does not fit the shape, DTypeError when they are of another type than
   * `read` gives
   */
  constructor(
    gpu: Gpu,
    readonly name: string,
    shape: Shape,
    data: HostArray | null,
    dtype: DType = 'f32',
  ) {
    requireGpu('parameter', gpu);
    if (typeof name !== 'string')
      throw new DTypeError(`parameter: the name is ${show(name)}; it must be text, such as 'head.weight'.`);
    requireShape('parameter', shape);
    requireType('parameter', dtype);
    if (data !== null && !(data instanceof HOST[dtype]))
      throw new DTypeError(
        `parameter: '${name}' is ${dtype} and was given ${show(data)}; ${isPacked(dtype) ? 'packed values are a Uint32Array of words' : `its values are a ${HOST[dtype].name}`}.`,
      );
    const bytes = byteLength(dtype, sizeOf(shape));
    if (data && data.length !== bytes / 4)
      throw new ShapeError(
        `parameter: '${name}' of ${dtype} ${showShape(shape)} was given ${data.length} values; it needs ${bytes / 4}.`,
      );
    super(gpu, shape, dtype, new Storage(gpu.memory.acquire(Math.max(bytes, 4), 'weights'), gpu.memory));
    const first = data ?? new Uint32Array(Math.min(bytes / 4, 64)).fill(0xffffffff);
    if (first.length > 0) gpu.stream.write(this.storage.block, 0, first);
    if (data) noteIntegers(this.storage.block, 0, dtype, data);
  }
}
