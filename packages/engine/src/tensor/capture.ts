/** @file Steps that are recorded once for each shape of their inputs and replayed after that. */
import type { Storage } from '../gpu/memory/arena.ts';
import { recordPlan } from '../gpu/stream/capture.ts';
import type { Plan, StepBytes } from '../gpu/stream/capture.ts';
import { ShapeError } from '../gpu/errors.ts';
import type { RecordedDispatch } from '../gpu/stream/timing.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { tuningKey } from '../gpu/kernel/kernel.ts';
import { SharedSlots } from '../gpu/memory/shared-slots.ts';
import { requireSync } from '../gpu/sync.ts';
import { AwaitedIntegers } from '../gpu/memory/known-integers.ts';
import { isGradEnabled } from './autograd.ts';
import type { DType, HostArray } from './dtype.ts';
import { requireGpu } from './host-values.ts';
import { requireOptions } from './options.ts';
import { showShape, sizeOf } from './shape.ts';
import type { Shape } from './shape.ts';
import { Tensor, tensor } from './tensor.ts';

/** Values on the host and the shape they have on the device: f32, i32 or u32 by the kind of array. */
export interface HostTensor {
  readonly values: HostArray;
  readonly shape: Shape;
}

/** Inputs as a step sees them, by name; those that are not given are left out. */
export type NamedTensors = Readonly<Record<string, Tensor | undefined>>;
/** The inputs as they are given. */
export type HostTensors<I extends NamedTensors = NamedTensors> = { readonly [name in keyof I]: HostTensor };
type Outputs = Readonly<Record<string, Tensor>>;

export interface RecordReport {
  readonly name: string;
  /** Why the step was recorded: `first call`, `other inputs: x f32[8, 4]`, `a tensor that it uses was freed`, … */
  readonly reason: string;
  readonly dispatches: number;
  readonly bytes: StepBytes;
  /** Plans held now. */
  readonly plans: number;
}

export interface CaptureOptions {
  /** Called at each recording, including the first. */
  readonly onRecord?: (report: RecordReport) => void;
  /** Anything else the step depends on, such as training or not; each value has its own plan. */
  readonly baked?: () => string;
  /** Plans kept; the one not used for longest goes first. Default 8. */
  readonly maxPlans?: number;
}

/** One recording of a step: fixed shapes, buffers of its own. */
export class StepPlan<I extends NamedTensors, O extends Outputs> {
  /** Of the kernels, when it was recorded. */
  private readonly revision: number;

  constructor(
    private readonly gpu: Gpu,
    private readonly name: string,
    private readonly plan: Plan,
    private readonly inputs: Readonly<Record<string, Tensor>>,
    /** What the step's ops ask of indices, by input. */
    private readonly indices: Readonly<Record<string, AwaitedIntegers>>,
    readonly outputs: O,
  ) {
    this.revision = gpu.kernels.replacements.revision;
  }

  /** Why it can no longer run, or should not; null where it can. */
  get stale(): string | null {
    return (
      this.plan.stale ?? (this.revision === this.gpu.kernels.replacements.revision ? null : 'another kernel was chosen')
    );
  }

  get dispatches(): number {
    return this.plan.dispatches;
  }

  get bytes(): StepBytes {
    return this.plan.bytes;
  }

  /** See `Plan.work`. */
  work(): Iterable<RecordedDispatch> {
    return this.plan.work();
  }

  /** See `Plan.timeDispatches`. */
  timeDispatches(repeat?: number): Promise<{ readonly label: string; readonly seconds: number }[]> {
    return this.plan.timeDispatches(repeat);
  }

  /**
   * Replays the step on new values. The outputs are the same tensors each time: read them, or record what uses them,
   * before the next run.
   * @throws ShapeError where an input is not as it was recorded, or holds an index that an op of the step refuses.
   */
  run(inputs: HostTensors<I>): O {
    const { name, plan } = this;
    if (plan.stale) throw new ShapeError(`${name}: ${plan.stale} since the step was recorded; record it again.`);
    for (const key of new Set([...Object.keys(this.inputs), ...Object.keys(inputs)])) {
      const [now, recorded] = [inputs[key], this.inputs[key]];
      if (!now && !recorded) continue;
      if (!now || !recorded)
        throw new ShapeError(
          `${name}: input '${key}' was ${recorded ? 'recorded and not given' : 'given and not recorded'}; a plan takes ${Object.keys(this.inputs).join(', ') || 'no input'}.`,
        );
      if (describe(now) !== `${recorded.dtype}${showShape(recorded.shape)}`)
        throw new ShapeError(
          `${name}: input '${key}' is ${describe(now)} and was recorded as ${recorded.dtype}${showShape(recorded.shape)}; record another plan for it.`,
        );
      checkSize(name, key, now);
    }
    for (const [key, { values }] of given(inputs))
      if (!(values instanceof Float32Array)) this.indices[key]?.give(values);
    for (const [key, { values }] of given(inputs)) if (values.length > 0) this.inputs[key]!.write(values);
    plan.replay();
    return this.outputs;
  }

  dispose(): void {
    this.plan.dispose();
  }
}

/** A step with its plans; see `capture`. */
export class CapturedStep<I extends NamedTensors, O extends Outputs> {
  /** By what they are recorded for, the one not used for longest first. */
  private readonly plans = new Map<string, StepPlan<I, O>>();
  private readonly slots: SharedSlots;
  private recorded = false;

  constructor(
    private readonly gpu: Gpu,
    private readonly name: string,
    private readonly step: (inputs: I) => O,
    private readonly options: CaptureOptions,
  ) {
    this.slots = new SharedSlots(gpu);
  }

  /**
   * Runs the step on `inputs`: replayed where a plan for them exists, else recorded first. See `StepPlan.run` for what
   * it returns.
   */
  run(inputs: HostTensors<I>): O {
    return this.plan(inputs).run(inputs);
  }

