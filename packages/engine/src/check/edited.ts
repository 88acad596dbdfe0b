/** @file An edited text of one of our kernels: whether it compiles, whether it is right, and runs of it to be timed. */
import { CurioError, KernelError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import type { KernelSource, Tuning } from '../gpu/kernel/kernel.ts';
import { undoneAfter } from '../gpu/kernel/setting.ts';
import { noGrad } from '../tensor/autograd.ts';
import { RandomStream } from '../tensor/philox.ts';
import { tensor } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { labelOf } from '../truth/cases.ts';
import type { BenchShape, Case, OpCases } from '../truth/cases.ts';
import { checkCase } from './check-case.ts';
import { makeInputs, uploadCase } from './run-case.ts';
import type { Choice, Target } from './targets.ts';

const SEED = 1;

/** What runs in place of what the device would choose. */
export interface Setting {
  readonly choice: Choice | null;
  /** The text that runs instead of the one of the same name. */
  readonly edited?: { readonly original: KernelSource; readonly now: KernelSource };
  readonly tuning?: Tuning;
}

/** Runs `f` under a setting. */
export function under<T>(gpu: Gpu, { choice, edited, tuning }: Setting, f: () => T): T {
  if (choice) gpu.kernels.forced.set(...choice);
  if (edited) gpu.kernels.replacements.useKernel(edited.original, edited.now);
  if (edited && tuning) gpu.kernels.tuned.set(edited.original.name, tuning);
  return undoneAfter(f, () => {
    if (choice) gpu.kernels.forced.delete(choice[0]);
    if (edited) gpu.kernels.replacements.useKernel(edited.original, null);
    gpu.kernels.tuned.clear();
  });
}

/** Names of the shared files that a kernel's head includes. */
export const piecesOf = (code: string): string[] =>
  (/^\/\/ uses: *(.*)$/m.exec(code)?.[1] ?? '')
    .split(',')
    .map((piece) => piece.trim().replace(/\.$/, ''))
    .filter(Boolean);

/**
 * A compiler's `kernels/…/b.wgsl:120:3 …`, where line 120 lies in a shared piece behind the file's own text, with the
 * piece's own file and line.
 * @param readPiece text of a shared piece
 */
export function atPiece(
  message: string,
  kernel: Pick<KernelSource, 'file' | 'code'>,
  readPiece: (file: string) => string | null,
): string {
  const match = /^(\S+\.wgsl):(\d+)(:\d+ .*)$/s.exec(message);
  if (!match || match[1] !== kernel.file) return message;
  let line = Number(match[2]) - kernel.code.split('\n').length;
  if (line <= 0) return message;
  for (const piece of piecesOf(kernel.code)) {
    const lines = (readPiece(piece) ?? '').split('\n').length;
    if (line <= lines) return `kernels/${piece}:${line}${match[3]}`;
    line -= lines;
  }
  return message;
}

/**
 * Compiles the kernels of a target's cases. Returns `file:line:column message`, or null if everything compiles.
 * @param readPiece text of a shared file, which may contain the error
 */
export async function compileText(
  gpu: Gpu,
  { cases }: Pick<Target, 'cases'>,
  now: KernelSource,
  readPiece: (file: string) => string | null,
): Promise<string | null> {
  try {
    for (const { tunings } of cases) for (const { entry, tuning } of tunings) await gpu.prepare(now, entry, tuning);
    return null;
  } catch (error) {
    if (error instanceof KernelError) return atPiece(error.message, now, readPiece);
    throw error;
  }
}

/** A sentence if a case is wrong, null if all agree with float64. */
export interface Correctness {
  readonly wrong: string | null;
  readonly checked: number;
  /** Worst error over tolerance. */
  readonly worst: number;
}

/**
 * Runs cases under a setting, forward and backward, against float64; ends at the first that is wrong.
 * @param onCase called before each; what it throws ends the check
 */
export async function checkText(
  gpu: Gpu,
  { table }: Pick<Target, 'table'>,
  cases: readonly Case<never>[],
  setting: Setting,
  onCase: (label: string) => void = () => {},
): Promise<Correctness> {
  let [checked, worst] = [0, 0];
  for (const c of cases) {
    onCase(labelOf(c));
    const verdict = await under(gpu, setting, async () => {
      try {
        return await checkCase(gpu, table, c, SEED);
      } catch (error) {
        if (!(error instanceof CurioError)) throw error;
        return { ok: false, worst: Infinity, message: error.message };
      }
    });
    worst = Math.max(worst, verdict.worst);
    if (!verdict.ok) return { wrong: `${labelOf(c)}: ${verdict.message}`, checked, worst };
    checked++;
  }
  return { wrong: null, checked, worst };
}

/** Single runs of an op at a bench shape, all on the same inputs. They need an open scope. */
export class CaseRuns {
  private readonly inputs: readonly (Tensor | null)[];

  constructor(
    private readonly gpu: Gpu,
    private readonly table: OpCases<never>,
    private readonly shape: BenchShape<never>,
  ) {
    this.inputs = uploadCase(gpu, table, shape, makeInputs(shape, SEED));
  }

  private run(): Tensor {
    return this.table.run(this.inputs, this.shape.attrs as never);
  }

  /** Records one forward pass at each call. */
  forward(setting: Setting): () => unknown {
    return () => under(this.gpu, setting, () => noGrad(() => this.run()));
  }

  /**
   * Runs forward and records one backward pass at each call; null where the op has no backward of its own, being
   * composed of others.
   */
  backward(setting: Setting): (() => unknown) | null {
    const { gpu } = this;
    const y = under(gpu, setting, () => this.run());
    const node = y.node;
    if (!node || node.inputs.some((x) => x?.node)) return null;
    const random = new RandomStream(SEED + 1);
    const dy = tensor(
      gpu,
      Float32Array.from({ length: y.size }, () => random.uniform() - 0.5),
      y.shape,
    );
    return () => under(gpu, setting, () => noGrad(() => node.backward([dy])));
  }
}
