/**
 * @file One training, from its first step or from where it was paused to its end: exam, steps, questions of its own.
 */
import type { AdamW, AdamWState } from '@curio/engine';
import { encodeTrained, Speaker } from '@curio/model';
import type { SqLlava, StepReport } from '@curio/model';
import { openGlyphs, renderScene } from '@curio/scenes';
import { joined } from './adapter-zip.ts';
import type { AdapterFiles } from './adapter-zip.ts';
import { answersTo } from './exam.ts';
import { sceneOf } from './lessons.ts';
import type { Learning, Plan } from './messages.ts';
import { teach } from './teach.ts';
import type { Workshop } from './workshop.ts';

/** Steps between checkpoints, and between questions that it asks itself. */
const KEEP_EVERY = 10;
const ASK_EVERY = 10;
/** The training data that an adapter names. */
const BASE = { language: 'apps/trainer/base/language', vision: 'apps/trainer/base/vision' };

/** Where a training continues. */
export interface Rest {
  readonly files: AdapterFiles;
  readonly optimizer: AdamWState;
}

export interface TrainingOptions {
  readonly shop: Workshop;
  readonly model: SqLlava;
  readonly plan: Plan;
  /** The optimizer's state where it continues. */
  readonly state?: AdamWState;
  readonly signal: AbortSignal;
  readonly show: (learning: Learning) => void;
  readonly keep: (rest: Rest, learning: Learning) => Promise<void>;
}

export class Training {
  /** Of the last step, in ms. */
  private last = 0;

  constructor(
    private learning: Learning,
    private readonly options: TrainingOptions,
  ) {}

  /**
   * Trains to the end or until the signal is given; the last checkpoint is that of the last step. Runs in a turn of its
   * own, which it lends to talks between steps.
   */
  async run(): Promise<Learning> {
    const { shop, model, plan, signal, state } = this.options;
    const begun = this.learning.step;
    let endTurn = await shop.turns.take();
    try {
      if (this.learning.exam.some(({ before }) => before === null)) await this.examine('before');
      if (signal.aborted) return this.learning;
      this.show({ state: 'training' });
      this.last = performance.now();
      await teach({
        model,
        tokens: shop.tokens,
        prepare: shop.prepare,
        plan,
        from: begun,
        state,
        onStep: (report) => this.tell(report),
        pause: async (step, optimizer, land) => {
          const isOver = signal.aborted || step === plan.steps;
          if (isOver || step % KEEP_EVERY === 0 || step === begun + 1) {
            await land();
            await this.checkpoint(step, optimizer);
          }
          if (!signal.aborted && step % ASK_EVERY === 0) {
            await land();
            await this.askItself(step);
          }
          if (shop.turns.isWanted) {
            await land();
            endTurn();
            endTurn = await shop.turns.take();
          }
          this.last = performance.now();
          return isOver;
        },
      });
      return this.learning;
    } finally {
      endTurn();
    }
  }

  /** The exam, unless the signal is given meanwhile. */
  async examine(when: 'before' | 'after'): Promise<Learning> {
    const { shop, model, plan, signal } = this.options;
    const { exam } = this.learning;
    const speaker = new Speaker(model, shop.tokens);
    const answers = await answersTo(exam, { speaker, prepare: shop.prepare, samples: plan.samples }, signal);
    if (!signal.aborted) this.show({ exam: exam.map((one, i) => ({ ...one, [when]: answers[i]! })) });
    return this.learning;
  }

  private show(change: Partial<Learning>): void {
    this.learning = { ...this.learning, ...change };
    this.options.show(this.learning);
  }

  private tell({ step, loss, counts }: StepReport): void {
    const now = performance.now();
    const rate = (1000 * counts.tokens) / (now - this.last);
    this.last = now;
    const before = this.learning.tokensPerSecond ?? rate;
    this.show({
      step: step + 1,
      losses: [...this.learning.losses.slice(0, step), loss],
      tokensPerSecond: 0.7 * before + 0.3 * rate,
      bytes: this.options.shop.gpu.memoryReport().allocatedBytes,
    });
  }

  private async checkpoint(step: number, optimizer: AdamW): Promise<void> {
    const files = joined(await encodeTrained(this.options.model, BASE));
    await this.options.keep({ files, optimizer: await optimizer.readState() }, { ...this.learning, step });
  }

  /** One question of its own about a held-out drawing, or about a sample. */
  private async askItself(step: number): Promise<void> {
    const { shop, model, plan, signal } = this.options;
    const scenes = plan.apart.length > 0 ? plan.apart.map(sceneOf) : plan.samples.scenes;
    const scene = scenes[(step / ASK_EVERY) % scenes.length]!;
    const pixels = shop.prepare(renderScene(scene, openGlyphs(plan.samples)));
    const ask = { ...shop.ask, questions: 1, candidates: 1 };
    const [said] = await new Speaker(model, shop.tokens).selfQuestion([pixels], ask, plan.seed + step, { signal });
    const [first] = said!.asked;
    if (first && !signal.aborted) this.show({ asked: [...this.learning.asked, { step, scene, ...first }] });
  }
}
