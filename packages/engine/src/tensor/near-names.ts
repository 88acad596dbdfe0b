/** @file Suggests the known name that a user may have meant. */

/** The name nearest to `name` by edit distance, for "did you mean"; undefined if there are none. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= least) continue;
    const distance = editDistance(name, candidate, least);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's distance, given up once it must reach `limit`. */
export function editDistance(a: string, b: string, limit = Infinity): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    if (Math.min(...next) >= limit) return limit;
    row = next;
  }
  return row[b.length]!;
}

/** The name that `name` probably misspells: one within a third of its letters; undefined if there is none. */
export function suggestName(name: string, known: Iterable<string>): string | undefined {
  const near = nearest(name, known);
  return near !== undefined && editDistance(name, near) <= Math.max(1, Math.floor(name.length / 3)) ? near : undefined;
}
