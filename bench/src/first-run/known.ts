/**
 * @file The entry of a GPU in the static table (engine/src/gpu/kernel/known-gpus.ts) that a first run suggests: what
 * was at least 5 % faster than the general rule. It is text to be read, compared with a second run, and pasted.
 */
import type { KnownGpu, Measured } from '@curio/engine';
import { bucketOf } from '@curio/engine/check';
import type { KeptRun } from './page.ts';
import { isFinding } from './report.ts';
import type { Fact, Finding } from './report.ts';

/** Less is noise. */
const LEAST_GAIN = 0.05;
/** A variant this close to the op's own choice is that choice. */
const SAME = 0.03;

/** How the bucket of a plan in f32 is called. */
const bucketInFloats = (plan: object): string => bucketOf({ kernels: { halfProducts: false } }, plan);

/** Words of the bucket that an op's shape falls into, and the kernel's entries; null for ops that no variant suits. */
function placeOf({ op, shape }: Finding): { family: string; entries: readonly string[]; when: string } | null {
  const sizes = shape.split('x').map(Number);
  const [, layout] = /^matmul (nn|nt|tn|tt)$/.exec(op) ?? [];
  if (layout) {
    const [M, N, K] = sizes;
    const when = bucketInFloats({ layout, M, N, K, batches: 1, format: 'F32' });
    return { family: `matmul ${layout} multiply`, entries: ['multiply'], when };
  }
  const [, direction] = /^attention (forward|backward)( causal)?$/.exec(op) ?? [];
  if (!direction) return null;
  const entries = direction === 'forward' ? ['forward'] : ['backward_q', 'backward_kv'];
  const [heads, tokens, width] = sizes;
  const when = bucketInFloats({ batch: 1, heads, tokens, width });
  return { family: direction === 'forward' ? 'attention forward' : 'attention backward backward', entries, when };
}

interface Suggestion {
  readonly note: string;
  readonly table: 'variants' | 'tunings';
  readonly key: string;
  readonly entry: object;
}

const percent = (from: number, to: number): string => `${(100 * (from / to - 1)).toFixed(1)} %`;

function ofProduct(findings: readonly Finding[]): Suggestion[] {
  const timed = findings.filter(({ bestMs, choice }) => bestMs !== null && choice);
  const usual = timed.find(
    ({ choice }) => choice!.changes.length === 0 && (choice!.halves || choice!.name === 'as called'),
  );
  const best = [...timed].sort((a, b) => a.bestMs! - b.bestMs!)[0];
  const place = best && placeOf(best);
  if (!usual || !place || usual.bestMs! / best.bestMs! - 1 < LEAST_GAIN) return [];
  const { name, forced, tuned, halves } = best.choice!;
  const gain = percent(usual.bestMs!, best.bestMs!);
  const note = `${best.op} ${best.shape}, ${name}: ${best.bestMs!.toFixed(4)} ms instead of ${usual.bestMs!.toFixed(4)}, ${gain}`;
  const [variant] = Object.values(forced);
  const plain = timed.find(
    ({ choice }) => choice!.changes.length === 0 && Object.values(choice!.forced)[0] === variant,
  );
  const isUsual = halves || (plain !== undefined && Math.abs(plain.bestMs! / usual.bestMs! - 1) < SAME);
  return [
    ...(isUsual || !variant
      ? []
      : [{ note, table: 'variants', key: place.family, entry: { when: place.when, variant } } as const]),
    ...Object.entries(tuned).flatMap(([kernel, tuning]) =>
      place.entries.map(
        (entry) =>
          ({ note, table: 'tunings', key: `${kernel} ${entry}`, entry: { when: place.when, tuning } }) as const,
      ),
    ),
  ];
}

function ofTuner({ key, ms }: Measured): Suggestion[] {
  const [[usual, before], ...others] = Object.entries(ms) as [[string, number], ...[string, number][]];
  const [variant, after] = others.reduce((a, b) => (b[1] < a[1] ? b : a), [usual, before]);
  if (before / after - 1 < LEAST_GAIN) return [];
  const [family, when] = key.split(' | ') as [string, string];
  const note = `${variant}: ${after.toFixed(4)} ms instead of ${before.toFixed(4)} by ${usual}, ${percent(before, after)}`;
  return [{ note, table: 'variants', key: family, entry: { when, variant } }];
}

/** The text of the entry. @throws Error if the run did not come to describe its adapter */
export function knownEntry({ parts }: KeptRun): string {
  const reports = parts.flatMap((part) => part.reports);
  const facts = reports.filter((report): report is Fact => !isFinding(report));
  const adapter = facts.find(({ fact }) => fact === 'adapter')?.value as Partial<KnownGpu> | undefined;
  if (!adapter) throw new Error('known GPU: the file has no adapter; a first run reports it in its first part.');
  const groups = new Map<string, Finding[]>();
  for (const report of reports) {
    if (!isFinding(report) || report.library !== 'curio' || !report.choice) continue;
    const key = `${report.op} ${report.shape} ${report.choice.halves}`;
    groups.set(key, [...(groups.get(key) ?? []), report]);
  }
  const measured = facts
    .filter(({ fact }) => fact.startsWith('measured choices: '))
    .flatMap(({ value }) => (value as { times?: readonly Measured[] }).times ?? []);
  const all = [...[...groups.values()].flatMap(ofProduct), ...measured.flatMap(ofTuner)];
  const linesOf = (table: Suggestion['table']): string[] => {
    const own = all.filter((each) => each.table === table);
    return [...new Set(own.map(({ key }) => key))].flatMap((key) => [
      `    '${key}': [`,
      ...own
        .filter((each) => each.key === key)
        .flatMap(({ note, entry }) => [`      // ${note}`, `      ${JSON.stringify(entry)},`]),
      '    ],',
    ]);
  };
  const { vendor, architecture, device } = adapter;
  return [
    '{',
    `  vendor: '${vendor}',`,
    `  architecture: '${architecture}',`,
    ...(architecture ? [] : [`  device: '${device}',`]),
    '  variants: {',
    ...linesOf('variants'),
    '  },',
    '  tunings: {',
    ...linesOf('tunings'),
    '  },',
    '},',
  ].join('\n');
}
