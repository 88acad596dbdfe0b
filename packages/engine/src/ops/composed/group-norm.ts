import { ShapeError } from '../../gpu/errors.ts';
import { requireFinite, requireOptions, requireScalar } from '../../tensor/options.ts';
import { showShape } from '../../tensor/shape.ts';
import { ones, requireTensors, zeros } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { add, mul } from '../elementwise/binary.ts';
import { layerNorm } from '../rows/layer-norm.ts';
import { reshape } from '../layout/views.ts';

/**
 * y = (x - mean) / √(var + eps) · weight + bias, mean and (biased) variance over each group of adjacent channels of
 * each image.
 * @param x float[B, C, ...]
 * @param groups a divisor of C; C itself is instance normalisation
 * @param weight float[C]
 * @param bias float[C]
 * Composed of layerNorm, mul and add. Throws ShapeError where sizes do not fit. Source: Wu and He 2018.
 */
export function groupNorm(
  x: Tensor,
  groups: number,
  weight: Tensor,
  bias: Tensor,
  options: { eps?: number } = {},
): Tensor {
  requireTensors('groupNorm', x);
  requireScalar('groupNorm', 'the number of groups', groups);
  requireTensors('groupNorm', x, weight, bias);
  const { eps = 1e-5 } = requireOptions('groupNorm', options, ['eps']);
  requireFinite('groupNorm', 'eps', eps, { least: 0 });
  const channels = x.shape[1] ?? 0;
  if (x.shape.length < 2 || !Number.isInteger(channels / groups) || groups < 1)
    throw new ShapeError(
      `groupNorm: ${groups} groups of x ${showShape(x.shape)}; x must be [B, C, ...] and C a multiple of the groups.`,
    );
  for (const [name, v] of [
    ['weight', weight],
    ['bias', bias],
  ] as const)
    if (v.shape.length !== 1 || v.shape[0] !== channels)
      throw new ShapeError(
        `groupNorm: ${name} is ${showShape(v.shape)} and x ${showShape(x.shape)}; ${name} must be [${channels}].`,
      );
  const rows = reshape(x, [x.shape[0]! * groups, -1]);
  const plain = reshape(
    layerNorm(rows, ones(x.gpu, [rows.shape[1]!]), zeros(x.gpu, [rows.shape[1]!]), { eps }),
    x.shape,
  );
  const perChannel = [channels, ...x.shape.slice(2).map(() => 1)];
  return add(mul(plain, reshape(weight, perChannel)), reshape(bias, perChannel));
}
