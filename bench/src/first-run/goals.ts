/** @file The goals on a GPU: our times against PyTorch's and the roofs of the same run. */
import { isFinding } from './report.ts';
import type { Finding, Report } from './report.ts';

export interface GoalRow {
  readonly goal: string;
  /** Per cent at least, or at most where `atMost`. */
  readonly due: number;
  readonly atMost?: boolean;
  /** Best rate of the op's own choice, and the best of the sweep, in `unit`. */
  readonly ours: number | null;
  readonly best: number | null;
  readonly against: number | null;
  readonly unit: string;
}

/** Findings of one run, by subject. */
class Found {
  private readonly findings: readonly Finding[];

  constructor(private readonly reports: readonly Report[]) {
    this.findings = reports.filter(isFinding).filter(({ bestMs }) => bestMs !== null);
  }

  ms(library: 'curio' | 'pytorch', op: string, shape: string | RegExp, variant: RegExp): number | null {
    const times = this.findings
      .filter(
        (f) =>
          f.library === library &&
          f.op === op &&
          (typeof shape === 'string' ? f.shape === shape : shape.test(f.shape)) &&
          variant.test(f.variant),
      )
      .map(({ bestMs }) => bestMs!);
    return times.length > 0 ? Math.min(...times) : null;
  }

  /** The best GB/s of an op over its shapes and matching variants. */
  gbps(op: string, variant = /^as called$/, library: 'curio' | 'pytorch' = 'curio'): number | null {
    const rates = this.findings
      .filter((f) => f.library === library && f.op === op && f.gbps !== null && variant.test(f.variant))
      .map(({ gbps }) => gbps!);
    return rates.length > 0 ? Math.max(...rates) : null;
  }

  facts(prefix: string): (readonly [name: string, value: Record<string, number>])[] {
    return this.reports.flatMap((report) =>
      !isFinding(report) && report.fact.startsWith(prefix)
        ? [[report.fact.slice(prefix.length), report.value as Record<string, number>] as const]
        : [],
    );
  }
}

const CALLED = /^as called$/;
const UNITS = /^f16 matrix units/;
const NOT_UNITS = /^(?!f16 matrix units)/;
const MEMORY_BOUND = [
  'neg',
  'softmax forward',
  'softmax backward',
  'rmsNorm forward',
  'rmsNorm backward',
  'layerNorm forward',
  'layerNorm backward',
  'crossEntropy forward',
  'crossEntropy backward',
  'adamw',
  'adamw 8-bit',
  'sum of columns',
  'transpose',
];
const LAYER = 'LLaMA layer LoRA step';

