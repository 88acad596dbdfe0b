/**
 * @file The kernels that can do a piece of work on this device: every variant that fits, with every combination of its
 * free tunables, derived from the tables.
 */
import { CurioError, KernelError } from '@curio/engine';
import type { Gpu, KernelSource, Tuning, Variant } from '@curio/engine';
import { requestedPipelines } from '@curio/engine/check';

/** Settings of a device while it records. */
export interface Choice {
  readonly name: string;
  readonly forced: Readonly<Record<string, string>>;
  readonly tuned: Readonly<Record<string, Tuning>>;
  /** On matrix units. */
  readonly halves: boolean;
  /** Differences from the variant's own tuning: `T=8`. */
  readonly changes: readonly string[];
}

/** The ops' own choice. */
export const AS_CALLED: Choice = { name: 'as called', forced: {}, tuned: {}, halves: false, changes: [] };

/** Variants by family and name, as the op table lists them. */
export type Families = Readonly<Record<string, Readonly<Record<string, Variant<never>>>>>;

/** Work recorded on a device that computes nothing. */
export type Rehearsal = (dry: Gpu) => void;

function set(gpu: Gpu, { forced, tuned }: Choice): void {
  for (const [family, variant] of Object.entries(forced)) gpu.kernels.forced.set(family, variant);
  for (const [kernel, tuning] of Object.entries(tuned)) gpu.kernels.tuned.set(kernel, tuning);
}

/** Runs `work` with a choice. */
export async function under<T>(gpu: Gpu, choice: Choice, work: () => Promise<T>): Promise<T> {
  set(gpu, choice);
  try {
    return await gpu.kernels.withHalfProducts(choice.halves, work);
  } finally {
    for (const family of Object.keys(choice.forced)) gpu.kernels.forced.delete(family);
    for (const kernel of Object.keys(choice.tuned)) gpu.kernels.tuned.delete(kernel);
  }
}

/** Compiles the kernels of a choice. Returns a sentence if one does not compile; the device stays usable. */
export async function compiles(gpu: Gpu, choice: Choice, rehearse: Rehearsal): Promise<string | null> {
  try {
    const asked = requestedPipelines(gpu, (dry) => {
      set(dry, choice);
      dry.kernels.withHalfProducts(choice.halves, () => rehearse(dry));
    });
    for (const { kernel, entry, tuning } of asked) await gpu.prepare(kernel, entry, tuning);
    return null;
  } catch (error) {
    if (error instanceof KernelError) return `does not compile: ${error.message.split('\n')[0]}`;
    throw error;
  }
}

/**
 * Every variant but the naive one, with its table's tuning and then every other combination, those with fewest changes
 * first.
 */
export function choicesOf(gpu: Gpu, families: Families, rehearse: Rehearsal): Choice[] {
  return Object.entries(families).flatMap(([family, variants]) =>
    Object.entries(variants)
      .filter(([name]) => name !== 'naive')
      .flatMap(([name, variant]) => {
        const forced = { [family]: name };
        const own = requestedTuning(gpu, { ...AS_CALLED, forced }, rehearse, variant.kernel, family);
        return own === null ? [] : tunedChoices(gpu, name, variant, own, { forced, halves: false });
      }),
  );
}

/** The kernel on matrix units, with every combination of its free tunables; none if it would not run. */
export function matrixChoices(gpu: Gpu, variant: Variant<never>, rehearse: Rehearsal): Choice[] {
  const own = gpu.adapter.subgroupMatrix
    ? requestedTuning(gpu, { ...AS_CALLED, halves: true }, rehearse, variant.kernel)
    : null;
  return own === null ? [] : tunedChoices(gpu, 'f16 matrix units', variant, own, { forced: {}, halves: true });
}

/** The tuning that work runs a kernel with under a choice; null if it does not run it, or ignores the choice. */
function requestedTuning(
  gpu: Gpu,
  choice: Choice,
  rehearse: Rehearsal,
  kernel: KernelSource,
  family?: string,
): Tuning | null {
  let obeyed = false;
  try {
    const asked = requestedPipelines(gpu, (dry) => {
      set(dry, choice);
      dry.kernels.withHalfProducts(choice.halves, () => rehearse(dry));
      obeyed = family === undefined || dry.kernels.obeyed.has(family);
    }).find((pipeline) => pipeline.kernel === kernel);
    return obeyed && asked ? (asked.tuning ?? {}) : null;
  } catch (error) {
    if (error instanceof CurioError) return null; // it cannot be recorded on this device
    throw error;
  }
}

function tunedChoices(
  gpu: Gpu,
  name: string,
  { kernel, free = {} }: Variant<never>,
  own: Tuning,
  rest: Pick<Choice, 'forced' | 'halves'>,
): Choice[] {
  const tunables = kernel.tunables.filter((each) => each.name in free);
  const usual: Tuning = { ...Object.fromEntries(tunables.map(({ name: key, value }) => [key, value])), ...own };
  const all = tunables
    .reduce<Tuning[]>(
      (some, { name: key, allowed }) => some.flatMap((tuning) => allowed.map((value) => ({ ...tuning, [key]: value }))),
      [{}],
    )
    .filter((tuning) =>
      Object.entries(tuning).every(
        ([key, value]) => free[key]!(gpu, Number.parseInt(value, 10), { ...own, ...tuning }) === null,
      ),
    );
  const changesOf = (tuning: Tuning): string[] =>
    Object.entries(tuning).flatMap(([key, value]) =>
      usual[key] === value ? [] : [`${key}=${value.replace(/u$/, '')}`],
    );
  const others = all
    .map((tuning) => ({ tuning, changes: changesOf(tuning) }))
    .filter(({ changes }) => changes.length > 0)
    .sort((a, b) => a.changes.length - b.changes.length);
  return [
    { name, tuned: {}, changes: [], ...rest },
    ...others.map(({ tuning, changes }) => ({
      name: `${name} ${changes.join(' ')}`,
      tuned: { [kernel.name]: tuning },
      changes,
      ...rest,
    })),
  ];
}
