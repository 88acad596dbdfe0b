/**
 * @file Learning, in the page's worker and in a chunk of its own: one training at a time, of a model that shares the
 * frozen base of the one in use. What was learned is stored with each checkpoint, and exported as a file.
 */
import type { SqLlava } from '@curio/model';
import { encodeOptimizer, readOptimizer } from '@curio/model';
import { memorySource } from '@curio/nn';
import { openLearner, releaseLearner } from './adapters.ts';
import { AdapterFileError, joined, packAdapter, unpackAdapter } from './adapter-zip.ts';
import type { AdapterFiles } from './adapter-zip.ts';
import { examOf } from './exam.ts';
import { holdLock } from './lock.ts';
import type { FromLearner, InUse, Learning, Plan, ToLearner } from './messages.ts';
import { newestCheckpoint, removeCheckpoints, storeCheckpoint } from './store.ts';
import { Training } from './training.ts';
import type { Rest } from './training.ts';
import type { Workshop } from './workshop.ts';

const OPTIMIZER = 'optimizer.safetensors';
const FULL = 'The disk has no room for what it learns: it continues, but a reload would lose it.';
const ELSEWHERE = 'Another tab of this page is training: continue there, or close it first.';

/** What the newest checkpoint stores beside its tensors. */
interface Kept {
  readonly version: 1;
  readonly plan: Plan;
  readonly learning: Learning;
}

const FRESH = { step: 0, losses: [], tokensPerSecond: null, bytes: null, asked: [] } as const;

export class Learner {
  private plan: Plan | null = null;
  private learning: Learning | null = null;
  private rest: Rest | null = null;
  /** What `learned` showed when a training began. */
  private before: Learning | null = null;
  private learned: { readonly model: SqLlava; readonly files: AdapterFiles } | null = null;
  private using: InUse = 'original';
  /** Of the training that is running. */
  private job: AbortController | null = null;
  private unlock: (() => void) | null = null;
  /** The last checkpoint did not fit on the disk. */
  private isUnkept = false;

  constructor(
    private readonly shop: Workshop,
    private readonly say: (said: FromLearner) => void,
  ) {}

  async hear(message: ToLearner): Promise<void> {
    try {
      if (message.kind === 'look') await this.look(message.use, message.goOn);
      else if (message.kind === 'train') await this.begin(message.plan);
      else if (message.kind === 'resume') await this.resume();
      else if (message.kind === 'pause' || message.kind === 'stop') await this.end(message.kind);
      else if (message.kind === 'use') await this.use(message.which);
      else if (message.kind === 'load') await this.load(message.file, message.name, message.plan);
      else if (message.kind === 'forget') await this.forget();
      else if (this.learned) this.say({ kind: 'exported', zip: await packAdapter(this.learned.files) });
    } catch (error) {
      this.notice(`It could not continue: ${(error as Error).message}`);
    }
  }

  private notice(text: string): void {
    this.say({ kind: 'notice', text });
  }

  private show(learning: Learning | null): void {
    this.learning = learning;
    this.say({ kind: 'learning', learning });
  }

  private async look(use: InUse, goOn: boolean): Promise<void> {
    if (this.learning) return this.show(this.learning);
    const stored = await newestCheckpoint();
    const kept = stored?.state as Kept | undefined;
    this.say({ kind: 'using', which: 'original' });
    if (!stored || kept?.version !== 1) return this.show(null);
    const { [OPTIMIZER]: optimizer, ...files } = Object.fromEntries(stored.files);
    this.plan = kept.plan;
    if (optimizer) {
      this.rest = { files, optimizer: await readOptimizer(memorySource(OPTIMIZER, optimizer)) };
      this.show({ ...kept.learning, state: 'paused' });
      if (goOn) await this.resume();
      return;
    }
    await this.learn(files);
    this.show(kept.learning);
    if (use === 'learned') await this.use('learned');
  }

  private async begin(plan: Plan): Promise<void> {
    if (this.job || !(await this.lock())) return;
    this.plan = plan;
    this.rest = null;
    this.before = this.learned && this.learning;
    const { source, steps } = plan;
    this.show({ ...FRESH, state: 'preparing', source, steps, exam: examOf(plan) });
    await this.run(this.using === 'learned' ? this.learned!.files : null);
  }

  private async resume(): Promise<void> {
    if (this.job || !this.rest || !(await this.lock())) return;
    this.show({ ...this.learning!, state: 'preparing' });
    await this.run(this.rest.files);
  }

  private async lock(): Promise<boolean> {
    this.unlock ??= await holdLock();
    this.notice(this.unlock ? '' : ELSEWHERE);
    return this.unlock !== null;
  }

  private free(): void {
    this.unlock?.();
    this.unlock = null;
  }

