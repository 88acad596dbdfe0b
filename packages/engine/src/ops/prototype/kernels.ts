/** @file The kernels of the prototype extractor, grouped by their grid, each family with its baseline. */
import { prototypeColumns } from '@curio/kernels/prototype_columns';
import { prototypeMembers } from '@curio/kernels/prototype_members';
import { prototypeMembersNaive } from '@curio/kernels/prototype_members_naive';
import { prototypeRowsNaive } from '@curio/kernels/prototype_rows_naive';
import { prototypeRowsSubgroup } from '@curio/kernels/prototype_rows_subgroup';
import { prototypeSort } from '@curio/kernels/prototype_sort';
import { prototypeTokens } from '@curio/kernels/prototype_tokens';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import type { Tuning } from '../../gpu/kernel/kernel.ts';
import { rowGrid } from '../../gpu/kernel/line.ts';
import { fixedSubgroupSize, tuned } from '../../gpu/kernel/variant.ts';
import type { Family, KernelDevice, Params } from '../../gpu/kernel/variant.ts';
import type { Grid } from '../../gpu/kernel/grid.ts';
import type { Dispatch, Run } from '../../tensor/op.ts';

/** Sizes of one dispatch; `rows` are the rows that it writes. */
export interface Sizes {
  readonly batch: number;
  readonly rows: number;
  readonly cols: number;
  readonly tokens: number;
  readonly centres: number;
}

const WG = 64;
const inFours = (_: unknown, { cols }: Sizes): boolean => cols % 4 === 0;
/** Kernels over vec4s of columns count them in vec4s. */
const columnsInFours = (params: Params): Params => ({ ...params, cols: params.cols! / 4 });
const VEC4S = { T: 'vec4<f32>' };
const SINGLE = { T: 'f32' };
/** Tunables of a kernel over vec4s of columns, or single ones: where starting subgroups is expensive, `runs`. */
const along = (T: Tuning, runs: Tuning) => ({
  tuning: (gpu: KernelDevice): Tuning => ({
    ...T,
    ...(gpu.adapter.costs.subgroupStart === 'high' ? runs : { STEPS: '1u' }),
  }),
  free: Object.fromEntries(Object.keys(runs).map((name) => [name, () => null])),
});

/** Reductions over the channels of a row. */
export const prototypeRowVariants: Family<Sizes> = {
  subgroup: {
    kernel: prototypeRowsSubgroup,
    fits: (gpu, { cols }) => fixedSubgroupSize(gpu) > 0 && cols % 4 === 0,
    params: columnsInFours,
    tuning: (gpu) => ({ SG: `${fixedSubgroupSize(gpu)}u` }),
    grid: (gpu, { rows }) => lineGrid(ceilDiv(rows, WG / fixedSubgroupSize(gpu))),
  },
  naive: { kernel: prototypeRowsNaive, grid: (_, { rows }) => lineGrid(ceilDiv(rows, WG)) },
};

const widthOf = (tuning: Tuning | undefined): number => (tuning?.T === VEC4S.T ? 4 : 1);

const runGrid = (_: unknown, { rows, cols }: Sizes, __: string, tuning: Tuning): Grid =>
  rowGrid(rows, cols / widthOf(tuning), tuned(tuning, 'STEPS'), WG);

/** Steps that treat every channel alike. */
export const prototypeTokenVariants: Family<Sizes> = {
  vec4s: {
    kernel: prototypeTokens,
    fits: inFours,
    params: columnsInFours,
    ...along(VEC4S, { STEPS: '32u' }),
    grid: runGrid,
  },
  single: { kernel: prototypeTokens, ...along(SINGLE, { STEPS: '32u' }), grid: runGrid },
};

/** Sums over the tokens of a centre. */
export const prototypeMemberVariants: Family<Sizes> = {
  vec4s: {
    kernel: prototypeMembers,
    fits: inFours,
    params: columnsInFours,
    ...along(VEC4S, { STEPS: '4u' }),
    grid: runGrid,
  },
  single: { kernel: prototypeMembers, ...along(SINGLE, { STEPS: '4u' }), grid: runGrid },
  naive: { kernel: prototypeMembersNaive, grid: (_, { rows, cols }) => lineGrid(ceilDiv(rows * cols, WG)) },
};

const columnGrid = (_: unknown, { batch, cols }: Sizes, __: string, tuning: Tuning): Grid => [
  ceilDiv(cols / widthOf(tuning), tuned(tuning, 'WG') * tuned(tuning, 'STEPS')),
  batch,
  1,
];

/** Reductions over the tokens of a channel. */
export const prototypeColumnVariants: Family<Sizes> = {
  vec4s: {
    kernel: prototypeColumns,
    fits: inFours,
    params: columnsInFours,
    ...along({ ...VEC4S, U: 'vec4<u32>', WG: '64u' }, { STEPS: '4u', WG: '8u' }),
    grid: columnGrid,
  },
  single: {
    kernel: prototypeColumns,
    ...along({ ...SINGLE, U: 'u32', WG: '64u' }, { STEPS: '4u', WG: '8u' }),
    grid: columnGrid,
  },
};

export const prototypeFamilies = {
  prototypeRows: prototypeRowVariants,
  prototypeTokens: prototypeTokenVariants,
  prototypeMembers: prototypeMemberVariants,
  prototypeColumns: prototypeColumnVariants,
};

/** Dispatches `entry` of the variant that suits. */
export function step(
  run: Run,
  family: keyof typeof prototypeFamilies,
  entry: string,
  sizes: Sizes,
  buffers: Dispatch['buffers'],
): void {
  run.launch<Sizes>(family, prototypeFamilies[family], sizes, entry, { buffers, params: { ...sizes } });
}

/** The token lists of each centre, in ascending order. */
export function sortTokens(run: Run, { batch, tokens, centres }: Sizes, buffers: Dispatch['buffers']): void {
  run.dispatch(prototypeSort, 'sort', {
    buffers,
    params: { rows: batch * centres, tokens, centres },
    grid: lineGrid(ceilDiv(batch * centres, WG)),
  });
}

/** The gradients of α and β from those of the gates. */
export function sumGates(run: Run, { batch, tokens, centres }: Sizes, buffers: Dispatch['buffers']): void {
  run.dispatch(prototypeSort, 'gates', { buffers, params: { rows: batch * tokens, tokens, centres }, grid: [1, 1, 1] });
}
