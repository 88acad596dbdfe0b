/**
 * @file The training loop: data is prepared ahead, at most two steps are in flight, and results are read without
 * stalling the device.
 */
import { backward, capture, findNonFinite, full, stepWork, TrainError, upload } from '@curio/engine';
import type {
  AdamW,
  Gpu,
  HostTensors,
  NamedTensors,
  Parameter,
  RecordReport,
  StepBytes,
  StepWork,
  Tensor,
} from '@curio/engine';

export interface StepReport {
  /** 0-based. */
  readonly step: number;
  readonly loss: number;
  /** Global norm of all gradients before clipping. */
  readonly gradNorm: number;
  readonly lr: number;
  readonly counts: StepCounts;
}

/** The counts of a step, for throughput. */
export interface StepCounts {
  readonly tokens: number;
  readonly images: number;
}

export interface LoopOptions<Micro, I extends NamedTensors = NamedTensors> {
  readonly gpu: Gpu;
  readonly optimizer: AdamW;
  /** First step to run (after a resume) and the step to end before. */
  readonly from: number;
  readonly steps: number;
  /** Learning rate of a 0-based step. */
  readonly lr: (step: number) => number;
  /** Seed of dropout. */
  readonly seed: number;
  /**
   * Micro-batches of a step: their gradients are averaged. Called ahead of the step, in order, while the device works;
   * several steps are prepared at once where the device would wait otherwise.
   */
  readonly prepare: (step: number) => Promise<readonly Micro[]> | readonly Micro[];
  /** What the loss of a micro-batch reads. Equal shapes are replayed from one recording. */
  readonly inputs: (micro: Micro) => HostTensors<I>;
  /** Records the mean loss of one micro-batch; all that differs from one to the next must come from its inputs. */
  readonly loss: (inputs: I) => Tensor;
  readonly count: (micro: Micro) => StepCounts;
  /** Those that the loss reads, frozen ones too, to name one that is not finite. Default: the trained ones. */
  readonly parameters?: readonly Parameter[];
  /** False records every step again, which gives the same bits. Default true. */
  readonly capture?: boolean;
  /** Called when a shape occurs for the first time, or again after its recording was dropped. */
  readonly onRecord?: (report: RecordReport) => void;
  readonly onStep?: (report: StepReport) => void | Promise<void>;
  /** Told milliseconds that a step's data were waited for: at most as long as the device had nothing to do. */
  readonly onWait?: (ms: number) => void;
  /**
   * Called between steps; true ends the loop. The last step's results may still be in flight: await `land` before
   * saving, so that no step is saved that `onStep` has not reported.
   */
  readonly pause?: (step: number, land: () => Promise<void>) => Promise<boolean> | boolean;
  /**
   * Called once when `prepare` of `step` fails, after `onStep` has reported all steps before it: the place to save. The
   * failure is thrown afterwards.
   */
  readonly onBadData?: (step: number) => Promise<void> | void;
}

interface Recorded<Micro> {
  step: number;
  lr: number;
  micros: readonly Micro[];
  losses: Promise<number>[];
  norm: Promise<number>;
}

const IN_FLIGHT = 2;
/** Steps whose data are prepared at once, at most: one, and one more each time that a step had to wait for its own. */
const MOST_AHEAD = 4;
/** Milliseconds below which a wait is that of a promise alone. */
const NO_WAIT = 0.5;
/** Shapes of micro-batches that stay recorded: those of a data set's padded lengths and labels. */
const MAX_PLANS = 16;

/**
 * Runs steps `from` to `steps`. Returns the number of the step to resume with.
 * @throws TrainError when a loss or the gradient norm is not finite; that step has changed no parameter. What `prepare`
 * throws, after `onBadData`.
 */
export async function runSteps<Micro, I extends NamedTensors>(options: LoopOptions<Micro, I>): Promise<number> {
  const { from, steps, onStep, pause } = options;
  const flying: Recorded<Micro>[] = [];
  const land = async (keep: number): Promise<void> => {
    while (flying.length > keep) {
      const report = await finishStep(options, flying.shift()!);
      await onStep?.(report);
    }
  };
  const work = options.capture === false ? everyTimeAnew(options) : captured(options);
  try {
    const prepared: Promise<readonly Micro[]>[] = [];
    let most = 1;
    const prepareAhead = (step: number): void => {
      while (prepared.length < most && step + prepared.length < steps)
        prepared.push(ahead(options, step + prepared.length));
    };
    prepareAhead(from);
    for (let step = from; step < steps; step++) {
      let micros: readonly Micro[];
      try {
        const began = performance.now();
        micros = await prepared.shift()!;
        const waited = performance.now() - began;
        options.onWait?.(waited);
        if (step > from && waited > NO_WAIT) most = Math.min(most + 1, MOST_AHEAD);
      } catch (error) {
        await land(0);
        await options.onBadData?.(step);
        throw error;
      }
      flying.push(record(options, work, step, micros));
      prepareAhead(step + 1);
      await land(IN_FLIGHT - 1);
      if (options.gpu.kernels.tuner?.isWaiting) {
        await land(0);
        await options.gpu.kernels.tuner.measure();
      }
      if (pause && (await pauseAfter(step + 1, pause, land))) return step + 1;
    }
    await land(0);
    return steps;
  } finally {
    work.dispose();
  }
}

