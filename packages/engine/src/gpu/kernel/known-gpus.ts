/**
 * @file The static table of known GPUs: what was measured there to be at least 5 % faster than the general rule, in two
 * runs. It counts after whatever the user forces, tunes or lets measure, and before the general rule.
 * `npm run bench:docs -- FILE --table` prints the entry of a GPU from the results.json of `./pack first-run`. Nothing
 * may be added for one to four rows, whose kernels are chosen so that an answer does not depend on its batch.
 */
import type { AdapterReport } from '../adapter.ts';
import { bucketOf } from './bucket.ts';
import type { Tuning } from './kernel.ts';
import type { Family, KernelDevice, Variant } from './variant.ts';

/** Words of the buckets for which a choice holds: `layout=nn M12 N12 K12`, each of them 2,049 to 4,096. */
interface Sizes {
  readonly when: string;
}

export interface KnownGpu {
  readonly vendor: string;
  readonly architecture: string;
  /** Where Dawn has no name for the architecture yet, so that `architecture` is empty. */
  readonly device?: string;
  /** By family and entry: `rmsNorm forward`. */
  readonly variants: Readonly<Record<string, readonly (Sizes & { readonly variant: string })[]>>;
  /** By kernel and entry, whole: what the kernel leaves free. */
  readonly tunings: Readonly<Record<string, readonly (Sizes & { readonly tuning: Tuning })[]>>;
}

export const KNOWN_GPUS: readonly KnownGpu[] = [
  {
    // H200, bench/results/2026-11-28-h200-sixth.json. Everything else was within 4.3 % of the general rule, which was
    // made on this GPU.
    vendor: 'nvidia',
    architecture: '',
    device: 'nvidia-h200',
    variants: {},
    tunings: {
      'matmul/subgroup_matrix multiply': [
        // 0.662 ms instead of 0.698, 5.4 %, at 4096³; 5.3 % in the run before. 4.0 % at 2048³, nothing in nt and tn.
        {
          when: 'layout=nn M12 N12 K12 batches0 format=F32',
          tuning: { DOWN: '4u', ACROSS: '2u', T: '4u', DEPTH: '32u', BUFFERS: '1u', GROUP: '8u' },
        },
      ],
    },
  },
];

type Named = Pick<AdapterReport, 'vendor' | 'architecture' | 'device'>;

const gpuOf = (adapter: Named): KnownGpu | undefined =>
  KNOWN_GPUS.find(
    ({ vendor, architecture, device = adapter.device }) =>
      vendor === adapter.vendor && architecture === adapter.architecture && device === adapter.device,
  );

/** The first entry all of whose words are in the plan's bucket. */
function matching<T extends Sizes>(gpu: KernelDevice, entries: readonly T[] | undefined, plan: object): T | undefined {
  if (!entries) return undefined;
  const words = new Set(bucketOf(gpu, plan).split(' '));
  return entries.find(({ when }) => when.split(' ').every((word) => words.has(word)));
}

/** The variant that is known to be best for an entry on this GPU, where it fits; null where nothing is known. */
export function knownVariant<V extends Variant<Plan>, Plan extends object>(
  gpu: KernelDevice,
  family: string,
  entry: string,
  table: Readonly<Record<string, V>> & Family<Plan>,
  plan: Plan,
): V | null {
  const found = matching(gpu, gpuOf(gpu.adapter)?.variants[`${family} ${entry}`], plan);
  const variant = found && table[found.variant];
  return variant && (variant.fits?.(gpu, plan) ?? true) ? variant : null;
}

/**
 * The free tunables that are known to be best for an entry of a kernel on this GPU, or null: where nothing is known, or
 * the device was opened with less than the GPU has.
 * @param usual the variant's own tuning
 */
export function knownTuning<Plan extends object>(
  gpu: KernelDevice,
  { kernel, free = {} }: Variant<Plan>,
  entry: string,
  plan: Plan,
  usual: Tuning,
): Tuning | null {
  const found = matching(gpu, gpuOf(gpu.adapter)?.tunings[`${kernel.name} ${entry}`], plan);
  if (!found) return null;
  const whole = { ...usual, ...found.tuning };
  const isPossible = ([name, value]: [string, string]): boolean =>
    free[name]?.(gpu, Number.parseInt(value, 10), whole) === null;
  return Object.entries(found.tuning).every(isPossible) ? found.tuning : null;
}
