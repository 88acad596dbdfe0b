/**
 * @file Limits on what a GPU's compiler makes of the kernels in which GPUs spend their time: no spilled registers, no
 * private memory, and none of Tint's clamps or counters in hot loops. test/gpu-budgets.node.test.ts checks them.
 */
import { compileForGpu } from './compile.ts';
import type { GpuDriver } from './driver.ts';
import { hotLoops } from './machine-code.ts';
import type { Compiled, Request } from './result.ts';
import { scratchOf, spillsOf } from './table.ts';

/** What is counted; each must be 0. */
export interface Cost {
  readonly spills: number;
  /** Bytes per lane. */
  readonly scratch: number;
  readonly clamps: number;
  readonly counters: number;
}

const minsIn = (compiled: Compiled): number => hotLoops(compiled.code).reduce((sum, { mins }) => sum + mins, 0);

/** @param unguarded the same kernel without Tint's clamps, if it has any `min`: any that remain are its own */
export const costOf = (compiled: Compiled, unguarded: Compiled | null): Cost => ({
  spills: spillsOf(compiled),
  scratch: scratchOf(compiled),
  clamps: Math.max(0, minsIn(compiled) - (unguarded ? minsIn(unguarded) : 0)),
  counters: hotLoops(compiled.code).reduce((sum, { counters }) => sum + counters, 0),
});

/**
 * The costs of all requested kernels, by label. Kernels with a `min` in a hot loop are compiled once more without
 * Tint's clamps.
 * @throws Error if a kernel does not compile
 */
export async function costsOf(driver: GpuDriver, asked: Request): Promise<Map<string, Cost>> {
  const guarded = await compileAll(driver, asked);
  const withMins = new Set([...guarded.values()].flatMap((each) => (minsIn(each) > 0 ? [each.kernel] : [])));
  const unguarded =
    withMins.size === 0
      ? new Map<string, Compiled>()
      : await compileAll(driver, { ...asked, kernels: [...withMins], toggles: ['disable_robustness'] });
  return new Map([...guarded].map(([label, each]) => [label, costOf(each, unguarded.get(label) ?? null)]));
}

async function compileAll(driver: GpuDriver, asked: Request): Promise<Map<string, Compiled>> {
  const found = new Map<string, Compiled>();
  for await (const each of compileForGpu(driver, asked)) {
    if ('refused' in each) throw new Error(`${each.refused}: ${each.why}`);
    if ('label' in each && each.version === 'now') found.set(each.label, each);
  }
  return found;
}

const request = (kernels: readonly string[], values: Request['values'] = {}): Request => ({
  kernels,
  values,
  toggles: [],
  withText: false,
});

/** The kernels in which GPUs spend most of their time, under every tuning that GPUs ask for. */
export const HOT: readonly Request[] = [
  request([
    'matmul/block',
    'matmul/block_scalar',
    'matmul/gemv',
    'matmul/gemv_shared',
    'attention/decode',
    'rows/softmax_shared',
    'rows/softmax_subgroup',
    'rows/log_softmax_shared',
    'rows/norm_layer_shared',
    'rows/norm_layer_subgroup',
    'rows/norm_rms_shared',
    'rows/norm_rms_subgroup',
    'rows/cross_entropy_shared',
    'rows/cross_entropy_subgroup',
    'reduce/columns_shared',
    'elementwise/binary',
    'elementwise/swiglu',
    'elementwise/unary',
    'random/dropout',
    'tensor/accumulate',
    'tensor/copy_rows',
    'tensor/copy_transposed',
    'optim/adamw_update',
    'optim/adamw_update_8bit',
  ]),
  request(['matmul/subgroup_matrix'], { FORMAT: ['F32', 'F16', 'BF16', 'INT8', 'NF4'] }),
  request(
    [
      'attention/decode_groups',
      'attention/decode_parts',
      'attention/forward_vec4',
      'attention/forward_shared',
      'attention/backward_vec4',
      'attention/backward_shared',
    ],
    { D: ['64u', '128u'] },
  ),
  request(['attention/forward_matrix', 'attention/backward_matrix']),
];

/** A cost that is accepted for now, for matching labels, with its reason. */
export interface Exception {
  readonly of: RegExp;
  readonly most: Partial<Cost>;
  readonly because: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    of: /^attention\/forward_matrix:.*D=128u/,
    most: { spills: 32, scratch: 128 },
    because: 'q as left matrices, which RDNA3 keeps twice: 64 registers beside the 64 of y; NVIDIA needs 32',
  },
  {
    of: /^matmul\/gemv:.*PAIR=true/,
    most: { counters: 1 },
    because: 'the loop over the second pair in lib/gemv_store.wgsl, which is as short as the rank of LoRA',
  },
  {
    of: /^rows\/softmax_subgroup:forward/,
    most: { counters: 1 },
    because: 'the loop that stores two vec4 per iteration; it waits for memory',
  },
  {
    of: /^elementwise\/unary:.*OP=(COS|SIN)/,
    most: { clamps: 16 },
    because: 'words of 2/π, read only for arguments above 1500',
  },
  {
    of: /^attention\/decode:/,
    most: { counters: 1 },
    because: 'one per key of a lane, next to 4 multiply-adds per vec4 of the width',
  },
];

const COUNTED = ['spills', 'scratch', 'clamps', 'counters'] as const;

/** A sentence for each cost above 0, or above what an exception allows. */
export function overBudget(label: string, cost: Cost, exceptions = EXCEPTIONS): string[] {
  return COUNTED.flatMap((name) => {
    const allowed = Math.max(0, ...exceptions.filter(({ of }) => of.test(label)).map(({ most }) => most[name] ?? 0));
    return cost[name] > allowed ? [`${label}: ${name} ${cost[name]}; at most ${allowed}.`] : [];
  });
}

/** A sentence for each exception that is larger than any kernel needs, so that improvements are kept. */
export function needless(costs: ReadonlyMap<string, Cost>, exceptions = EXCEPTIONS): string[] {
  return exceptions.flatMap(({ of, most }) =>
    COUNTED.flatMap((name) => {
      const allowed = most[name] ?? 0;
      const worst = Math.max(0, ...[...costs].filter(([label]) => of.test(label)).map(([, cost]) => cost[name]));
      return worst < allowed
        ? [`the exception for ${of} allows ${name} ${allowed}, and ${worst} is the most now; lower it.`]
        : [];
    }),
  );
}
