/** @file Progress of a run: one line rewritten on a terminal, a plain line every few seconds elsewhere. */
import { clock, compact, cut, megabytes, styleOf, type Terminal } from './terminal.ts';

export interface StagePlan {
  readonly name: string;
  /** Name to display, such as `stage 1`. */
  readonly label: string;
  readonly steps: number;
  /** Cost of one step relative to those of other stages, for the ETA. Default 1. */
  readonly cost?: number;
}

export interface StepProgress {
  readonly stage: string;
  /** Steps done. */
  readonly step: number;
  readonly loss: number;
  readonly lr: number;
  readonly tokens: number;
  readonly images: number;
  /** Bytes of GPU buffers in use. */
  readonly bytes: number;
}

/** Seconds between plain lines, and between rewritten ones. */
const PLAIN_EVERY = 5;
const LIVE_EVERY = 0.1;
/** Minimum weight of a new step in the smoothed loss and rates. */
const SMOOTHING = 0.1;

export class Progress {
  private readonly rates = { cost: 0, tokens: 0, images: 0 };
  private loss = 0;
  private stage = '';
  private stepsOfStage = 0;
  private before: number;
  private shown = -Infinity;
  private lineOpen = false;

  constructor(
    private readonly terminal: Terminal,
    private readonly stages: readonly StagePlan[],
    private readonly now: () => number = () => performance.now() / 1000,
  ) {
    this.before = now();
  }

  /** Starts the clock of a stage: the time since the last step was spent on something else. */
  begin(stage: string): void {
    this.stage = stage;
    this.stepsOfStage = 0;
    this.before = this.now();
  }

  step(progress: StepProgress): void {
    if (progress.stage !== this.stage) [this.stage, this.stepsOfStage] = [progress.stage, 0];
    const now = this.now();
    const seconds = Math.max(1e-6, now - this.before);
    this.before = now;
    // The first step compiles the kernels, so the second one replaces the rates.
    const count = ++this.stepsOfStage;
    const smooth = (old: number, value: number): number =>
      old + Math.max(SMOOTHING, 1 / Math.max(1, count - 1)) * (value - old);
    const plan = this.stages.find(({ name }) => name === progress.stage);
    const cost = plan?.cost ?? 1;
    this.rates.cost = smooth(this.rates.cost, cost / seconds);
    this.rates.tokens = smooth(this.rates.tokens, progress.tokens / seconds);
    this.rates.images = smooth(this.rates.images, progress.images / seconds);
    this.loss += Math.max(SMOOTHING, 1 / count) * (progress.loss - this.loss);
    const last = progress.step === plan?.steps;
    this.show(this.line(progress, plan), last);
  }

  /** Anything else that takes a while: `held-out questions 120/550`. */
  activity(label: string, done: number, total: number): void {
    this.show(`${label} ${done}/${total}`, done === total);
  }

  /** Any other progress, in the caller's words: `cell 3/15 · ETA 4:07`. */
  status(text: string, last = false): void {
    this.show(text, last);
  }

  /** Bytes of a file or a folder: `12/338 MB written`. */
  written(done: number, total: number): void {
    this.bytes(done, total, 'written');
  }

  /** Bytes of a repository: `lmsys/vicuna-7b-v1.5: 12/338 MB downloaded`. */
  downloaded(name: string, done: number, total: number): void {
    this.bytes(done, total, 'downloaded', `${name}: `);
  }

  private bytes(done: number, total: number, what: string, head = ''): void {
    const [now, all] = [done, total].map((bytes) => Math.ceil(bytes / 1e6));
    this.show(`${head}${now}/${all} MB ${what}`, done === total);
  }

  /** A separate line, above the live one. */
  note(text: string): void {
    this.closeLine();
    this.terminal.write(`${text}\n`);
  }

  /** Ends the live line. */
  end(): void {
    this.closeLine();
  }

  private line({ stage, step, lr, bytes }: StepProgress, plan: StagePlan | undefined): string {
    const parts = [
      `${plan?.label ?? stage} ${step}/${plan?.steps ?? '?'}`,
      `loss ${this.loss.toFixed(3)}`,
      `lr ${lr.toExponential(1)}`,
      `${compact(this.rates.tokens)} tok/s`,
      `${compact(this.rates.images)} img/s`,
      megabytes(bytes),
      `ETA ${clock(this.remaining(stage, step))}`,
    ];
    return parts.join(' · ');
  }

  private remaining(stage: string, step: number): number {
    const at = this.stages.findIndex(({ name }) => name === stage);
    const left = this.stages.reduce(
      (sum, { steps, cost = 1 }, i) => sum + cost * (i < at ? 0 : i === at ? steps - step : steps),
      0,
    );
    return left / this.rates.cost;
  }

  private show(text: string, last: boolean): void {
    const now = this.now();
    if (!last && now - this.shown < (this.terminal.live ? LIVE_EVERY : PLAIN_EVERY)) return;
    this.shown = now;
    if (!this.terminal.live) {
      this.terminal.write(`${text}\n`);
      return;
    }
    const { bold } = styleOf(this.terminal);
    const line = cut(text, this.terminal.columns - 1);
    const head = line.indexOf(' · ');
    this.terminal.write(`\r\x1b[2K${head > 0 ? bold(line.slice(0, head)) + line.slice(head) : line}`);
    this.lineOpen = true;
    if (last) this.closeLine();
  }

  private closeLine(): void {
    if (this.lineOpen) this.terminal.write('\n');
    this.lineOpen = false;
  }
}
