/**
 * @file Operands for kernels that need them in another form: swapped, with padded rows, or in textures.
 */
import { ceilDiv } from '../../gpu/kernel/grid.ts';
import type { Params } from '../../gpu/kernel/variant.ts';
import type { OpVariant, Work } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { toTexelRows } from '../parts/texel-rows.ts';
import { isAlong } from './plan.ts';
import type { MatmulPlan } from './plan.ts';
import { paddingPays, paddedPitch, padRows } from './padded-rows.ts';

type Bind = NonNullable<OpVariant<MatmulPlan>['bind']>;
const operandsOf = (work: Work) => work.buffers as Readonly<Record<'a' | 'b' | 'c' | 'bias' | 'a2' | 'b2', Tensor>>;

/** Cᵀ = op(B)ᵀ·op(A)ᵀ, which the kernel writes transposed: A and B are swapped, and so are M and N. */
export function swapped({ buffers, params }: Work): Work {
  const { M, N, a_outer, a_inner, b_outer, b_inner, a_pitch, b_pitch, ...rest } = params as Record<string, number>;
  return {
    buffers: { ...buffers, a: buffers.b!, b: buffers.a! },
    params: {
      ...rest,
      M: N!,
      N: M!,
      a_outer: b_outer!,
      a_inner: b_inner!,
      b_outer: a_outer!,
      b_inner: a_inner!,
      a_pitch: b_pitch!,
      b_pitch: a_pitch!,
    } as Params,
  };
}

/** Operands whose rows a kernel walks, many of them at once. */
export interface Pads {
  readonly a: boolean;
  readonly b: boolean;
}

/** Copies with padded rows of those operands where each element is read often enough. */
export const padded =
  (pads: Pads): Bind =>
  (run, { buffers, params }, plan) => {
    const { a, b } = operandsOf({ buffers });
    const { M, N, K } = plan;
    const pays = (operand: 'a' | 'b', rows: number, times: number): boolean =>
      plan.batches === 1 && pads[operand] && paddingPays(run.gpu, operand, rows, K, times);
    const [left, right] = [pays('a', M, N), pays('b', N, M)];
    return {
      buffers: { ...buffers, ...(left && { a: padRows(run, a, M, K) }), ...(right && { b: padRows(run, b, N, K) }) },
      params: { ...params, ...(left && { a_pitch: paddedPitch(K) }), ...(right && { b_pitch: paddedPitch(K) }) },
    };
  };

/** Rows of an operand from its first to its last batch, and rows from batch to batch. */
function linesOf(
  x: Tensor,
  [rows, width]: readonly [number, number],
  { count, innerCount, outer, inner }: { count: number; innerCount: number; outer: number; inner: number },
) {
  const [outerRows, innerRows] = [outer / width, inner / width];
  return {
    lines: {
      x,
      rows: (ceilDiv(count, innerCount) - 1) * outerRows + (Math.min(count, innerCount) - 1) * innerRows + rows,
      width,
    },
    outerRows,
    innerRows,
  };
}

const mayGroup = ({ outerRows, innerRows }: ReturnType<typeof linesOf>): boolean =>
  outerRows % 4 === 0 && innerRows % 4 === 0;

/**
 * Both operands in textures, the pair's behind them along the terms; swapped where the kernel computes Cᵀ.
 */
export const inTextures =
  (swaps: boolean): Bind =>
  (run, { buffers, params }, { layout, M, N, K, K2, batches }) => {
    const { a, b, c, bias, a2, b2 } = operandsOf({ buffers });
    const { K_last, batch_inner, flags, alpha, a_outer, a_inner, b_outer, b_inner } = params as Record<string, number>;
    const along = isAlong(layout);
    const counts = { count: batches, innerCount: batch_inner! };
    const aLines = linesOf(a, along.a ? [M, K] : [K, M], { ...counts, outer: a_outer!, inner: a_inner! });
    const bLines = linesOf(b, along.b ? [N, K] : [K, N], { ...counts, outer: b_outer!, inner: b_inner! });
    const hasPair = K2 > 0;
    const aTexels = toTexelRows(
      run,
      aLines.lines,
      hasPair ? { x: a2, rows: M, width: K2 } : null,
      along.a,
      N,
      mayGroup(aLines),
    );
    const bTexels = toTexelRows(
      run,
      bLines.lines,
      hasPair ? { x: b2, rows: along.b ? N : K2, width: along.b ? K2 : N } : null,
      along.b,
      M,
      mayGroup(bLines),
    );
    aTexels.fill();
    bTexels.fill();
    const [left, right] = swaps ? [bTexels, aTexels] : [aTexels, bTexels];
    const [leftLines, rightLines] = swaps ? [bLines, aLines] : [aLines, bLines];
    return {
      buffers: { a: left.binding, b: right.binding, c, bias },
      params: {
        M: swaps ? N : M,
        N: swaps ? M : N,
        K: K + K2,
        K_last: K_last! + K2,
        batch_inner: batch_inner!,
        flags: flags!,
        alpha: alpha!,
        a_outer: leftLines.outerRows,
        a_inner: leftLines.innerRows,
        b_outer: rightLines.outerRows,
        b_inner: rightLines.innerRows,
        a_strip: left.strip,
        a_strip_rows: left.stripRows,
        b_strip: right.strip,
        b_strip_rows: right.stripRows,
      },
      tuning: { TAIL: `${(K_last! + K2) % 4 !== 0 || K % 4 !== 0}` },
    };
  };
