/** @file Complete steps, replayed: their wall time against the sum of their kernels, and where the time goes. */
import { profile, subgroupMatrixFault, summarise } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { opTables } from '@curio/engine/check';
import { summarise as bestAndMedian } from '../../statistics.ts';
import { openDevice } from './part-options.ts';
import type { PartOptions } from './part-options.ts';
import { finding, emit } from '../report.ts';
import { decodeStep } from './decode-run.ts';
import { clipForward, llamaStep, smallStep, trainedSteps } from './step-runs.ts';
import type { StepKind, StepRun } from './step-runs.ts';
import { runJobs } from '../sweep.ts';
import type { Job } from '../sweep.ts';

/** Tolerance of a loss against the naive kernels': for rounding alone, and for operands rounded to f16. */
const TOLERANCE = { plain: 1e-4, halves: 1e-2 };
/** Number of kernels listed in a profile. */
const NAMED = 14;
/** Time limits in milliseconds for all samples of a step, and for those of its dispatches. */
const [WALL_MS, ALONE_MS] = [1000, 1200];
/**
 * Steps in flight at most. Inputs that wait take host memory that Dawn allocates, clears and frees 4 MiB at a time,
 * which may be why steps with inputs took so much longer than their kernels on an H200 with 50 in flight; the wall with
 * MANY_IN_FLIGHT is reported beside to tell.
 */
const IN_FLIGHT = 3;
/** Steps in flight where nothing limits them. */
const MANY_IN_FLIGHT = 50;
/** Replays whose host time is taken, at most for so long, and the share of the wall from which on the host sets it. */
const [HOST_RUNS, HOST_MS, HOST_BOUND] = [20, 200, 0.9];

export async function stepsPart(options: PartOptions): Promise<void> {
  const full = options.scale === 'full';
  const llama = full ? {} : { hiddenSize: 128, intermediateSize: 352, numHeads: 4, numKeyValueHeads: 4 };
  const clip = full ? {} : { imageSize: 56, hiddenSize: 64, intermediateSize: 128, numHeads: 2, numLayers: 3 };
  const tokens = full ? 512 : 32;
  const naive = new NaiveLosses();
  const kinds: StepKind[] = [
    llamaStep(llama, tokens, 'f32'),
    llamaStep(llama, tokens, 'bf16'),
    llamaStep(llama, tokens, 'nf4'),
    llamaStep(llama, tokens, 'f32', true),
    llamaStep(llama, tokens, 'bf16', true),
    llamaStep(llama, tokens, 'nf4', true),
    smallStep(full ? 80 : 10),
    clipForward(clip),
    clipForward(clip, true),
    ...(full ? trainedSteps : trainedSteps.slice(0, 1)),
    // Last: their weights take seconds to draw and to quantise.
    decodeStep(llama, full ? 1024 : 16, 'bf16'),
    decodeStep(llama, full ? 1024 : 16, 'nf4'),
  ];
  await runJobs(
    openDevice,
    kinds.map((kind): Job => [`${kind.op}, ${kind.variant}`, (gpu) => timeStep(gpu, kind, naive)]),
    options,
  );
}

async function timeStep(gpu: Gpu, kind: StepKind, naive: NaiveLosses): Promise<void> {
  const { op, shape, variant, flops, bytes, halves = false } = kind;
  if (halves) {
    const fault = await subgroupMatrixFault(gpu);
    if (fault) return emit({ fact: `matrix units, ${op}`, value: fault });
  }
  const run = kind.open(gpu);
  try {
    const wrong = await naive.compare(gpu, kind, run);
    if (wrong) return emit(finding(op, shape, variant, {}, `wrong: ${wrong}`));
    await gpu.kernels.withHalfProducts(halves, async () => {
      const times = await wallOf(gpu, run);
      emit(finding(op, shape, variant, { flops, bytes }, times));
      await emitHost(gpu, run, `${op}, ${variant}`, times.bestMs);
      await emitProfile(gpu, run, `${op}, ${variant}`);
      // Last, since it leaves meaningless values in the buffers.
      const repeat = Math.max(3, Math.min(100, Math.round(ALONE_MS / times.bestMs)));
      const alone = 1000 * (await run.plan().timeDispatches(repeat)).reduce((sum, { seconds }) => sum + seconds, 0);
      emit({
        fact: `wall over kernels: ${op}, ${variant}`,
        value: {
          wallMs: times.bestMs,
          kernelsMs: alone,
          dispatches: run.plan().dispatches,
          ratio: times.bestMs / alone,
        },
      });
    });
  } finally {
    run.close();
  }
}