/** All goals; nulls for those not measured. */
export function goalRows(reports: readonly Report[]): GoalRow[] {
  const found = new Found(reports);
  const rows: GoalRow[] = [];
  // As TFLOP/s, from milliseconds.
  const product = (
    goal: string,
    due: number,
    layout: string,
    n: number,
    { ours, best, theirs }: { ours: RegExp; best: RegExp; theirs: RegExp },
  ): void => {
    const rate = (ms: number | null): number | null => ms && (2 * n ** 3) / ms / 1e9;
    const of = (variant: RegExp): number | null =>
      rate(found.ms('curio', `matmul ${layout}`, `${n}x${n}x${n}`, variant));
    rows.push({
      goal,
      due,
      ours: of(ours),
      best: of(best),
      against: rate(found.ms('pytorch', 'matmul nn', `${n}x${n}x${n}`, theirs)),
      unit: 'TFLOP/s',
    });
  };
  const inF32 = { ours: CALLED, best: NOT_UNITS, theirs: /^f32$/ };
  const onUnits = { ours: /^f16 matrix units$/, best: UNITS, theirs: /^f16$/ };
  for (const layout of ['nn', 'nt', 'tn']) product(`f32 matmul ${layout} 4096³ of cuBLAS f32`, 60, layout, 4096, inF32);
  product('f32 matmul nn 2048³ of cuBLAS f32', 60, 'nn', 2048, inF32);
  for (const layout of ['nn', 'nt', 'tn'])
    product(`f16 matrix units ${layout} 4096³ of cuBLAS f16`, 20, layout, 4096, onUnits);
  for (const [shape, causal] of [
    ['8x512x64', ''],
    ['16x577x64', ''],
    ['32x2048x128', ''],
    ['32x2048x128', ' causal'],
  ] as const) {
    for (const [direction, math, usual] of [
      ['forward', 60, 30],
      ['backward', 40, 20],
    ] as const) {
      const op = `attention ${direction}${causal}`;
      const [ours, best] = [CALLED, NOT_UNITS].map((variant) => found.ms('curio', op, shape, variant));
      for (const [name, due, theirs] of [
        ['MATH', math, /^f32 MATH/],
        ['default', usual, /^f32 default/],
      ] as const) {
        rows.push({
          goal: `${op} ${shape} of PyTorch's ${name}`,
          due,
          ours: speed(ours!),
          best: speed(best!),
          against: speed(found.ms('pytorch', op, shape, theirs)),
          unit: 'runs/s',
        });
      }
    }
  }
  // The fastest copy: a driver's own may be slower than a kernel.
  const copy =
    Math.max(found.gbps('copy') ?? 0, found.gbps('neg') ?? 0, found.gbps('copy', /./, 'pytorch') ?? 0) || null;
  for (const op of MEMORY_BOUND)
    rows.push({
      goal: `${op} of the fastest copy`,
      due: 80,
      ours: found.gbps(op),
      best: found.gbps(op, /./),
      against: copy,
      unit: 'GB/s',
    });
  const layer = (variant: RegExp): number | null => speed(found.ms('curio', LAYER, /./, variant));
  rows.push({
    goal: 'LLaMA-7B layer LoRA step of PyTorch f32',
    due: 40,
    ours: layer(/^f32 base$/),
    best: layer(/base$/),
    against: speed(found.ms('pytorch', LAYER, /./, /^f32$/)),
    unit: 'steps/s',
  });
  rows.push({
    goal: 'LLaMA-7B layer LoRA step of PyTorch bf16',
    due: 15,
    ours: layer(/^bf16 base$/),
    best: layer(/./),
    against: speed(found.ms('pytorch', LAYER, /./, /^bf16$/)),
    unit: 'steps/s',
  });
  const summary = found.facts('training summary')[0]?.[1] as unknown as { seconds: { train: number } } | undefined;
  rows.push({
    goal: "seconds of npm start's training",
    due: 100,
    atMost: true,
    ours: summary?.seconds.train ?? null,
    best: null,
    against: 20,
    unit: 's',
  });
  for (const [name, { wallMs, kernelsMs }] of found.facts('wall over kernels: '))
    rows.push({
      goal: `a replayed step over its kernels: ${name}`,
      due: 110,
      atMost: true,
      ours: wallMs!,
      best: null,
      against: kernelsMs!,
      unit: 'ms',
    });
  return rows;
}

const speed = (ms: number | null): number | null => ms && 1000 / ms;

const digits = (value: number | null): string =>
  value === null ? '–' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** Whether a goal is met as called, by another choice, or not. */
export function verdictOf({ due, atMost, ours, best, against }: GoalRow): string {
  const isMet = (value: number | null): boolean =>
    value !== null && against !== null && (atMost ? 100 * value <= due * against : 100 * value >= due * against);
  if (against === null || (ours === null && best === null)) return 'not measured';
  return isMet(ours) ? 'met' : isMet(best) ? 'met by another choice' : 'missed';
}

/** Columns: goal, ours, best of the sweep, reference, ratio as called and at best, met or not. */
export function goalsTable(reports: readonly Report[]): string {
  const lines = goalRows(reports).map((row) => {
    const { goal, due, atMost, ours, best, against, unit } = row;
    const share = (value: number | null): number | null =>
      value === null || !against ? null : (100 * value) / against;
    const [called, swept] = [share(ours), share(best)];
    const per = (value: number | null): string => (value === null ? '–' : `${digits(value)} %`);
    return [
      goal,
      digits(ours),
      digits(best),
      digits(against),
      unit,
      per(called),
      per(swept),
      `${atMost ? '≤' : '≥'} ${due} %`,
      verdictOf(row),
    ];
  });
  const all = [['goal', 'ours', 'best of sweep', 'PyTorch or roof', '', 'ratio', 'best ratio', 'due', ''], ...lines];
  const widths = all[0]!.map((_, c) => Math.max(...all.map((line) => line[c]!.length)));
  return all
    .map((line) =>
      line
        .map((cell, c) => (c === 0 || c > 6 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