/**
 * The data of a step. Preparing may fail while the loop waits for something else, so the failure gets a handler at
 * once.
 */
function ahead<Micro>({ prepare }: Pick<LoopOptions<Micro>, 'prepare'>, step: number): Promise<readonly Micro[]> {
  const data = (async () => prepare(step))();
  data.catch(() => {});
  return data;
}

async function pauseAfter(
  step: number,
  pause: NonNullable<LoopOptions<never>['pause']>,
  land: (keep: number) => Promise<void>,
): Promise<boolean> {
  const stop = await pause(step, () => land(0));
  if (stop) await land(0);
  return stop;
}

/** The parts of a step that run on the device. */
interface Work<I extends NamedTensors> {
  /** Adds `share` of the loss's gradient to the parameters' and returns the loss. */
  backward(inputs: HostTensors<I>, share: number): Promise<number>;
  update(): void;
  dispose(): void;
}

type WorkOptions<I extends NamedTensors> = Pick<LoopOptions<never, I>, 'gpu' | 'optimizer' | 'loss' | 'onRecord'>;

/**
 * A micro-batch is one captured step and the update another: one batch of commands together where a step has one
 * micro-batch.
 */
export function captured<I extends NamedTensors>({
  gpu,
  optimizer,
  loss,
  onRecord,
}: WorkOptions<I>): Work<I> & {
  /** Records what a step with such a micro-batch needs, without running it; returns the bytes. */
  plan(inputs: HostTensors<I>): StepBytes;
  /** What the device does for such a micro-batch, and for the update of a step. */
  workOf(inputs: HostTensors<I>): { readonly micro: StepWork; readonly update: StepWork };
} {
  const micro = capture(
    gpu,
    'train',
    ({ share, ...inputs }: I & { readonly share: Tensor }) => {
      const value = loss(inputs as unknown as I);
      backward(value, share);
      return { loss: value };
    },
    { onRecord, maxPlans: MAX_PLANS },
  );
  const update = capture(gpu, 'update', () => {
    optimizer.update();
    return {};
  });
  const withShare = (inputs: HostTensors<I>, share: number) =>
    ({ ...inputs, share: { values: Float32Array.of(share), shape: [] } }) as HostTensors<
      I & { readonly share: Tensor }
    >;
  return {
    backward: (inputs, share) => micro.run(withShare(inputs, share)).loss.item(),
    plan(inputs) {
      const { bytes } = micro.plan(withShare(inputs, 1));
      update.plan({});
      return bytes;
    },
    workOf: (inputs) => ({
      micro: stepWork(micro.plan(withShare(inputs, 1)).work()),
      update: stepWork(update.plan({}).work()),
    }),
    update: () => void update.run({}),
    dispose() {
      micro.dispose();
      update.dispose();
    },
  };
}

function everyTimeAnew<I extends NamedTensors>({ gpu, optimizer, loss }: WorkOptions<I>): Work<I> {
  return {
    backward: (inputs, share) =>
      gpu.scope(() => {
        const value = loss(upload<I>(gpu, inputs));
        const read = value.item();
        backward(value, full(gpu, [], share));
        return read;
      }),
    update: () => optimizer.update(),
    dispose() {},
  };
}

function record<Micro, I extends NamedTensors>(
  { gpu, optimizer, inputs, lr, seed }: LoopOptions<Micro, I>,
  work: Work<I>,
  step: number,
  micros: readonly Micro[],
): Recorded<Micro> {
  gpu.random.setStep(step, seed);
  const rate = lr(step);
  optimizer.beginStep(rate);
  optimizer.zeroGrad();
  const losses = micros.map((micro) => work.backward(inputs(micro), 1 / micros.length));
  work.update();
  const norm = optimizer.gradNorm.item();
  // awaited by finishStep(), perhaps only after another one failed
  for (const promise of [...losses, norm]) promise.catch(() => {});
  return { step, lr: rate, micros, losses, norm };
}

async function finishStep<Micro, I extends NamedTensors>(
  options: LoopOptions<Micro, I>,
  { step, lr, micros, losses, norm }: Recorded<Micro>,
): Promise<StepReport> {
  const { gpu, inputs, parameters = options.optimizer.parameters } = options;
  const values = await Promise.all(losses);
  const gradNorm = await norm;
  const loss = values.reduce((sum, v) => sum + v, 0) / values.length;
  if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
    const what = Number.isFinite(loss) ? `the gradient norm is ${gradNorm}` : `the loss is ${loss}`;
    let culprit: string | null = null;
    for (const micro of micros)
      culprit ??= await findNonFinite(gpu, () => options.loss(upload<I>(gpu, inputs(micro))), parameters);
    throw new TrainError(
      `train: ${what} at step ${step}; first non-finite tensor: ${culprit ?? 'none in the forward pass, so one of the gradients'}. The step changed nothing.`,
    );
  }
  const counts = micros
    .map(options.count)
    .reduce((a, b) => ({ tokens: a.tokens + b.tokens, images: a.images + b.images }));
  return { step, loss, gradNorm, lr, counts };
}