/**
 * Losses by the naive kernels, which the op table checks against float64; a step on matrix units is compared with that
 * of the same step without them.
 */
class NaiveLosses {
  private readonly known = new Map<string, number>();

  /** A sentence if the loss differs, or null. */
  async compare(gpu: Gpu, { op, shape, base, halves = false }: StepKind, run: StepRun): Promise<string | null> {
    const ours = await gpu.kernels.withHalfProducts(halves, () => run.once().item());
    const key = `${op} ${shape} ${base}`;
    const naive = this.known.get(key) ?? (await lossByNaive(gpu, run));
    this.known.set(key, naive);
    const most = halves ? TOLERANCE.halves : TOLERANCE.plain;
    return Math.abs(ours - naive) <= most * Math.abs(naive)
      ? null
      : `the loss is ${ours}, the naive kernels say ${naive}`;
  }
}

async function lossByNaive(gpu: Gpu, run: StepRun): Promise<number> {
  const families = opTables.flatMap(({ families: all = {} }) =>
    Object.entries(all)
      .filter(([, table]) => 'naive' in table)
      .map(([family]) => family),
  );
  for (const family of families) gpu.kernels.forced.set(family, 'naive');
  try {
    return await run.once().item();
  } finally {
    for (const family of families) gpu.kernels.forced.delete(family);
  }
}

/** Milliseconds a step, of `count` one after the other; the host is at most so many ahead of the device. */
async function inARow(gpu: Gpu, run: StepRun, count: number, inFlight: number): Promise<number> {
  const began = performance.now();
  const flying: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    run.once();
    flying.push(gpu.synchronize());
    if (flying.length >= inFlight) await flying.shift();
  }
  await Promise.all(flying);
  return (performance.now() - began) / count;
}

/** Steps one after the other, as in training. */
async function wallOf(gpu: Gpu, run: StepRun): Promise<{ bestMs: number; medianMs: number }> {
  await inARow(gpu, run, 1, IN_FLIGHT);
  const ms = await inARow(gpu, run, 2, IN_FLIGHT);
  const count = Math.max(2, Math.min(50, Math.round(WALL_MS / 5 / ms)));
  const samples: number[] = [];
  for (let spent = 0; samples.length < 5 && spent < 2 * WALL_MS; spent += samples.at(-1)! * count)
    samples.push(await inARow(gpu, run, count, IN_FLIGHT));
  return bestAndMedian(samples);
}

/**
 * Host time of a replay: uploads, Dawn's encoding, one submit. If it takes longer than the device, it determines the
 * wall time.
 */
async function emitHost(gpu: Gpu, run: StepRun, name: string, wallMs: number): Promise<void> {
  const many = wallMs * MANY_IN_FLIGHT < WALL_MS ? await inARow(gpu, run, MANY_IN_FLIGHT, MANY_IN_FLIGHT) : null;
  const samples: number[] = [];
  const start = performance.now();
  while (samples.length < 2 || (samples.length < HOST_RUNS && performance.now() - start < HOST_MS)) {
    const began = performance.now();
    run.once();
    gpu.stream.flush();
    samples.push(performance.now() - began);
    await gpu.synchronize();
  }
  const { bestMs, medianMs } = bestAndMedian(samples);
  emit({
    fact: `host of a replay: ${name}`,
    value: {
      bestMs,
      medianMs,
      usPerDispatch: (1000 * bestMs) / run.plan().dispatches,
      wallMs,
      wallMsManyInFlight: many,
      bound: bestMs > HOST_BOUND * wallMs ? 'by the host' : 'by the device',
    },
  });
}

async function emitProfile(gpu: Gpu, run: StepRun, name: string): Promise<void> {
  if (!gpu.device.features.has('timestamp-query')) return;
  const { kernels, busyMs, gapMs, dispatches } = summarise(
    await profile(gpu, async () => {
      await run.once().item();
    }),
  );
  emit({
    fact: `profile: ${name}`,
    value: {
      busyMs,
      gapMs,
      dispatches,
      kernels: kernels
        .slice(0, NAMED)
        .map(({ op, label, count, ms, gflops, gbps }) => ({ op, label, count, ms, gflops, gbps })),
    },
  });
}
