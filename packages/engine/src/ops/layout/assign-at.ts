/** @file Overwriting rows of a tensor from a position that is data. */
import { tensorAssignAt } from '@curio/kernels/tensor_assign_at';
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { requireIndices } from '../../gpu/memory/known-integers.ts';
import { aligned } from '../../tensor/copy.ts';
import { gpuOf } from '../../tensor/op.ts';
import { requireOptions } from '../../tensor/options.ts';
import { resolveAxis, sameShape, showShape, sizeOf } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';

const WG = 64;

/**
 * Overwrites elements p, p + 1, … of `to` along `axis` with `values`, where p = position[0], or position[b] in row b of
 * the first axis, is data, so a captured step can write at another position each time. No gradient; views of `to` see
 * it. Elements outside `to` are refused where the host knows the position, and dropped where only the device does.
 * @param to dense, f32, i32 or u32
 * @param values of the type of `to`, and of its shape but along `axis`
 * @param options.position i32[1], or i32[B] where B = `to.shape[0]` and `axis` is another one
 * Kernel: kernels/tensor/assign_at.wgsl. Throws ShapeError when shapes or the position do not fit or `to` is a view
 * that is not dense, DTypeError when types differ.
 */
export function assignAt(
  to: Tensor,
  values: Tensor,
  options: { readonly axis: number; readonly position: Tensor },
): void {
  requireOptions('assignAt', options, ['axis', 'position']);
  const { axis, position } = options;
  const gpu = gpuOf('assignAt', [to, values, position]);
  const k = resolveAxis('assignAt', axis, to.shape.length);
  if (position.dtype !== 'i32' || to.dtype !== values.dtype || !['f32', 'i32', 'u32'].includes(to.dtype))
    throw new DTypeError(
      `assignAt: the tensor is ${to.dtype}, the values ${values.dtype} and position ${position.dtype}; the first two must be f32, i32 or u32 alike and position i32.`,
    );
  const window = to.shape.map((n, i) => (i === k ? values.shape[k]! : n));
  const isEach = k > 0 && position.size === to.shape[0];
  if (!sameShape(window, values.shape) || values.shape[k]! > to.shape[k]! || (position.size !== 1 && !isEach))
    throw new ShapeError(
      `assignAt: ${showShape(values.shape)} along axis ${axis} of ${showShape(to.shape)}, at a position of shape ${showShape(position.shape)}; all other axes must agree, there must be room, and position must be [1]${k > 0 ? ` or [${to.shape[0]}]` : ''}.`,
    );
  requireIndices('assignAt', 'position', position, { low: 0, high: to.shape[k]! - values.shape[k]! });
  if (!to.isDense || to.bindingOffset !== 0)
    throw new ShapeError(
      `assignAt: the tensor of shape ${showShape(to.shape)} is a view of strides [${to.strides.join(', ')}]; it must be dense and start on the binding grid.`,
    );
  if (values.size === 0) return;
  const inner = sizeOf(to.shape.slice(k + 1));
  const width = inner % 4 === 0 ? 4 : 1;
  const share = sizeOf(to.shape.slice(0, k)) / position.size;
  gpu.dispatch(tensorAssignAt, 'assign', {
    buffers: { x: aligned('assignAt', values).binding, position: aligned('assignAt', position).binding, y: to.binding },
    params: { size: values.size / width, count: values.shape[k]!, rows: to.shape[k]!, inner: inner / width, share },
    tuning: { T: width === 4 ? 'vec4<u32>' : 'u32' },
    grid: lineGrid(ceilDiv(values.size / width, WG)),
    op: 'assignAt',
  });
}
