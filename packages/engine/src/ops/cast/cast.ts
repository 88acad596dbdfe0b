/**
 * @file Conversion between element types. Kernels: kernels/cast; kernels/lib/load_weight.wgsl describes the packed
 * formats.
 */
import { castConvert } from '@curio/kernels/cast_convert';
import { castHalves } from '@curio/kernels/cast_halves';
import { castQuantise } from '@curio/kernels/cast_quantise';
import { DTypeError, ShapeError } from '../../gpu/errors.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { requireOptions } from '../../tensor/options.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { isPacked, requireType } from '../../tensor/dtype.ts';
import type { DType } from '../../tensor/dtype.ts';
import { showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { formatOf } from '../parts/weight-format.ts';
import { canNest, packScales } from '../parts/nested-scales.ts';
import { unpackWeight } from '../parts/unpack-weight.ts';
import { scaleColumns } from './columns.ts';

const WG = 64;

export interface CastOptions {
  /**
   * Adjacent elements of the last axis that share a scale, for int8, int4 and NF4: a multiple of 8 that divides the
   * axis. Default 64, or the axis where it is shorter.
   */
  readonly groupSize?: number;
  /**
   * Quantise the scales of nf4 once more, to 8 bits in blocks of 256 (QLoRA's double quantisation): 4.13 bits an
   * element in place of 4.5. Not where 64 rows hold no whole number of blocks.
   */
  readonly nested?: boolean;
  /** Give each int4 group its own zero point, for values that are not centred on 0. */
  readonly zeros?: boolean;
}

const isHalf = (dtype: DType): boolean => dtype === 'f16' || dtype === 'bf16';

const wordType = (dtype: DType): string => (dtype === 'bool' ? 'u32' : dtype);

/** The least of the integers, and the first number beyond them. */
const SIGNED = { LEAST: '-0x1p+31f', BEYOND: '0x1p+31f' };
const UNSIGNED = { LEAST: '0.0', BEYOND: '0x1p+32f' };

const between = defineOp({
  name: 'cast',
  plan: (_: readonly [Tensor], to: DType) => to,
  forward(run, [x], to) {
    const y = run.out(x.shape, to);
    const vectors = ceilDiv(x.size, 4);
    const work = {
      buffers: { x, y },
      params: { vectors },
      tuning: { FROM: wordType(x.dtype), TO: wordType(to), ...(to === 'u32' ? UNSIGNED : SIGNED) },
      grid: lineGrid(ceilDiv(vectors, WG)),
    };
    const isCut = x.dtype === 'f32' && to !== 'bool';
    run.dispatch(castConvert, to === 'bool' ? 'truth' : isCut ? 'cut' : 'convert', work);
    return { y };
  },
});

function groupSizeFor(x: Tensor, to: DType, groupSize?: number): number {
  const cols = x.shape.at(-1) ?? 0;
  const group = groupSize ?? Math.min(64, cols);
  if (group < 8 || group % 8 !== 0 || cols % group !== 0)
    throw new ShapeError(
      `cast: groups of ${group} do not fit ${to} of ${showShape(x.shape)}; a group is a multiple of 8 that divides the last axis.`,
    );
  return group;
}

function quantise(run: Run, x: Tensor, to: DType, group: number, zeros: boolean, nested: boolean): Tensor {
  const y = run.out(x.shape, to);
  const groups = x.size / group;
  const perGroup = [...x.shape.slice(0, -1), x.shape.at(-1)! / group];
  const scales = run.out(perGroup);
  const offsets = zeros ? run.out(perGroup) : null;
  const FORMAT = to === 'int4' ? (zeros ? 'INT4_ZEROS' : 'INT4') : to.toUpperCase();
  run.dispatch(castQuantise, 'pack', {
    buffers: { x, y, scales, zeros: offsets ?? run.out([1]) },
    params: { groups, group },
    tuning: { FROM: formatOf('cast', x), FORMAT },
    grid: lineGrid(ceilDiv(groups, WG)),
  });
  y.quantisation = nested
    ? { ...packScales(scales, (shape, dtype) => run.out(shape, dtype)), zeros: null, groupSize: group }
    : { scales, zeros: offsets, groupSize: group };
  return y;
}

const pack = defineOp({
  name: 'cast',
  packed: [0],
  plan([x]: readonly [Tensor], { to, groupSize, zeros = false, nested = false }: CastOptions & { to: DType }) {
    const group = isHalf(to) ? 0 : groupSizeFor(x, to, groupSize);
    return {
      to,
      zeros: zeros && to === 'int4',
      group,
      nested: nested && to === 'nf4' && canNest(x.shape.at(-1)!, group),
    };
  },
  forward(run, [x], { to, group, zeros, nested }) {
    if (group > 0) return { y: quantise(run, x, to, group, zeros, nested) };
    const y = run.out(x.shape, to);
    run.dispatch(castHalves, 'pack', {
      buffers: { x, y },
      params: { size: x.size },
      tuning: { FORMAT: to.toUpperCase() },
      grid: lineGrid(ceilDiv(x.size, 4 * WG)),
    });
    return { y };
  },
});

const unpack = defineOp({
  name: 'cast',
  packed: [0],
  plan: (_: readonly [Tensor], __: undefined) => null,
  forward(run, [x]) {
    const y = unpackWeight(run, x, formatOf('cast', x));
    if (x.quantisation?.columns) scaleColumns(y, x.quantisation.columns);
    return { y };
  },
});

/**
 * `x` as another element type.
 * @param x any type; packed ones (f16, bf16, int8, int4, nf4) become f32, and f16 and bf16 the quantised ones too
 * @param to f32 to integers truncates, beyond their range to the nearest of them and NaN to 0, to bool is x ≠ 0 (true
 * for NaN), to f16 and bf16 rounds to nearest, ties to
 * even; int8, int4 and nf4 carry one scale per group in `quantisation`, NaN where the group holds NaN, which then reads
 * back as NaN
 * @returns the same shape; `x` itself when it has the type already. No gradient passes.
 * Throws DTypeError between other packed types, ShapeError when groups do not fit the last axis.
 */
export function cast(x: Tensor, to: DType, options: CastOptions = {}): Tensor {
  requireTensors('cast', x);
  requireType('cast', to);
  requireOptions('cast', options, ['groupSize', 'zeros', 'nested']);
  if (x.dtype === to) return x;
  if (isPacked(x.dtype) && to === 'f32') return unpack([x]);
  if (!isPacked(x.dtype) && !isPacked(to)) return between([x], to);
  if (x.dtype !== 'f32' && !(isHalf(x.dtype) && isPacked(to) && !isHalf(to)))
    throw new DTypeError(`cast: ${x.dtype} cannot become ${to}; cast it to f32 first.`);
  return pack([x], { ...options, to });
}
