/** @file Buckets of sizes: one measured choice holds for all plans in a bucket. */

/**
 * A plan as words: `layout=nn M12 N12`. Sizes between two powers of two share a bucket; strings and booleans must be
 * equal.
 */
export function bucketOf(plan: object): string {
  const part = ([name, value]: [string, unknown]): string[] => {
    if (typeof value === 'number') return [`${name}${value > 0 ? Math.ceil(Math.log2(value)) : value}`];
    return typeof value === 'string' || typeof value === 'boolean' ? [`${name}=${value}`] : [];
  };
  return Object.entries(plan).flatMap(part).join(' ');
}
