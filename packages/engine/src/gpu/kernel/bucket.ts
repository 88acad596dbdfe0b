/** @file Buckets of sizes: one measured choice holds for all plans in a bucket. */
import type { KernelDevice } from './variant.ts';

/**
 * A plan as words: `layout=nn M12 N12`. Sizes between two powers of two share a bucket; strings and booleans must be
 * equal. The last word is `halves` where operands may be rounded to f16, since more variants fit then.
 */
export function bucketOf(
  { kernels }: { readonly kernels: Pick<KernelDevice['kernels'], 'halfProducts'> },
  plan: object,
): string {
  const part = ([name, value]: [string, unknown]): string[] => {
    if (typeof value === 'number') return [`${name}${value > 0 ? Math.ceil(Math.log2(value)) : value}`];
    return typeof value === 'string' || typeof value === 'boolean' ? [`${name}=${value}`] : [];
  };
  return [...Object.entries(plan).flatMap(part), ...(kernels.halfProducts ? ['halves'] : [])].join(' ');
}
