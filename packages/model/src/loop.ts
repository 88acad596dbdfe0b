/** @file The training loop: data prepared ahead, at most two steps in flight, numbers read without stalling the device. */
import { backward, findNonFinite, mul, TrainError } from '@curio/engine';
import type { AdamW, Gpu, Tensor } from '@curio/engine';

export interface StepReport {
  /** 0-based. */
  readonly step: number;
  readonly loss: number;
  /** Global norm of all gradients before clipping. */
  readonly gradNorm: number;
  readonly lr: number;
  readonly counts: StepCounts;
}

/** What a step saw, for rates. */
export interface StepCounts { readonly tokens: number; readonly images: number }

export interface LoopOptions<Micro> {
  readonly gpu: Gpu;
  readonly optimizer: AdamW;
  /** First step to run (after a resume) and the step to end before. */
  readonly from: number;
  readonly steps: number;
  /** Learning rate of a 0-based step. */
  readonly lr: (step: number) => number;
  /** Seed of dropout. */
  readonly seed: number;
  /** Micro-batches of a step: their gradients are averaged. Called one step ahead, while the device works. */
  readonly prepare: (step: number) => Promise<readonly Micro[]> | readonly Micro[];
  /** Records the mean loss of one micro-batch. */
  readonly loss: (micro: Micro) => Tensor;
  readonly count: (micro: Micro) => StepCounts;
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  /** Called between steps, when the device has done all before `step`; true ends the loop. */
  readonly pause?: (step: number) => Promise<boolean> | boolean;
}

interface Recorded<Micro> { step: number; lr: number; micros: readonly Micro[]; losses: Promise<number>[]; norm: Promise<number> }

const IN_FLIGHT = 2;

/**
 * Runs steps `from` to `steps`. Returns the number of the step to resume with.
 * @throws TrainError when a loss or the gradient norm is not finite; that step has changed no parameter.
 */
export async function runSteps<Micro>(options: LoopOptions<Micro>): Promise<number> {
  const { from, steps, prepare, onStep, pause } = options;
  const flying: Recorded<Micro>[] = [];
  const land = async (keep: number): Promise<void> => {
    while (flying.length > keep) {
      const report = await settle(options, flying.shift()!);
      await onStep?.(report);
    }
  };
  let next = from < steps ? prepare(from) : null;
  for (let step = from; step < steps; step++) {
    flying.push(record(options, step, await next!));
    next = step + 1 < steps ? prepare(step + 1) : null;
    await land(IN_FLIGHT - 1);
    if (pause && (await pauseAfter(step + 1, pause, land))) return step + 1;
  }
  await land(0);
  return steps;
}

async function pauseAfter(step: number, pause: NonNullable<LoopOptions<never>['pause']>, land: (keep: number) => Promise<void>): Promise<boolean> {
  const stop = await pause(step);
  if (stop) await land(0);
  return stop;
}

function record<Micro>({ gpu, optimizer, loss, lr, seed }: LoopOptions<Micro>, step: number, micros: readonly Micro[]): Recorded<Micro> {
  gpu.random.setStep(step, seed);
  optimizer.zeroGrad();
  const losses = micros.map((micro) => gpu.scope(() => {
    const value = loss(micro);
    const read = value.item();
    backward(micros.length === 1 ? value : mul(value, 1 / micros.length));
    return read;
  }));
  const rate = lr(step);
  optimizer.step(rate);
  const norm = optimizer.gradNorm.item();
  for (const promise of [...losses, norm]) promise.catch(() => {}); // awaited by settle(), perhaps only after another one failed
  return { step, lr: rate, micros, losses, norm };
}

async function settle<Micro>(options: LoopOptions<Micro>, { step, lr, micros, losses, norm }: Recorded<Micro>): Promise<StepReport> {
  const values = await Promise.all(losses);
  const gradNorm = await norm;
  const loss = values.reduce((sum, v) => sum + v, 0) / values.length;
  if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
    const what = Number.isFinite(loss) ? `the gradient norm is ${gradNorm}` : `the loss is ${loss}`;
    let culprit: string | null = null;
    for (const micro of micros) culprit ??= await findNonFinite(options.gpu, () => options.loss(micro));
    throw new TrainError(`train: ${what} at step ${step}; first non-finite tensor: ${culprit ?? 'none in the forward pass, so one of the gradients'}. The step changed nothing.`);
  }
  const counts = micros.map(options.count).reduce((a, b) => ({ tokens: a.tokens + b.tokens, images: a.images + b.images }));
  return { step, loss, gradNorm, lr, counts };
}
