/** @file Convolution by unfold and matmul. Kernel: kernels/window/unfold.wgsl. */
import { windowUnfold as kernel } from '@curio/kernels/window_unfold';
import { ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { linear } from '../matmul/linear.ts';
import { permute, reshape, transpose } from '../layout/views.ts';
import { requireFloat } from '../parts/broadcast.ts';

const WG = 64;

export interface WindowOptions {
  /** Size of the window, or height and width. */
  readonly kernel: number | readonly [number, number];
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on every side. Default 0. */
  readonly padding?: number;
}

/** Rows and columns of windows over `size` pixels. Throws ShapeError when none fits. */
export function windowsOver(
  where: string,
  x: Tensor,
  [kernelHeight, kernelWidth]: readonly [number, number],
  stride: number,
  padding: number,
): [rows: number, cols: number] {
  if (x.shape.length !== 4) throw new ShapeError(`${where}: x is ${showShape(x.shape)}; it must be [B, C, H, W].`);
  for (const [name, n, least] of [
    ['kernel', kernelHeight, 1],
    ['kernel', kernelWidth, 1],
    ['stride', stride, 1],
    ['padding', padding, 0],
  ] as const) {
    if (!Number.isInteger(n) || n < least)
      throw new ShapeError(`${where}: the ${name} is ${n}; it must be a whole number of at least ${least}.`);
  }
  const rows = Math.floor((x.shape[2]! + 2 * padding - kernelHeight) / stride) + 1;
  const cols = Math.floor((x.shape[3]! + 2 * padding - kernelWidth) / stride) + 1;
  if (!(rows > 0 && cols > 0))
    throw new ShapeError(
      `${where}: a window of ${kernelHeight} × ${kernelWidth} does not fit x of ${showShape(x.shape)} with padding ${padding}; it must not be larger.`,
    );
  return [rows, cols];
}

/** y float[B, L, C·kh·kw]: one window a row. */
const windows = defineOp({
  name: 'unfold',
  plan([x]: readonly [Tensor], { kernel: size, stride = 1, padding = 0 }: WindowOptions) {
    requireFloat('unfold', x);
    const [kernelHeight, kernelWidth] = Array.isArray(size)
      ? (size as [number, number])
      : [size as number, size as number];
    const [outHeight, outWidth] = windowsOver('unfold', x, [kernelHeight, kernelWidth], stride, padding);
    const [batch, channels, height, width] = x.shape as [number, number, number, number];
    const params = {
      batch,
      channels,
      height,
      width,
      kernel_height: kernelHeight,
      kernel_width: kernelWidth,
      stride,
      padding,
      out_height: outHeight,
      out_width: outWidth,
    };
    return { params, from: x.shape, to: [batch, outHeight * outWidth, channels * kernelHeight * kernelWidth] };
  },
  forward(run, [x], { params, to }) {
    const y = run.out(to);
    run.dispatch(kernel, 'unfold', {
      buffers: { x, y },
      params,
      grid: lineGrid(ceilDiv(y.size / params.kernel_width, WG)),
    });
    return { y };
  },
  backward(run, dy, _, { params, from }) {
    const dx = run.out(from);
    run.dispatch(kernel, 'fold', { buffers: { dy, dx }, params, grid: lineGrid(ceilDiv(dx.size, WG)) });
    return [dx];
  },
});

/**
 * The windows of images as columns (im2col): y[b, (c·kh + i)·kw + j, l] = x[b, c, oy·stride + i - padding, ox·stride
 * + j - padding].
 * @param x float[B, C, H, W]
 * @returns float[B, C·kh·kw, L], a view of rows; L windows in row-major order
 * Saves nothing. Throws ShapeError unless x has four axes and the window fits.
 */
export const unfold = (x: Tensor, options: WindowOptions): Tensor =>
  transpose(windows([x], requireOptions('unfold', options, ['kernel', 'stride', 'padding'])));

/**
 * Cross-correlation with each of O kernels: y[b, o] = Σ weight[o] · window + bias[o].
 * @param x float[B, C, H, W]
 * @param weight float[O, C, kh, kw]
 * @param bias float[O] or null
 * @returns float[B, O, oh, ow], a view
 * Composed of unfold and linear, which save the windows. Throws ShapeError when channels differ.
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: { stride?: number; padding?: number } = {},
): Tensor {
  requireTensors('conv2d', x, weight);
  const { stride = 1, padding = 0 } = requireOptions('conv2d', options, ['stride', 'padding']);
  const [out, channels, kernelHeight, kernelWidth] = weight.shape as [number, number, number, number];
  if (weight.shape.length !== 4 || channels !== x.shape[1])
    throw new ShapeError(
      `conv2d: the weight is ${showShape(weight.shape)} and x ${showShape(x.shape)}; they must be [O, C, kh, kw] and [B, C, H, W].`,
    );
  const [rows, cols] = windowsOver('conv2d', x, [kernelHeight, kernelWidth], stride, padding);
  const y = linear(
    windows([x], { kernel: [kernelHeight, kernelWidth], stride, padding }),
    reshape(weight, [out, channels * kernelHeight * kernelWidth]),
    bias,
  );
  return permute(reshape(y, [x.shape[0]!, rows, cols, out]), [0, 3, 1, 2]);
}
