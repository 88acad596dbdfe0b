/**
 * @file Judges an edited text of a kernel: whether it compiles, whether it agrees with float64, forward and backward,
 * in every case of every op that runs it, and how fast it is. What decides comes first.
 */
import { CurioError, defineKernel, KernelError } from '@curio/engine';
import type { Gpu, KernelSource } from '@curio/engine';
import { checkText, compileText, nameOf, targetsOf, timedShapes } from '@curio/engine/check';
import type { Choice, Setting, Target, TimedShape } from '@curio/engine/check';
import { guarded, GUARDS } from './guard.ts';
import type { Fault, Report, Texts } from './messages.ts';
import { measureRates, timeText } from './timing.ts';
import type { Rates } from './timing.ts';

export interface Trial {
  /** `rows/softmax_naive` */
  readonly kernel: string;
  readonly text: string;
}

/** A sentence that may begin with a file, its line and, if known, the column. */
function faultAt(kind: Fault['kind'], sentence: string): Fault {
  const match = /^(?:kernels\/)?(\S+\.wgsl):(\d+)(?::(\d+))? (.*)$/s.exec(sentence);
  if (!match) return { kind, at: null, message: sentence };
  const [, file, line, column, message] = match as unknown as [string, string, string, string | undefined, string];
  return { kind, at: { file, line: Number(line), column: Number(column ?? 1) }, message };
}

/** A device, with what is known about each kernel on it. */
export class LabBench {
  private readonly known = new Map<string, { readonly targets: readonly Target[]; readonly shape?: TimedShape }>();
  private rates: Rates | null = null;

  constructor(
    private readonly gpu: Gpu,
    private readonly texts: Texts,
  ) {}

  /**
   * Judges a text and reports to `tell`. Ends at the first fault.
   * @param sign called often; an error thrown from it, such as for a stop, ends the judging
   */
  async judge({ kernel, text }: Trial, tell: (report: Report) => void, sign: () => void): Promise<void> {
    const refuse = (fault: Fault): void => tell({ kind: 'fault', fault });
    tell({ kind: 'stage', stage: 'Compiling' });
    let now: KernelSource;
    try {
      now = defineKernel(kernel, text, this.readPiece);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      return refuse(faultAt('compile', error.message));
    }
    const { targets, shape } = this.serves(kernel);
    const [first] = targets;
    if (!first) {
      const message = `No op runs ${kernel} on this device with the sizes of the checks, so it cannot be judged here.`;
      return refuse({ kind: 'unused', at: null, message });
    }
    for (const target of targets) {
      sign();
      const problem = await this.compile(target, now);
      if (problem) return refuse(faultAt('compile', problem));
    }
    const endless = await this.tryGuarded(first, kernel, text, sign);
    if (endless) return refuse({ kind: 'wrong', at: null, message: endless });
    const settingOf = ({ choice, kernel: original }: Target): Setting => ({ choice, edited: { original, now } });
    let [checked, worst] = [0, 0];
    const check = async (target: Target, cases: Target['cases']): Promise<boolean> => {
      const op = nameOf(target);
      for (const group of cases) {
        const result = await checkText(this.gpu, target, group.cases, settingOf(target), (label) => {
          sign();
          tell({ kind: 'stage', stage: `Checking against float64: ${op}, ${label}` });
        });
        if (result.wrong) {
          await this.gpu.synchronize(); // throws if the device is to blame
          refuse({ kind: 'wrong', at: null, message: `${op}, ${result.wrong}` });
          return false;
        }
        [checked, worst] = [checked + result.checked, Math.max(worst, result.worst)];
      }
      tell({ kind: 'agrees', op, checked, worst });
      return true;
    };
    if (!(await check(first, first.cases.slice(0, 1)))) return;
    if (shape) {
      tell({ kind: 'stage', stage: `Timing at ${shape.shape.label}` });
      const isOwn = text === this.texts[`${kernel}.wgsl`];
      this.rates ??= await measureRates(this.gpu, sign);
      tell({
        kind: 'timed',
        figures: await timeText(this.gpu, first, shape, isOwn ? null : settingOf(first), this.rates, sign),
      });
    }
    for (const target of targets)
      if (!(await check(target, target === first ? target.cases.slice(1) : target.cases))) return;
    const choices = targets.flatMap(({ choice }): Choice[] => (choice ? [choice] : []));
    const distinct = [...new Map(choices.map((choice) => [choice.join(), choice])).values()];
    tell({ kind: 'right', swap: { kernel: now, choices: distinct } });
  }

  /**
   * Runs a target's first cases with a limit on every loop. Returns what is wrong; null if nothing is, or if the loops
   * of the text cannot be limited.
   */
  private async tryGuarded(target: Target, kernel: string, text: string, sign: () => void): Promise<string | null> {
    const [group] = target.cases;
    const first = { ...target, cases: [group!] };
    for (const guard of GUARDS) {
      sign();
      const now = defineKernel(kernel, guarded(text, guard), this.readPiece);
      if (await this.compile(first, now)) continue;
      const { probe } = this.gpu;
      const edited = { original: target.kernel, now };
      probe.poison = true;
      try {
        const { wrong } = await checkText(this.gpu, target, group!.cases, { choice: target.choice, edited }, sign);
        if (!wrong) return null;
        await this.gpu.synchronize(); // throws if the device is to blame
        const isUnwritten = wrong.includes(' is NaN, expected ');
        return `${nameOf(target)}, ${wrong}${isUnwritten ? '; a loop that does not end leaves its results unwritten' : ''}`;
      } finally {
        probe.poison = false;
      }
    }
    return null;
  }

  private readonly readPiece = (file: string): string | null => this.texts[file] ?? null;

  private async compile(target: Target, now: KernelSource): Promise<string | null> {
    try {
      return await compileText(this.gpu, target, now, this.readPiece);
    } catch (error) {
      if (error instanceof CurioError) throw error;
      throw new CurioError(`lab: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private serves(kernel: string) {
    const known = this.known.get(kernel);
    if (known) return known;
    const targets = targetsOf(this.gpu, kernel);
    const made = { targets, shape: targets[0] && timedShapes(this.gpu, targets[0])[0] };
    this.known.set(kernel, made);
    return made;
  }
}
