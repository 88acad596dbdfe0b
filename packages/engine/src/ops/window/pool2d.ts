/** @file Average and max pooling of images. Kernel: kernels/window/pool.wgsl. */
import { windowPool as kernel } from '@curio/kernels/window_pool';
import { ShapeError } from '../../gpu/errors.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import { requireOptions } from '../../tensor/options.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { windowsOver } from './conv2d.ts';
import { requireFloat } from '../parts/broadcast.ts';

const WG = 64;

export interface PoolOptions {
  /** Side of the window. */
  readonly kernel: number;
  /** Default: the side of the window. */
  readonly stride?: number;
  /** On every side, at most half of the window's. Default 0. */
  readonly padding?: number;
}

function define(name: string, kind: 'MEAN' | 'MAX'): (x: Tensor, options: PoolOptions) => Tensor {
  const tuning = { OP: kind };
  const op = defineOp({
    name,
    plan([x]: readonly [Tensor], { kernel: side, stride = side, padding = 0 }: PoolOptions) {
      requireFloat(name, x);
      const [outHeight, outWidth] = windowsOver(name, x, [side, side], stride, padding);
      // A window of padding alone would have no largest element, and no mean but 0.
      if (padding > side / 2)
        throw new ShapeError(
          `${name}: the padding is ${padding} and the window's side ${side}; the padding must be at most half of the side.`,
        );
      const [batch, channels, height, width] = x.shape as [number, number, number, number];
      const params = {
        planes: batch * channels,
        height,
        width,
        kernel: side,
        stride,
        padding,
        out_height: outHeight,
        out_width: outWidth,
      };
      return { params, from: x.shape, to: [batch, channels, outHeight, outWidth] };
    },
    forward(run, [x], { params, to }) {
      const y = run.out(to);
      const place = run.out(to, 'u32');
      run.dispatch(kernel, 'forward', {
        buffers: { x, y, place },
        params,
        tuning,
        grid: lineGrid(ceilDiv(y.size, WG)),
      });
      return { y, saved: { place: kind === 'MAX' ? place : null } };
    },
    backward(run, dy, { place }, { params, from }) {
      const dx = run.out(from);
      run.dispatch(kernel, 'backward', {
        buffers: { dy, chosen: place ?? dy, dx },
        params,
        tuning,
        grid: lineGrid(ceilDiv(dx.size, WG)),
      });
      return [dx];
    },
  });
  return (x, options) => op([x], requireOptions(name, options, ['kernel', 'stride', 'padding']));
}

/**
 * The mean of each window; padding counts as 0.
 * @param x float[B, C, H, W]
 * @returns float[B, C, oh, ow]
 * Saves nothing. Throws ShapeError unless x has four axes and the window fits, the padding being at most half of it.
 */
export const avgPool2d = define('avgPool2d', 'MEAN');

/**
 * The largest element of each window; the gradient goes to the first of equals. NaN where a window holds one.
 * @param x float[B, C, H, W]
 * @returns float[B, C, oh, ow]
 * Saves its index. Throws ShapeError unless x has four axes and the window fits, the padding being at most half
 * of it.
 */
export const maxPool2d = define('maxPool2d', 'MAX');