  /** The plan for inputs like these, recorded where there is none. It does not run. */
  plan(inputs: HostTensors<I>): StepPlan<I, O> {
    for (const [key, input] of given(inputs)) checkSize(this.name, key, input);
    const key = this.keyOf(inputs);
    const found = this.plans.get(key);
    const stale = found?.stale ?? null;
    this.plans.delete(key);
    if (stale) found!.dispose();
    const plan =
      found && !stale ? found : this.record(inputs, stale ?? (this.recorded ? `other inputs: ${key}` : 'first call'));
    this.plans.set(key, plan);
    return plan;
  }

  /** Frees all plans and their buffers, the outputs included. */
  dispose(): void {
    for (const plan of this.plans.values()) plan.dispose();
    this.plans.clear();
  }

  private record(inputs: HostTensors<I>, reason: string): StepPlan<I, O> {
    const {
      gpu,
      name,
      slots,
      options: { maxPlans = 8, onRecord },
    } = this;
    for (const [key, oldest] of this.plans) {
      if (this.plans.size < maxPlans) break;
      this.plans.delete(key);
      oldest.dispose();
    }
    const made: Record<string, Tensor> = {};
    const indices: Record<string, AwaitedIntegers> = {};
    let outputs!: O;
    const plan = recordPlan(gpu, name, slots, () => {
      for (const [key, { values, shape }] of given(inputs)) {
        const storage = gpu.allocate(Math.max(4 * values.length, 4));
        made[key] = new Tensor(gpu, shape, dtypeOf(values), storage);
        if (!(values instanceof Float32Array)) storage.block.known = indices[key] = new AwaitedIntegers();
      }
      outputs = gpu.scope(() => this.step(made as I));
      const pinned: Storage[] = [...Object.values(made), ...Object.values(outputs)].map(({ storage }) => storage);
      for (const output of Object.values(outputs)) {
        if (!output.node) continue;
        output.node = null;
        output.requiresGrad = false;
      }
      return pinned;
    });
    this.recorded = true;
    onRecord?.({ name, reason, dispatches: plan.dispatches, bytes: plan.bytes, plans: this.plans.size + 1 });
    return new StepPlan(gpu, name, plan, made, indices, outputs);
  }

  /** Everything that a recording bakes in and that may differ at the next call. */
  private keyOf(inputs: HostTensors<I>): string {
    const { gpu, options } = this;
    const shapes = given(inputs).map(([key, input]) => `${key} ${describe(input)}`);
    const forced = [...gpu.kernels.forced].map(([family, variant]) => `${family}=${variant}`);
    const tuned = [...gpu.kernels.tuned].map(([kernel, tuning]) => `${kernel}: ${tuningKey(tuning)}`);
    return [
      ...shapes,
      ...forced,
      ...tuned,
      isGradEnabled() ? '' : 'no gradients',
      gpu.probe.poison ? 'poisoned' : '',
      gpu.kernels.halfProducts ? 'half products' : '',
      options.baked?.() ?? '',
    ]
      .filter(Boolean)
      .join(', ');
  }
}

/**
 * A step that is recorded once for each shape of its inputs and replayed after that, without running its JavaScript
 * again: all of a training step may stand in it, `backward` and the optimizer's `update` included. Replays use buffers
 * of their own and allocate nothing.
 *
 *     const train = capture(gpu, 'train', ({ x, label }) => {
 *       optimizer.zeroGrad();
 *       const loss = crossEntropy(model(x), label);
 *       backward(loss);
 *       optimizer.update();
 *       return { loss };
 *     });
 *     gpu.random.setStep(step); optimizer.beginStep(lr); const { loss } = train.run({ x: …, label: … });
 *
 * What differs from step to step must be data: an input, the learning rate (`beginStep`), seed and step of the random
 * ops (`setStep`). The guard records again for other shapes, types, forced variants or `baked`, and where a tensor that
 * the step uses was freed; any other number that the step's JavaScript computes is baked in. A forward pass outside and
 * its `backward` must not have a run in between. Indices among the inputs are checked before each replay, those of
 * tensors made outside when the step is recorded.
 * @throws CurioError where the step reads back, writes from the host to a tensor made outside, or keeps a tensor that
 * it computes.
 */
export function capture<I extends NamedTensors, O extends Outputs>(
  gpu: Gpu,
  name: string,
  step: (inputs: I) => O,
  options: CaptureOptions = {},
): CapturedStep<I, O> {
  requireGpu('capture', gpu);
  requireSync('capture', step);
  requireOptions('capture', options, ['onRecord', 'baked', 'maxPlans']);
  return new CapturedStep(gpu, name, step, options);
}

/** The inputs on the device, for a step that is to run without being captured. */
export const upload = <I extends NamedTensors>(gpu: Gpu, inputs: HostTensors<I>): I =>
  Object.fromEntries(
    given(inputs).map(([key, { values, shape }]) => [key, tensor(gpu, values, shape)]),
  ) as unknown as I;

const given = (inputs: HostTensors): [string, HostTensor][] =>
  Object.entries(inputs).filter((entry) => entry[1] !== undefined);
const dtypeOf = (values: HostArray): DType =>
  values instanceof Float32Array ? 'f32' : values instanceof Int32Array ? 'i32' : 'u32';
const describe = ({ values, shape }: HostTensor): string => `${dtypeOf(values)}${showShape(shape)}`;

function checkSize(name: string, key: string, { values, shape }: HostTensor): void {
  if (values.length !== sizeOf(shape))
    throw new ShapeError(
      `${name}: input '${key}' has ${values.length} values for shape ${showShape(shape)}; it needs ${sizeOf(shape)}.`,
    );
}
