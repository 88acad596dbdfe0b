/** @file Compares a user's own kernel with the reference of an op before it replaces ours. */
import { backward } from '../tensor/autograd.ts';
import { KernelError, CurioError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { openDry } from '../gpu/open.ts';
import type { Pipeline } from '../gpu/kernel/pipeline.ts';
import type { Variant } from '../gpu/kernel/variant.ts';
import { zeros } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { labelOf, specOf } from '../truth/cases.ts';
import type { Case, OpCases } from '../truth/cases.ts';
import { checkCase } from './check-case.ts';
import { makeInputs, uploadCase, wantedGradients } from './run-case.ts';
import { opTable } from './tables.ts';

export interface KernelUnderTest<Plan> {
  /** The op it computes: `softmax`, `matmul`, … */
  readonly op: string;
  /** Which of the op's families it joins; needed only if there are several (`matmul nn`, `matmul nt`, …). */
  readonly family?: string;
  readonly variant: Variant<Plan>;
}

export interface CheckOptions {
  /** Of the inputs. Default 1. */
  readonly seed?: number;
  /** Called after each case that the kernel ran. */
  readonly onCase?: (label: string, message: string) => void;
}

export interface KernelVerdict {
  readonly ok: boolean;
  /**
   * `ok`, or what is wrong first: `file:line:column …` where it does not compile, else the case and the first wrong
   * element.
   */
  readonly message: string;
  /** Cases that it ran and that agree with float64, forward and backward, and cases that do not fit it. */
  readonly checked: number;
  readonly passedOver: number;
  /** Worst error over tolerance. */
  readonly worst: number;
}

/**
 * Compiles a kernel in every tuning that the op's cases need, then runs each case of the op's table with it, forward
 * and backward, against float64. The device's settings are unchanged afterwards: if the kernel is right,
 * `gpu.kernels.replacements.useVariant(family, name, variant)` activates it.
 * @throws CurioError for an op or a family that does not exist; faults of the kernel are reported in the verdict
 */
export async function checkKernel<Plan>(
  gpu: Gpu,
  { op, family: asked, variant }: KernelUnderTest<Plan>,
  { seed = 1, onCase }: CheckOptions = {},
): Promise<KernelVerdict> {
  const table = opTable(op);
  const family = familyOf(table, asked);
  try {
    const asked = pipelinesOf(gpu, table, table.cases, (dry) =>
      dry.kernels.replacements.useVariant<Plan>(family, 'under check', { ...variant, pays: () => true }),
    );
    for (const { kernel, entry, tuning } of asked)
      if (kernel === variant.kernel) await gpu.prepare(kernel, entry, tuning);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return { ok: false, message: error.message, checked: 0, passedOver: 0, worst: Infinity };
  }
  let [checked, passedOver, worst] = [0, 0, 0];
  for (const c of table.cases) {
    const {
      ok,
      message,
      worst: error,
      used,
    } = await withVariant(gpu, family, variant, async (wasUsed) => {
      try {
        return { ...(await checkCase(gpu, table, c, seed)), used: wasUsed() };
      } catch (error) {
        if (!(error instanceof CurioError)) throw error;
        return { ok: false, message: error.message, worst: Infinity, used: true };
      }
    });
    if (!used) {
      passedOver++;
      continue;
    }
    onCase?.(labelOf(c), message);
    worst = Math.max(worst, error);
    if (!ok) return { ok, message: `${labelOf(c)}: ${message}`, checked, passedOver, worst };
    checked++;
  }
  if (checked === 0)
    return {
      ok: false,
      message: `${variant.kernel.file}: fits none of the ${passedOver} cases of ${op} on this device; \`fits\` must allow some.`,
      checked,
      passedOver,
      worst,
    };
  return { ok: true, message: 'ok', checked, passedOver, worst };
}

function familyOf({ op, families = {} }: OpCases<never>, asked: string | undefined): string {
  const names = Object.keys(families);
  const family = asked ?? names[0];
  if (family === undefined)
    throw new CurioError(
      `checkKernel: ${op} has one kernel and no family of variants; write an op of your own with defineOp.`,
    );
  if (!names.includes(family))
    throw new CurioError(`checkKernel: ${op} has no family '${family}'; it has ${names.join(', ')}.`);
  return family;
}

/** Runs `f` while every plan that `variant` fits takes it. */
async function withVariant<Plan, T>(
  gpu: Gpu,
  family: string,
  variant: Variant<Plan>,
  f: (wasUsed: () => boolean) => T | Promise<T>,
): Promise<T> {
  const name = `${variant.kernel.name} under check`;
  let used = false;
  const grid: Variant<Plan>['grid'] = (...asked) => {
    used = true;
    return variant.grid(...asked);
  };
  gpu.kernels.replacements.useVariant<Plan>(family, name, { ...variant, pays: () => true, grid });
  try {
    return await f(() => used);
  } finally {
    gpu.kernels.replacements.useVariant(family, name, null);
  }
}

/** The device for which kernels are chosen, with its adapter's description or that of another adapter. */
export type DeviceFacts = Pick<Gpu, 'device' | 'adapter'>;

/**
 * The pipelines that cases of a table need, found on a device that computes nothing: `set` may force or replace kernels
 * there, `look` sees the device afterwards.
 */
export function pipelinesOf<A>(
  gpu: DeviceFacts,
  table: OpCases<A>,
  cases: readonly Case<A>[],
  set: (dry: Gpu) => void = () => {},
  look: (dry: Gpu) => void = () => {},
): Pipeline[] {
  return requestedPipelines(gpu, (dry) => {
    set(dry);
    for (const c of cases) {
      dry.scope(() => {
        const y = table.run(blankInputs(dry, table, c), c.attrs as A);
        if (y.requiresGrad) backward(y, zeros(dry, y.shape));
      });
    }
    look(dry);
  });
}

/** Inputs of a case without values, which a device that computes nothing does not need. */
function blankInputs<A>(dry: Gpu, table: OpCases<A>, c: Case<A>): (Tensor | null)[] {
  const specs = c.inputs.map(specOf);
  if (specs.some((spec) => spec?.strided)) return uploadCase(dry, table, c, makeInputs(c, 1));
  const wants = wantedGradients(table, c);
  return specs.map((spec, i) => {
    const x = spec && zeros(dry, spec.shape, spec.dtype);
    if (x) x.requiresGrad = wants[i]!;
    return x;
  });
}

/** The pipelines needed by what `record` records, on a device that computes nothing. */
export function requestedPipelines(gpu: DeviceFacts, record: (dry: Gpu) => void): Pipeline[] {
  const dry = openDry(gpu);
  record(dry);
  return dry.pipelines.all;
}
