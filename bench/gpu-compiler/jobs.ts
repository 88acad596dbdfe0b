/** @file Which kernels, entries and tunings are compiled: those that the ops ask for on GPUs. */
import type { AdapterReport, KernelSource, Tuning } from '@curio/engine';
import { pipelinesOf, tablesFor } from '@curio/engine/check';
import type { Choice, DeviceFacts, OpCases } from '@curio/engine/check';
import { readKernel } from '../src/kernel/source.ts';
import type { Request, Version } from './result.ts';

const KiB = 1024;

/**
 * Three kinds of GPUs, which differ in how kernels are chosen. All have a GPU's costs, since RADV is not a software
 * driver.
 */
const GPUS: Readonly<Record<string, Partial<AdapterReport> & { readonly limits: Readonly<Record<string, number>> }>> = {
  /** NVIDIA and Apple; AMD and Intel if a kernel may request a subgroup size. */
  'fixed 32': {
    features: [],
    subgroupSize: { min: 32, max: 32 },
    subgroupMatrix: { M: 16, N: 16, K: 16 },
    limits: { maxComputeWorkgroupStorageSize: 48 * KiB, maxComputeInvocationsPerWorkgroup: 1024 },
  },
  /** AMD if it may not; this covers Intel too, whose smallest subgroup has 8 lanes. */
  varies: {
    features: [],
    subgroupSize: { min: 32, max: 64 },
    subgroupMatrix: null,
    limits: { maxComputeWorkgroupStorageSize: 64 * KiB, maxComputeInvocationsPerWorkgroup: 1024 },
  },
  /** The portable floor. */
  none: {
    features: [],
    subgroupSize: null,
    subgroupMatrix: null,
    limits: { maxComputeWorkgroupStorageSize: 16 * KiB, maxComputeInvocationsPerWorkgroup: 256 },
  },
};

export interface Job {
  readonly label: string;
  readonly source: KernelSource;
  readonly entry: string;
  readonly tuning: Tuning;
  readonly version: Version;
  readonly askedBy: readonly string[];
}

interface Asked {
  readonly entry: string;
  readonly tuning: Tuning;
  readonly askedBy: Set<string>;
}

/** Values that differ from the file's own. */
const changesOf = (source: KernelSource, tuning: Tuning): [string, string][] =>
  Object.entries(tuning).filter(([name, value]) => source.tunables.some((t) => t.name === name && t.value !== value));

const labelOf = (source: KernelSource, entry: string, tuning: Tuning): string =>
  [`${source.name}:${entry}`, ...changesOf(source, tuning).map((pair) => pair.join('='))].join(' ');

/** The families and variants that make an op run a kernel; null if it has no choice. */
function choicesOf(table: OpCases<never>, kernel: string): (Choice | null)[] {
  const found = Object.entries(table.families ?? {}).flatMap(([family, variants]) =>
    Object.entries(variants).flatMap(([name, variant]): Choice[] =>
      variant.kernel.name === kernel ? [[family, name]] : [],
    ),
  );
  return found.length > 0 ? found : [null];
}

/**
 * What the ops ask of a kernel on each kind of GPU: at their bench shapes, which have realistic sizes, and if none of
 * these uses the kernel, at the cases of their truth.
 */
function askedOf(gpu: DeviceFacts, kernel: string): { committed: KernelSource | null; asked: Asked[] } {
  const found = new Map<string, Asked>();
  let committed: KernelSource | null = null;
  const onMatrixUnits = readKernel(kernel).f16;
  for (const [name, facts] of Object.entries(GPUS)) {
    const like = {
      device: gpu.device,
      adapter: { ...gpu.adapter, ...facts, limits: { ...gpu.adapter.limits, ...facts.limits } },
    };
    for (const table of tablesFor(kernel)) {
      for (const choice of choicesOf(table, kernel)) {
        const ask = (cases: typeof table.cases) =>
          pipelinesOf(like, table, cases, (dry) => {
            if (choice) dry.kernels.forced.set(...choice);
            if (onMatrixUnits) dry.kernels.enableHalfProducts();
          }).filter((pipeline) => pipeline.kernel.name === kernel);
        const atWork = ask(table.bench ?? []);
        for (const { kernel: source, entry, tuning = {} } of atWork.length > 0 ? atWork : ask(table.cases)) {
          committed = source;
          const key = labelOf(source, entry, tuning);
          const known = found.get(key) ?? { entry, tuning, askedBy: new Set<string>() };
          known.askedBy.add(name);
          found.set(key, known);
        }
      }
    }
  }
  return { committed, asked: [...found.values()] };
}

/** Every combination of the listed values. */
const combinations = (lists: Request['values']): Tuning[] =>
  Object.entries(lists).reduce<Tuning[]>(
    (some, [name, values]) => some.flatMap((tuning) => values.map((value) => ({ ...tuning, [name]: value }))),
    [{}],
  );

const textOf = ({ code, lib }: KernelSource): string => `${code}\n${lib}`;

/**
 * The jobs of one kernel, and of its committed code too if the file differs from it. Tunables that it does not declare
 * are ignored.
 */
function jobsOf(gpu: DeviceFacts, name: string, { entry: only, values }: Request): Job[] {
  const source = readKernel(name);
  const declared = (tunable: string): boolean => source.tunables.some((each) => each.name === tunable);
  const own = combinations(Object.fromEntries(Object.entries(values).filter(([tunable]) => declared(tunable))));
  const { committed, asked: all } = askedOf(gpu, name);
  const asked = all.filter(({ entry }) => entry in source.entries);
  const before = committed && textOf(committed) !== textOf(source) ? committed : null;
  const missing = Object.keys(source.entries)
    .filter((entry) => !asked.some((each) => each.entry === entry))
    .map((entry): Asked => ({ entry, tuning: {}, askedBy: new Set() }));
  const jobs = new Map<string, Job>();
  for (const { entry, tuning, askedBy } of [...asked, ...missing]) {
    if (only !== undefined && entry !== only) continue;
    for (const more of own) {
      const whole = { ...tuning, ...more };
      const label = labelOf(source, entry, whole);
      const job = { label, entry, tuning: whole, askedBy: [...askedBy] };
      if (before && entry in before.entries)
        jobs.set(`${label} before`, { ...job, source: before, version: 'committed' });
      jobs.set(label, { ...job, source, version: 'now' });
    }
  }
  return [...jobs.values()];
}

export const jobsFor = (gpu: DeviceFacts, request: Request): Job[] =>
  request.kernels.flatMap((name) => jobsOf(gpu, name, request));
