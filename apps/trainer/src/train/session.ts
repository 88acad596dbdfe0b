/**
 * @file One training run: both stages, the held-out questions before, between and after them, checkpoints and report.
 */
import { existsSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { DataError, startProfile, TrainError } from '@curio/engine';
import type { AdamW, Gpu } from '@curio/engine';
import { encodeProjector, trainStage } from '@curio/model';
import type { BaseNames, Sample, StageName, StepReport } from '@curio/model';
import type { Accuracy } from '@curio/scenes';
import type { RunConfig } from '../config/schema.ts';
import type { PicturePool } from '../data/picture-pool.ts';
import { FileError } from '../disk/system-error.ts';
import { writeFolderAtomic } from '../run/files.ts';
import { adapterName, type describeEnvironment } from '../run/environment.ts';
import type { Interrupt } from '../run/interrupt.ts';
import type { RunLog } from '../run/log.ts';
import { writeLossChart, writeOutcome } from '../run/outcome.ts';
import { PROFILED_STEP, reportProfile } from '../run/profile.ts';
import type { Progress } from '../run/progress.ts';
import type { RunFolder, SavedCheckpoint } from '../run/run-folder.ts';
import { measureSpeed } from '../run/speed.ts';
import { writeTuning } from '../run/tuning.ts';
import { peakResident, stageSummary } from '../run/summary.ts';
import type { openTerminal } from '../run/terminal.ts';
import { asReason, type BadEntries } from './bad-entries.ts';
import { checkpointFiles, optimizerOf } from './checkpoint.ts';
import type { RunData } from './data.ts';
import { accuracyOrNull, answerAll, evaluate } from './evaluate.ts';
import { baseName } from './open.ts';
import type { OpenedModel } from './open.ts';

export const STAGES: readonly { name: StageName; label: string }[] = [
  { name: 'stage1', label: 'stage 1' },
  { name: 'stage2', label: 'stage 2' },
];
const EVALUATIONS = 'evaluations.json';

interface Evaluations {
  beforeTraining?: Accuracy | null;
  afterStage1?: Accuracy | null;
}

/** What a session works on and reports to. */
interface SessionParts {
  readonly gpu: Gpu;
  readonly config: RunConfig;
  readonly folder: RunFolder;
  readonly log: RunLog;
  readonly progress: Progress;
  readonly interrupt: Interrupt;
  readonly data: RunData;
  readonly bad: BadEntries;
  readonly opened: OpenedModel;
  readonly profiled: boolean;
  readonly pool: PicturePool;
}

export class Session {
  private evaluations: Evaluations = {};
  private evaluationSeconds = 0;
  /** Seconds that steps dataWaitSeconds for their data. */
  private dataWaitSeconds = 0;

  constructor(private readonly parts: SessionParts) {
    const { folder } = parts;
    const path = folder.file(EVALUATIONS);
    if (existsSync(path)) this.evaluations = JSON.parse(folder.read(EVALUATIONS)) as Evaluations;
  }

  /** Trains both stages, from a checkpoint if given. False if interrupted. */
  async train(from?: SavedCheckpoint): Promise<boolean> {
    if (!from) await this.evaluate('beforeTraining', 0);
    for (const { name } of STAGES) {
      if (from?.stage === 'stage2' && name === 'stage1') continue;
      const start = from?.stage === name ? from.step : 0;
      const { steps } = this.parts.config.train[name];
      if (start < steps && !(await this.trainOne(name, start, from?.stage === name ? from : undefined))) return false;
      if (this.parts.interrupt.requested) return false; // the end of the stage is saved
      if (name === 'stage1' && start < steps) await this.saveProjector();
      if (name === 'stage1') await this.evaluate('afterStage1', steps);
    }
    return true;
  }

  private async trainOne(name: StageName, start: number, from?: SavedCheckpoint): Promise<boolean> {
    const { config, data, opened, progress, interrupt, gpu } = this.parts;
    const stage = config.train[name];
    const every = config.run.checkpointEvery;
    progress.begin(name);
    let last = performance.now();
    let profiler: ReturnType<typeof startProfile> | null = null;
    try {
      const reached = await trainStage({
        model: opened.model,
        tokens: opened.tokens,
        stage,
        train: config.train,
        samples: data[name],
        seed: config.seed,
        from: start,
        state: from && (await optimizerOf(from.path)),
        pixels: (image, sample) => this.pixels(name, image, sample),
        onStep: ({ step, loss, gradNorm, lr, counts }: StepReport) => {
          const now = performance.now();
          const bytes = gpu.memoryReport().allocatedBytes;
          this.parts.log.step({
            stage: name,
            step: step + 1,
            loss,
            lr,
            gradNorm,
            ...counts,
            seconds: (now - last) / 1000,
            bytes,
          });
          progress.step({ stage: name, step: step + 1, loss, lr, ...counts, bytes });
          last = now;
        },
        onWait: (ms) => void (this.dataWaitSeconds += ms / 1000),
        onRecord: ({ reason, dispatches, bytes }) =>
          this.parts.log.text(
            `${name}/recorded`,
            `${dispatches} dispatches, ${Math.round((bytes.fixed + bytes.temporaries) / 2 ** 20)} MB: ${reason}`,
            this.parts.log.steps(name).length,
          ),
        pause: async (step, optimizer, land) => {
          if (profiler) {
            progress.note(reportProfile(this.parts.folder, name, await profiler.stop(), await measureSpeed(gpu)));
            profiler = null;
          }
          if (this.parts.profiled && step === PROFILED_STEP - 1) profiler = startProfile(gpu);
          const isDue = step === stage.steps || (every > 0 && step % every === 0);
          if (!isDue && !interrupt.requested) return false;
          await land(); // metrics.jsonl has every step that the checkpoint has
          await this.save(name, step, optimizer);
          // Checked here: landing and saving may take as long as a step, and nothing is lost by stopping after them.
          return interrupt.requested && step < stage.steps;
        },
        onBadData: async (step, optimizer) => {
          if (step > start) await this.save(name, step, optimizer);
        },
      });
      return reached === stage.steps;
    } catch (error) {
      const Kind = [TrainError, DataError, FileError].find((kind) => error instanceof kind);
      if (Kind) throw new Kind(`${(error as Error).message} ${this.lastCheckpoint()}`, { cause: error });
      throw error;
    }
  }

  private lastCheckpoint(): string {
    const last = this.parts.folder.checkpoints().at(-1);
    return last
      ? `The last checkpoint is ${STAGES.find(({ name }) => name === last.stage)!.label}, step ${last.step}, in ${last.path}.`
      : 'No checkpoint has been written yet.';
  }

  /** Null for a skipped entry. @throws DataError that names the entry */
  private async pixels(stage: StageName, image: string, sample: Sample): Promise<Float32Array | null> {
    const { data, opened, bad, config } = this.parts;
    try {
      const place = await data.images[stage].place(image);
      return await this.parts.pool.prepare(place, opened.imageConfig(config.train[stage].imageAspect));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      bad.refuse(data.files[stage], sample, asReason(error));
      return null;
    }
  }

  /** Saves the projector of stage 1, as the published code does; any stage 2 can start from it. */
  private async saveProjector(): Promise<void> {
    const files = await encodeProjector(this.parts.opened.model, this.baseNames, this.parts.config.run.format);
    writeFolderAtomic(this.parts.folder.file('stage1'), files);
  }

  private get baseNames(): BaseNames {
    return { language: baseName(this.parts.config, 'language'), vision: baseName(this.parts.config, 'vision') };
  }

  private async save(stage: StageName, step: number, optimizer: AdamW): Promise<void> {
    this.parts.folder.saveCheckpoint(
      { stage, step },
      await checkpointFiles(this.parts.opened.model, this.baseNames, this.parts.config.run.format, optimizer),
      this.parts.config.run.keep,
    );
    writeLossChart(this.parts.folder, this.parts.log);
    writeTuning(this.parts.gpu, this.parts.folder);
  }

  private async evaluate(when: keyof Evaluations, step: number): Promise<void> {
    const start = performance.now();
    this.parts.progress.activity('held-out questions', 0, this.parts.data.questions.length);
    const accuracy = accuracyOrNull(await answerAll(this.parts.opened, this.parts.data, this.parts.config.ask));
    this.evaluations = { ...this.evaluations, [when]: accuracy };
    this.parts.folder.write(EVALUATIONS, `${JSON.stringify(this.evaluations)}\n`);
    if (accuracy) this.parts.log.scalar(`answers/${when}`, accuracy.overall, step);
    this.evaluationSeconds += (performance.now() - start) / 1000;
  }

  /** Runs the final evaluation, writes the run's files and prints the report. False if interrupted. */
  async report(
    {
      setup,
      train,
      startedAt,
      environment,
    }: { setup: number; train: number; startedAt: number; environment: ReturnType<typeof describeEnvironment> },
    terminal: ReturnType<typeof openTerminal>,
  ): Promise<boolean> {
    const { config, data, opened, folder, log, progress, gpu } = this.parts;
    const { answers, answered, blind, selfAsked, asked } = await evaluate(opened, data, config.ask, config.seed, {
      signal: this.parts.interrupt.signal,
      onPart: (label, count) => progress.activity(label, 0, count),
    });
    if (this.parts.interrupt.requested) return false;
    progress.end();
    const adapter = folder.file('adapter');
    const files = await checkpointFiles(opened.model, this.baseNames, config.run.format);
    writeFolderAtomic(
      adapter,
      Object.fromEntries(Object.entries(files).map(([name, content]) => [name.replace(/^adapter\//, ''), content])),
    );
    rmSync(folder.file(EVALUATIONS), { force: true });
    const stages = Object.fromEntries(
      STAGES.map(({ name, label }) => [
        name,
        stageSummary(
          label,
          log.steps(name).map(({ loss }) => loss),
        ),
      ]),
    );
    const summary = {
      name: basename(folder.path),
      preset: config.preset,
      seed: config.seed,
      adapter: adapterName(gpu.adapter),
      commit: environment.commit,
      answers,
      blind,
      beforeTraining: this.evaluations.beforeTraining ?? null,
      afterStage1: this.evaluations.afterStage1 ?? null,
      selfAsked,
      stages,
      skipped: this.parts.bad.count,
      seconds: {
        setup,
        train: train - this.evaluationSeconds,
        waiting: this.dataWaitSeconds,
        total: (Date.now() - startedAt) / 1000,
      },
      peakBytes: gpu.memoryReport().peakBytes,
      rssBytes: peakResident(),
    };
    terminal.write(writeOutcome(folder, log, { summary, config, environment, answered, scenes: asked }, terminal));
    return true;
  }
}
