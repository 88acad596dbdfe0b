/** @file The stages in which the workbench judges a kernel: the decisive ones first. */
import { KernelError } from '@curio/engine';
import type { Gpu, KernelSource } from '@curio/engine';
import { checkText, compileText, nameOf, targetsOf, timedShapes, variantsBeside } from '@curio/engine/check';
import type { Setting, Target, TimedShape } from '@curio/engine/check';
import { ReflectError } from '@curio/kernels/reflect';
import { roofsOf } from '../roof.ts';
import type { OpenBlas } from '../roof.ts';
import { Measurements } from '../rounds.ts';
import { otherTunings, time } from './judge.ts';
import { rightness, timingTable, tuningLine } from './report.ts';
import { readKernel, readText } from './source.ts';

/** Tunings timed after the verdict; a tile with more combinations is swept by npm run test:all. */
const MAX_TUNINGS = 12;

interface Known {
  readonly targets: readonly Target[];
  readonly shapes: readonly TimedShape[];
}

export class Workbench {
  private gpu: Gpu | null = null;
  private measurements: Measurements | null = null;
  private readonly known = new Map<string, Known>();
  private stopped = false;

  /** @param say takes a line or a table */
  constructor(
    private readonly openGpu: () => Promise<Gpu>,
    private readonly blas: OpenBlas | null,
    private readonly say: (text: string) => void,
  ) {}

  /** Stops the current judging at its next stage, since the source has changed. */
  interrupt(): void {
    this.stopped = true;
  }

  /**
   * Finds the ops that use the kernels, and prepares the device and the committed sources, so that the first verdict is
   * quick.
   */
  async warmUp(kernels: readonly string[]): Promise<void> {
    for (const kernel of kernels) {
      const {
        targets: [first],
      } = this.serves(await this.device(), kernel);
      if (first) await checkText(await this.device(), first, first.cases[0]!.cases, { choice: first.choice });
    }
  }

  /** Judges the file's current source. Returns whether it is right. */
  async judge(kernel: string): Promise<boolean> {
    this.stopped = false;
    this.say(`\n${kernel}   ${new Date().toLocaleTimeString('en-GB')}`);
    const began = performance.now();
    try {
      const gpu = await this.device();
      const now = readKernel(kernel);
      const known = this.serves(gpu, kernel);
      const [first] = known.targets;
      if (!first) {
        this.say('  no op runs it on this device: the sizes or the subgroups it wants are not here');
        return true;
      }
      return (await this.verdict(gpu, first, known, now, began)) && (await this.rest(gpu, first, known, now));
    } catch (error) {
      if (!(error instanceof ReflectError || error instanceof KernelError)) throw error;
      this.say(`  ${error.message}`);
      return false;
    } finally {
      await this.recover();
    }
  }

  async close(): Promise<void> {
    this.blas?.close();
    this.gpu?.close();
  }

  /** The verdict: whether the tuning of most cases compiles, is right, and is as fast as the committed source. */
  private async verdict(
    gpu: Gpu,
    first: Target,
    { shapes }: Known,
    now: KernelSource,
    began: number,
  ): Promise<boolean> {
    const group = first.cases[0]!;
    const edited: Setting = { choice: first.choice, edited: { original: first.kernel, now } };
    const problem = await compileText(gpu, { ...first, cases: [group] }, now, readText);
    if (problem) {
      this.say(`  does not compile: ${problem}`);
      return false;
    }
    const { wrong, checked, worst } = await checkText(gpu, first, group.cases, edited);
    if (wrong) {
      this.say(`  WRONG in ${nameOf(first)}, ${wrong}`);
      return false;
    }
    const tuning = group.tunings.find((each) => each.tuning)?.tuning;
    this.say(
      `  right in ${nameOf(first)}, forward and backward: ${rightness(checked, worst)}${
        tuning
          ? `   ${Object.entries(tuning)
              .map((pair) => pair.join('='))
              .join(' ')}`
          : ''
      }`,
    );
    if (shapes[0])
      this.say(
        await this.timed(gpu, first, shapes[0], [
          ['committed', { choice: first.choice }],
          ['now', edited],
        ]),
      );
    this.say(`  verdict after ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return true;
  }

  /** Correctness and speed of the other tunings and ops, and of the other variants for comparison. */
  private async rest(gpu: Gpu, first: Target, { targets, shapes }: Known, now: KernelSource): Promise<boolean> {
    for (const target of targets) {
      const setting: Setting = { choice: target.choice, edited: { original: target.kernel, now } };
      const groups = target === first ? target.cases.slice(1) : target.cases;
      const cases = groups.flatMap((group) => group.cases);
      if (cases.length === 0) continue;
      if (this.stopped) return true;
      const problem = await compileText(gpu, { ...target, cases: groups }, now, readText);
      const { wrong, checked, worst } = problem
        ? { wrong: problem, checked: 0, worst: 0 }
        : await checkText(gpu, target, cases, setting);
      this.say(
        wrong
          ? `  WRONG in ${nameOf(target)}, ${wrong}`
          : `  right in ${nameOf(target)}: ${rightness(checked, worst)}${target === first ? ', the other tunings' : ''}`,
      );
      if (wrong) return false;
    }
    const edited = { choice: first.choice, edited: { original: first.kernel, now } };
    for (const shape of shapes) {
      if (this.stopped) return true;
      this.say(
        await this.timed(gpu, first, shape, [
          ['committed', { choice: first.choice }],
          ['now', edited],
          ...variantsBeside(gpu, first, shape.shape).map((other): [string, Setting] => [other[1], { choice: other }]),
        ]),
      );
    }
    for (const tuning of otherTunings(gpu, first, now).slice(0, MAX_TUNINGS)) {
      if (this.stopped) return true;
      const setting: Setting = { ...edited, tuning };
      const label = Object.entries(tuning)
        .map((pair) => pair.join('='))
        .join(' ');
      const { wrong } = await checkText(gpu, first, first.cases[0]!.cases, setting);
      if (wrong) {
        this.say(`  WRONG with ${label}, ${wrong}`);
        return false;
      }
      if (!shapes[0]) continue;
      const { shape, directions } = shapes[0];
      const [asChosen, tuned] = await time(
        gpu,
        this.measurements!,
        first,
        shape,
        [
          ['now', edited],
          [label, setting],
        ],
        directions,
      );
      this.say(`  ${tuningLine(label, shape.label, asChosen!, tuned!)}`);
    }
    return true;
  }

  /** A table whose first setting is the one that the others are compared with. */
  private async timed(
    gpu: Gpu,
    target: Target,
    { shape, directions }: TimedShape,
    settings: readonly (readonly [string, Setting])[],
  ): Promise<string> {
    return timingTable(shape.label, await time(gpu, this.measurements!, target, shape, settings, directions));
  }

  private serves(gpu: Gpu, kernel: string): Known {
    const known = this.known.get(kernel);
    if (known) return known;
    const targets = targetsOf(gpu, kernel);
    const made = { targets, shapes: targets[0] ? timedShapes(gpu, targets[0]) : [] };
    this.known.set(kernel, made);
    return made;
  }

  private async device(): Promise<Gpu> {
    if (this.gpu) return this.gpu;
    this.gpu = await this.openGpu();
    this.measurements = new Measurements(roofsOf(this.gpu, this.blas));
    return this.gpu;
  }

  /** A kernel that failed while running leaves the device unusable: the next source gets a new one. */
  private async recover(): Promise<void> {
    try {
      await this.gpu?.synchronize();
    } catch {
      this.gpu?.close();
      this.gpu = null;
    }
  }
}