  /** Pauses or stops a running training; ends a paused one. */
  private async end(how: 'pause' | 'stop'): Promise<void> {
    if (this.job) this.job.abort(how);
    else if (how === 'stop' && this.rest && (await this.lock())) {
      this.job = new AbortController();
      await this.graduate(await this.open(this.rest.files), this.job.signal).finally(() => (this.job = null));
    }
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const end = await this.shop.turns.take();
    try {
      return await work();
    } finally {
      end();
    }
  }

  private open = (files: AdapterFiles | null): Promise<SqLlava> => this.inTurn(() => openLearner(this.shop, files));

  /** Trains from an adapter's files (null: the page's own adapter) until it ends or is paused or stopped. */
  private async run(from: AdapterFiles | null): Promise<void> {
    const job = new AbortController();
    this.job = job;
    let model: SqLlava | null = null;
    try {
      model = await this.open(from);
      await this.trainingOf(model, job.signal).run();
      const isWhole = this.learning!.step === this.plan!.steps;
      if (!this.rest) this.drop();
      else if (job.signal.reason === 'pause' && !isWhole) this.show({ ...this.learning!, state: 'paused' });
      else {
        // A second stop ends the exam.
        this.job = new AbortController();
        await this.graduate(model, this.job.signal);
      }
    } catch (error) {
      if (this.rest) this.show({ ...this.learning!, state: 'paused' });
      else this.drop();
      throw error;
    } finally {
      this.job = null;
      if (model && this.learned?.model !== model) releaseLearner(model, this.shop.model);
    }
  }

  private trainingOf(model: SqLlava, signal: AbortSignal): Training {
    return new Training(this.learning!, {
      shop: this.shop,
      model,
      plan: this.plan!,
      state: this.rest?.optimizer,
      signal,
      show: (learning) => this.show(learning),
      keep: async (rest, learning) => {
        this.rest = rest;
        await this.keep({ ...rest.files, ...joined({ [OPTIMIZER]: encodeOptimizer(rest.optimizer) }) }, learning);
      },
    });
  }

  /** Nothing was learned, so everything is as before. */
  private drop(): void {
    this.free();
    this.show(this.before);
  }

  /** The training is over: the exam is repeated, and what was learned can be used. */
  private async graduate(model: SqLlava, signal: AbortSignal): Promise<void> {
    const { files } = this.rest!;
    this.show({ ...this.learning!, state: 'examining' });
    const learning = await this.inTurn(() => this.trainingOf(model, signal).examine('after'));
    await this.inTurn(async () => this.replace({ model, files }));
    this.rest = null;
    const done: Learning = { ...learning, state: 'done' };
    await this.keep(files, done);
    this.free();
    this.show(done);
    await this.use('learned');
  }

  private replace(learned: NonNullable<Learner['learned']>): void {
    const before = this.learned;
    this.learned = learned;
    if (!before) return;
    if (this.using === 'learned') this.shop.talkWith(learned.model);
    releaseLearner(before.model, this.shop.model);
  }

  private async learn(files: AdapterFiles): Promise<void> {
    const model = await this.open(files);
    await this.inTurn(async () => this.replace({ model, files }));
  }

  private async keep(files: AdapterFiles, learning: Learning): Promise<void> {
    const kept: Kept = { version: 1, plan: this.plan!, learning };
    try {
      await storeCheckpoint(files, kept);
      if (this.isUnkept) this.notice('');
      this.isUnkept = false;
    } catch (error) {
      const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
      this.isUnkept = true;
      this.notice(isFull ? FULL : `What it learns is not kept on this device: ${(error as Error).message}`);
    }
  }

  private async use(which: InUse): Promise<void> {
    if (which === 'learned' && !this.learned) return;
    await this.inTurn(async () => this.shop.talkWith(which === 'learned' ? this.learned!.model : this.shop.model));
    this.using = which;
    this.say({ kind: 'using', which });
  }

  private async load(file: Blob, name: string, plan: Plan): Promise<void> {
    if (this.job || !(await this.lock())) return;
    try {
      const files = await unpackAdapter(file);
      await this.learn(files).catch(() => {
        throw new AdapterFileError('does not fit this model');
      });
      this.plan = plan;
      this.rest = null;
      this.show({ ...FRESH, state: 'done', source: 'file', steps: 0, exam: [] });
      await this.keep(files, this.learning!);
      await this.use('learned');
    } catch (error) {
      if (!(error instanceof AdapterFileError)) throw error;
      this.notice(`“${name}” ${error.message}, so nothing has changed.`);
    } finally {
      this.free();
    }
  }

  /** Returns to the model that the page came with; nothing of what was learned stays on this device. */
  private async forget(): Promise<void> {
    if (this.job || !(await this.lock())) return;
    await this.use('original');
    if (this.learned) releaseLearner(this.learned.model, this.shop.model);
    [this.learned, this.rest, this.plan] = [null, null, null];
    await removeCheckpoints();
    this.free();
    this.show(null);
  }
}
