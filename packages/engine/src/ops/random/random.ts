/**
 * @file Tensors of random numbers: a pure function of the step's seed, the step and the count of streams drawn before
 * (Philox4x32-10, Salmon et al. 2011), so the same in Node, in a browser and on the host (`RandomStream`). Kernel:
 * kernels/random/fill.wgsl.
 * Each throws ShapeError for a shape with a negative or broken size.
 */
import { randomFill as kernel } from '@curio/kernels/random_fill';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { Gpu } from '../../gpu/gpu.ts';
import { requireGpu } from '../../tensor/host-values.ts';
import { requireFinite, requireOptions } from '../../tensor/options.ts';
import type { Shape } from '../../tensor/shape.ts';
import { empty } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';

const WG = 64;

function fill(
  where: string,
  gpu: Gpu,
  shape: Shape,
  entry: 'words' | 'uniform_floats' | 'normal_floats',
  [low, high]: readonly [number, number] = [0, 0],
): Tensor {
  requireGpu(where, gpu);
  const y = empty(gpu, shape, entry === 'words' ? 'u32' : 'f32');
  const vectors = ceilDiv(y.size, 4);
  const params = { vectors, stream: gpu.random.draw(), low, high };
  gpu.dispatch(kernel, entry, {
    buffers: { key: gpu.random.binding(), y: y.binding },
    params,
    grid: lineGrid(ceilDiv(vectors, WG)),
    op: 'random',
  });
  return y;
}

/** float of `shape`, uniform in [low, high). Draws one stream. Throws ConfigError unless low ≤ high, both finite. */
export const randomUniform = (gpu: Gpu, shape: Shape, options: { low?: number; high?: number } = {}): Tensor => {
  const { low = 0, high = 1 } = requireOptions('randomUniform', options, ['low', 'high']);
  requireFinite('randomUniform', 'low', low);
  requireFinite('randomUniform', 'high', high, { least: low });
  return fill('randomUniform', gpu, shape, 'uniform_floats', [low, high]);
};

/**
 * float of `shape`, normal with the given mean and standard deviation. Draws one stream. Throws ConfigError where one
 * is not finite, or the deviation is below 0.
 */
export const randomNormal = (gpu: Gpu, shape: Shape, options: { mean?: number; std?: number } = {}): Tensor => {
  const { mean = 0, std = 1 } = requireOptions('randomNormal', options, ['mean', 'std']);
  requireFinite('randomNormal', 'mean', mean);
  requireFinite('randomNormal', 'std', std, { least: 0 });
  return fill('randomNormal', gpu, shape, 'normal_floats', [mean, std]);
};

/** u32 of `shape`, every bit fair. Draws one stream. */
export const randomBits = (gpu: Gpu, shape: Shape): Tensor => fill('randomBits', gpu, shape, 'words');
