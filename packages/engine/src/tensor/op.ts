/** @file What an op is: a plan, a forward and a backward that share it. Users define their own the same way. */
import { DTypeError, ShapeError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { KernelSource, Tuning } from '../gpu/kernel/kernel.ts';
import type { Grid } from '../gpu/kernel/grid.ts';
import type { Binding } from '../gpu/memory/block.ts';
import { Storage } from '../gpu/memory/arena.ts';
import { OperandCopies } from '../gpu/memory/operand-copies.ts';
import { choose, settingsOf } from '../gpu/kernel/choose.ts';
import type { Params, Variant } from '../gpu/kernel/variant.ts';
import { isRecording, recordAll } from './autograd.ts';
import { countedCopy } from './copy.ts';
import { byteLength, isPacked } from './dtype.ts';
import type { DType } from './dtype.ts';
import { show } from './host-values.ts';
import { showShape } from './shape.ts';
import type { Shape } from './shape.ts';
import { Tensor, empty } from './tensor.ts';
import type { Totals } from './tensor.ts';

export type Inputs = readonly (Tensor | null)[];

/**
 * What a kernel can read: `dense` = row-major, starting on the binding grid (the default); `rows` = the last axis
 * dense, any strides before it; `any` = every stride. An input that does not fit is copied once and the copy is counted
 * in `gpu.probe.copies`. With `rows` and `any` the kernel takes `tensor.strides` and `tensor.bindingOffset` as params.
 */
export type LayoutNeed = 'dense' | 'rows' | 'any';

export interface Dispatch {
  /** Keyed by the kernel's binding names; a Tensor stands for its whole binding. */
  readonly buffers: Readonly<Record<string, Tensor | Binding>>;
  readonly params?: Readonly<Record<string, number>>;
  readonly grid: Grid;
  readonly tuning?: Tuning;
}

/** What an op gives to whichever kernel is chosen. */
export interface Work {
  readonly buffers: Dispatch['buffers'];
  readonly params?: Params;
}

/** A variant of an op's kernel that may need its operands in another form. */
export interface OpVariant<Plan> extends Variant<Plan> {
  /**
   * What the kernel receives in place of the op's operands: swapped operands, copies with padded rows, textures. Runs
   * in a scope of its own, so what it makes is freed after the dispatch; `tuning` is set beside the variant's.
   * @param tuning the variant's
   */
  readonly bind?: (run: Run, work: Work, plan: Plan, tuning: Tuning) => Work & { readonly tuning?: Tuning };
  /** Entries of the kernel that are dispatched after it, over the same operands: such as those that merge its parts. */
  readonly followedBy?: readonly string[];
}

/** Kernels of one contract, the preferred first. */
export type OpFamily<Plan> = Readonly<Record<string, OpVariant<Plan>>>;

/** What forward and backward work with. */
export interface Run {
  /** Of the op, for messages. */
  readonly name: string;
  readonly gpu: Gpu;
  /** Whether input i needs a gradient; compute and save nothing for those that do not. */
  readonly needs: readonly boolean[];
  /**
   * In backward: the gradient that input i has received so far. An op whose kernel can accumulate adds to it and
   * returns it instead of a new tensor. Null if there is none that may be added to.
   */
  total(i: number): Tensor | null;
  /** A new dense tensor, f32 by default. */
  out(shape: Shape, dtype?: DType): Tensor;
  dispatch(kernel: KernelSource, entry: string, work: Dispatch): void;
  /**
   * Dispatches the variant of `family` that suits the device and `plan`, or the one that was `chosen` of it, with its
   * own operands, grid and tuning.
   */
  launch<Plan extends object>(
    family: string,
    table: OpFamily<Plan>,
    plan: Plan,
    entry: string,
    work: Work,
    chosen?: OpVariant<Plan>,
  ): void;
  /** Dispatches one variant, with the operands that it requests. */
  launchVariant<Plan extends object>(variant: OpVariant<Plan>, plan: Plan, entry: string, work: Work): void;
  /**
   * What `make` makes of the first `bytes` of `x`, such as a copy in another layout: once for each `key` in a call of
   * forward or backward, and freed at its end. Null unless these are bytes of an input of the call (in backward: of a
   * gradient received or a tensor saved), which none of its kernels writes.
   */
  once<T extends { readonly storage: Storage }>(x: Tensor, bytes: number, key: string, make: () => T): T | null;
  /** `x` made to fit a layout, as inputs are before forward; for `dy` in backward, which may be a view. */
  fit(x: Tensor, need?: LayoutNeed): Tensor;
}

export type Saved = Readonly<Record<string, Tensor | null>>;

interface CommonSpec<I extends Inputs, Attrs, Plan> {
  readonly name: string;
  /** One per input; the last one repeats. */
  readonly layouts?: readonly LayoutNeed[];
  /** Of the gradients that `backward` receives. */
  readonly dyLayout?: LayoutNeed;
  /** Indices of inputs that may have a packed storage type (f16, bf16, int8, int4, NF4). */
  readonly packed?: readonly number[];
  /** Checks shapes and computes sizes once, for both directions. */
  readonly plan: (inputs: I, attrs: Attrs) => Plan;
}

export interface OpSpec<I extends Inputs, Attrs, Plan, S extends Saved> extends CommonSpec<I, Attrs, Plan> {
  readonly forward: (run: Run, inputs: I, plan: Plan) => { readonly y: Tensor; readonly saved?: S };
  /**
   * Gradients of the inputs in their order; null where `run.needs` is false. Left out where no gradient exists. `dy` is
   * dense unless `dyLayout` says otherwise.
   */
  readonly backward?: (run: Run, dy: Tensor, saved: S, plan: Plan) => readonly (Tensor | null)[];
}

/** An op of several results, which may be adjacent in one buffer. */
export interface MultiOpSpec<I extends Inputs, Attrs, Plan, S extends Saved> extends CommonSpec<I, Attrs, Plan> {
  readonly forward: (run: Run, inputs: I, plan: Plan) => { readonly ys: readonly Tensor[]; readonly saved?: S };
  /** As of `OpSpec`; a result that no gradient was sent to has null among `dys`. */
  readonly backward?: (run: Run, dys: readonly (Tensor | null)[], saved: S, plan: Plan) => readonly (Tensor | null)[];
}

type Call<I, Attrs, Result> = (
  inputs: I,
  ...options: undefined extends Attrs ? [attrs?: Attrs] : [attrs: Attrs]
) => Result;

type Watcher = (name: string, inputs: Inputs, y: Tensor) => void;
let watcher: Watcher | null = null;

/** The current watcher of ops. */
export const currentWatcher = (): Watcher | null => watcher;

/** Runs `f` and calls `watch` with every op's inputs and output, instead of any outer watcher. Must not be async. */
export function watchOps(watch: Watcher, f: () => void): void {
  const outer = watcher;
  watcher = watch;
  try {
    f();
  } finally {
    watcher = outer;
  }
}

/** Makes a callable op, which fits layouts, plans shapes, records kernels and writes the tape. */
export function defineOp<I extends Inputs, Attrs, Plan, S extends Saved>(
  spec: OpSpec<I, Attrs, Plan, S>,
): Call<I, Attrs, Tensor> {
  const { backward } = spec;
  const op = defineMultiOp<I, Attrs, Plan, S>({
    ...spec,
    forward(run, inputs, plan) {
      const { y, saved } = spec.forward(run, inputs, plan);
      return { ys: [y], saved };
    },
    backward: backward && ((run, [dy], saved, plan) => backward(run, dy!, saved, plan)),
  });
  return (inputs, ...options) => op(inputs, ...options)[0]!;
}

/** The same for an op of several results. */
export function defineMultiOp<I extends Inputs, Attrs, Plan, S extends Saved>(
  spec: MultiOpSpec<I, Attrs, Plan, S>,
): Call<I, Attrs, readonly Tensor[]> {
  return (inputs, ...options) => {
    const attrs = options[0] as Attrs;
    const gpu = gpuOf(spec.name, inputs);
    inputs.forEach((x, i) => {
      if (x && isPacked(x.dtype) && !spec.packed?.includes(i))
        throw new DTypeError(`${spec.name}: input ${i} is ${x.dtype}, which is storage only; use cast to make it f32.`);
    });
    const plan = spec.plan(inputs, attrs);
    const recording = spec.backward !== undefined && isRecording(inputs);
    const trained = recording ? inputs.findIndex((x) => x && isPacked(x.dtype) && x.requiresGrad) : -1;
    if (trained >= 0)
      throw new DTypeError(
        `${spec.name}: input ${trained} is ${inputs[trained]!.dtype} and requires a gradient; packed weights stay frozen, so load it as f32 to train it.`,
      );
    const needs = inputs.map((x) => recording && (x?.requiresGrad ?? false));
    let totals: Totals = () => null;
    let made: OperandCopies | null = null;
    const run = makeRun(
      spec.name,
      gpu,
      needs,
      (i) => totals(i),
      () => made,
    );
    const withInputs = <T>(all: readonly (Tensor | null)[], call: () => T): T => {
      const own = (made = new OperandCopies(gpu, all));
      try {
        return call();
      } finally {
        own.end();
        made = null;
      }
    };
    const fitted = inputs.map((x, i) => x && run.fit(x, needOf(spec.layouts, i))) as unknown as I;
    const { ys, saved } = withInputs(fitted, () => spec.forward(run, fitted, plan));
    if (recording) {
      const kept = Object.values(saved ?? {}).flatMap((x) => (x ? [x, ...packedWith(x)] : []));
      recordAll(spec.name, ys, inputs, kept, (dys, soFar) => {
        totals = soFar;
        const fit = dys.map((dy) => dy && run.fit(dy, spec.dyLayout));
        return withInputs([...fit, ...kept], () => spec.backward!(run, fit, (saved ?? {}) as S, plan));
      });
    }
    for (const y of ys) watcher?.(spec.name, inputs, y);
    return ys;
  };
}

/** What unpacking a packed tensor needs in addition to its words. */
const packedWith = ({ quantisation }: Tensor): Tensor[] =>
  quantisation ? [quantisation.scales, quantisation.zeros, quantisation.blocks].filter((x) => x != null) : [];

const needOf = (layouts: readonly LayoutNeed[] | undefined, i: number): LayoutNeed =>
  layouts?.[Math.min(i, layouts.length - 1)] ?? 'dense';

/** The device of all inputs. Throws ShapeError when they live on two, or there is none. */
export function gpuOf(name: string, inputs: Inputs): Gpu {
  let gpu: Gpu | null = null;
  for (let i = 0; i < inputs.length; i++) {
    const x = inputs[i] ?? null;
    if (inputs[i] === null) continue;
    if (!(x instanceof Tensor)) throw new DTypeError(`${name}: input ${i} is ${show(inputs[i])}; it must be a tensor.`);
    if (gpu && x.gpu !== gpu)
      throw new ShapeError(`${name}: the inputs are on two devices; read those of one and create them on the other.`);
    gpu = x.gpu;
  }
  if (!gpu) throw new ShapeError(`${name}: no input tensor was given; it needs at least one.`);
  return gpu;
}

/** What is bound for tensors and bindings. */
export function boundOf(buffers: Dispatch['buffers']): Record<string, Binding> {
  const bound: Record<string, Binding> = {};
  for (const [key, value] of Object.entries(buffers)) bound[key] = value instanceof Tensor ? value.binding : value;
  return bound;
}

function makeRun(
  name: string,
  gpu: Gpu,
  needs: readonly boolean[],
  total: Totals,
  made: () => OperandCopies | null,
): Run {
  const dispatch = (kernel: KernelSource, entry: string, { buffers, ...rest }: Dispatch): void =>
    gpu.dispatch(kernel, entry, { buffers: boundOf(buffers), op: name, ...rest });
  const run: Run = {
    name,
    gpu,
    needs,
    total,
    out: (shape, dtype) => empty(gpu, shape, dtype),
    dispatch,
    launch(family, table, plan, entry, work, chosen = choose(gpu, family, entry, table, plan)) {
      gpu.kernels.tuner?.consider(family, entry, table, plan, {
        first: chosen,
        buffers: boundOf(work.buffers),
        record: (each, bound) =>
          run.launchVariant(each, plan, entry, { ...work, buffers: standIns(work.buffers, bound) }),
      });
      run.launchVariant(chosen, plan, entry, work);
    },
    launchVariant(variant, plan, entry, work) {
      const record = (): void => {
        const entries = [entry, ...(variant.followedBy ?? [])];
        const settings = entries.map((each) => settingsOf(gpu, variant, plan, each, work.params));
        const own = variant.bind?.(run, work, plan, settings[0]!.tuning ?? {});
        entries.forEach((each, i) =>
          dispatch(
            variant.kernel,
            each,
            own
              ? { ...settings[i]!, ...own, tuning: { ...settings[i]!.tuning, ...own.tuning } }
              : { buffers: work.buffers, ...settings[i]! },
          ),
        );
      };
      if (variant.bind) gpu.scope(record);
      else record();
    },
    once: (x, bytes, key, make) => made()?.of(x, bytes, key, make) ?? null,
    fit(x, need = 'dense') {
      if (fits(x, need)) return x;
      if (isPacked(x.dtype))
        throw new DTypeError(
          `${name}: a ${x.dtype} tensor of shape ${showShape(x.shape)} must be dense; slice or permute it before cast.`,
        );
      return countedCopy(name, x);
    },
  };
  return run;
}

/** Tensors like those of `buffers`, in other memory of the same size. */
function standIns(
  buffers: Dispatch['buffers'],
  bound: Readonly<Record<string, Binding>>,
): Record<string, Tensor | Binding> {
  return Object.fromEntries(
    Object.entries(buffers).map(([key, x]) => {
      if (!(x instanceof Tensor)) return [key, bound[key]!];
      const other = new Tensor(x.gpu, x.shape, x.dtype, new Storage(bound[key]!.block, null), {
        strides: x.strides,
        offset: x.bindingOffset,
      });
      other.quantisation = x.quantisation;
      return [key, other];
    }),
  );
}

function fits(x: Tensor, need: LayoutNeed): boolean {
  if (isPacked(x.dtype)) return x.isDense && byteLength(x.dtype, x.offset) % 256 === 0; // the grid of bindings
  if (need === 'any') return true;
  if (need === 'rows') return x.shape.length === 0 || x.shape.at(-1) === 1 || x.strides.at(-1) === 1;
  return x.isDense && x.bindingOffset === 0;
}
