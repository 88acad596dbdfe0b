/** @file Times of a kernel, of its other variants and of what the device can do at best, all in turn. */
import { deviceTime } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { CaseRuns, copyRoof, multiplyAddRoof, variantsBeside } from '@curio/engine/check';
import type { Setting, Target, TimedShape } from '@curio/engine/check';

/** One bar. */
export interface Figure {
  readonly name: string;
  readonly kind: 'yours' | 'own' | 'other' | 'roof';
  readonly ms: number;
}

/** An op at one shape and in one direction; the fastest of a few rounds of each. */
export interface Figures {
  readonly shape: string;
  readonly direction: 'forward' | 'backward';
  readonly figures: readonly Figure[];
}

/** GB/s of a copy and GFLOP/s of multiply-adds. */
export interface Rates {
  readonly gbps: number;
  readonly gflops: number;
}

/** Short work is repeated until a sample lasts about this long. */
const SAMPLE_MS = 12;
const MAX_REPEATS = 50;
const MAX_ROUNDS = 7;
/** A kernel gets no new round after this time. */
const BUDGET_MS = 250;
const MAX_OTHERS = 6;
const COPY_BYTES = 16 * 2 ** 20;

type Run = () => unknown;

const sample = async (gpu: Gpu, run: Run, repeats: number): Promise<number> =>
  (await deviceTime(gpu, () => {
    for (let i = 0; i < repeats; i++) gpu.scope(() => void run());
  })) / repeats;

/** The best time of each run in ms. @param sign called before each sample; what it throws ends the timing */
async function bestOf(gpu: Gpu, runs: readonly Run[], sign: () => void): Promise<number[]> {
  const take = (run: Run, repeats: number): Promise<number> => {
    sign();
    return sample(gpu, run, repeats);
  };
  const timed = [];
  for (const run of runs) {
    const first = await take(run, 1); // compiles
    const ms = first > SAMPLE_MS ? first : await take(run, 1);
    const repeats = Math.max(1, Math.min(MAX_REPEATS, Math.ceil(SAMPLE_MS / Math.max(ms, 1e-3))));
    timed.push({ run, repeats, best: Math.min(first, ms), spent: 0 });
  }
  for (let round = 0; round < MAX_ROUNDS; round++)
    for (const each of timed) {
      if (each.spent > BUDGET_MS) continue;
      const ms = await take(each.run, each.repeats);
      each.best = Math.min(each.best, ms);
      each.spent += each.repeats * ms;
    }
  return timed.map(({ best }) => best);
}

/** Measures what the device can do at best. */
export async function measureRates(gpu: Gpu, sign: () => void): Promise<Rates> {
  const roofs = [
    copyRoof(gpu, COPY_BYTES),
    gpu.adapter.isSoftware ? multiplyAddRoof(gpu, 64, 64) : multiplyAddRoof(gpu, 8192, 1024),
  ] as const;
  const [copy, multiplyAdd] = await bestOf(
    gpu,
    roofs.map(({ record }) => record),
    sign,
  );
  roofs.forEach(({ close }) => close());
  return { gbps: roofs[0].bytes! / copy! / 1e6, gflops: roofs[1].flops! / multiplyAdd! / 1e6 };
}

/**
 * Times a kernel at a bench shape of its op, beside the other variants and the roof.
 * @param edited the visitor's text, if it is not Curio's own
 */
export async function timeText(
  gpu: Gpu,
  target: Target,
  { shape, directions }: TimedShape,
  edited: Setting | null,
  rates: Rates,
  sign: () => void,
): Promise<Figures[]> {
  const others = variantsBeside(gpu, target, shape).slice(0, MAX_OTHERS);
  const settings: readonly (readonly [name: string, kind: Figure['kind'], setting: Setting])[] = [
    ...(edited ? ([['yours', 'yours', edited]] as const) : []),
    ['Curio’s own', 'own', { choice: target.choice }],
    ...others.map((choice) => [choice[1], 'other', { choice }] as const),
  ];
  const { flops, bytes } = shape;
  const roof: readonly Figure[] = flops
    ? [{ name: 'as many multiply-adds alone', kind: 'roof', ms: flops / rates.gflops / 1e6 }]
    : bytes
      ? [{ name: 'a copy of as many bytes', kind: 'roof', ms: bytes / rates.gbps / 1e6 }]
      : [];
  const tables: Figures[] = [];
  gpu.arena.open();
  try {
    const runs = new CaseRuns(gpu, target.table, shape);
    for (const direction of directions) {
      if (direction === 'backward' && target.table.differentiable === false) continue;
      const made = settings.flatMap(([name, kind, setting]) => {
        const run = runs[direction](setting);
        return run ? [{ name, kind, run }] : [];
      });
      const best = await bestOf(
        gpu,
        made.map(({ run }) => run),
        sign,
      );
      const figures = made.map(({ name, kind }, i) => ({ name, kind, ms: best[i]! }));
      if (figures.length > 0)
        tables.push({ shape: shape.label, direction, figures: [...figures, ...(direction === 'forward' ? roof : [])] });
    }
  } finally {
    gpu.arena.close();
    gpu.trim();
  }
  return tables;
}
