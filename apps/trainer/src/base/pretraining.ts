/** @file Runs and resumes the pretraining of one part of the base, with probes along the way. */
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from '@curio/engine';
import type { AdamW, Gpu, Parameter } from '@curio/engine';
import { Llama, PRESETS, Tokens } from '@curio/model';
import {
  ClipPair,
  pretrainClip,
  pretrainLlama,
  probeClip,
  probeLlama,
  sceneEmbedding,
  sceneTokenizerJson,
} from '@curio/scenes';
import type { StepReport } from '@curio/model';
import type { DocumentOptions } from '@curio/scenes';
import { openSafetensors, Weights } from '@curio/nn';
import { openHandwriting } from '../data/digits.ts';
import { PRETRAINING_STREAMS } from '../data/generate.ts';
import { withFile } from '../disk/system-error.ts';
import { fileSource, writeAtomic } from '../run/files.ts';
import { line, readLines } from '../run/log.ts';
import { CLIP, CLIP_TEXT, LLAMA } from './recipe.ts';
import { openPretrainState, savePretrainState } from './state.ts';
import type { PretrainState } from './state.ts';

export type BasePart = 'clip' | 'llama';

export interface PretrainingOptions {
  readonly gpu: Gpu;
  readonly part: BasePart;
  /** Exists and is locked; holds `state.safetensors` and `metrics.jsonl`. */
  readonly folder: string;
  readonly seed: number;
  readonly steps: number;
  readonly cooldown: number;
  readonly lr: number;
  /**
   * Override the recipe: weights of the kinds of question in the language base's documents, and the loss weight of its
   * questions.
   */
  readonly kindWeights?: Readonly<Record<string, number>>;
  readonly questionWeight?: number;
  readonly batch: number;
  /**
   * A folder in Hugging Face's layout, such as the committed base's, that a new run starts from instead of from noise.
   */
  readonly start?: string;
  readonly saveEvery: number;
  readonly probeEvery: number;
  /** One line for each report. */
  readonly say: (line: string) => void;
  readonly stopped: () => boolean;
}

export const baseTokens = (): Tokens => new Tokens(sceneTokenizerJson());

/** Parameters that only pretraining uses, so a written base has none of them. */
const PATCH = /^patch_/;

/** Weights of a run: those of its saved state, or new ones. */
async function openWeights(
  gpu: Gpu,
  seed: number,
  state: Pick<PretrainState, 'weights'> | null,
  build: (w: Weights) => void,
): Promise<Weights> {
  const weights = new Weights(gpu, { seed, parts: state ? [{ tensors: state.weights, fresh: PATCH }] : [] });
  build(weights);
  await weights.load();
  return weights;
}

export async function openClip(
  gpu: Gpu,
  seed: number,
  state: Pick<PretrainState, 'weights'> | null,
): Promise<{ pair: ClipPair; weights: Weights }> {
  let pair!: ClipPair;
  const weights = await openWeights(
    gpu,
    seed,
    state,
    (w) => (pair = new ClipPair(w, PRESETS.small.model.vision, CLIP_TEXT)),
  );
  return { pair, weights };
}

export async function openLlama(
  gpu: Gpu,
  seed: number,
  state: Pick<PretrainState, 'weights'> | null,
): Promise<{ llama: Llama; weights: Weights }> {
  const config = PRESETS.small.model.language;
  const table = sceneEmbedding(new RandomStream(seed, 0, 0x656d62), config.hiddenSize, 0.5);
  let llama!: Llama;
  const weights = await openWeights(
    gpu,
    seed,
    state,
    (w) => (llama = new Llama(w, config, { embeddingInitial: (out) => out.set(table) })),
  );
  return { llama, weights };
}

/** The phases that an initial base has gone through; training continues with the last phase. */
function documentsAt(step: number, { kindWeights, questionWeight, start }: PretrainingOptions): DocumentOptions {
  const phase = LLAMA.phases.filter(({ from }) => start !== undefined || step >= from).at(-1)!;
  return {
    ...phase,
    kindWeights: kindWeights ?? phase.kindWeights,
    questionWeight: questionWeight ?? phase.questionWeight,
  };
}

/**
 * The log up to the saved step, since later steps run again. Probes and starts count steps done, losses count from 0.
 */
const keptMetrics = (path: string, done: number): object[] =>
  existsSync(path)
    ? readLines<{ step: number; loss?: number }>(path).filter(
        ({ step, loss }) => step < done + (loss === undefined ? 1 : 0),
      )
    : [];

async function startOf({ start }: PretrainingOptions): Promise<Pick<PretrainState, 'weights'> | null> {
  if (start === undefined) return null;
  return { weights: (await openSafetensors(fileSource(join(start, 'model.safetensors')))).tensors };
}

/** Trains until `steps`, or until stopped; saves its state either way. */
export async function runPretraining(options: PretrainingOptions): Promise<void> {
  const { gpu, part, folder, seed, say } = options;
  const state = await openPretrainState(folder);
  if (state) say(`going on with step ${state.step} of ${folder}`);
  const before = state ?? (await startOf(options));
  const metrics = join(folder, 'metrics.jsonl');
  writeAtomic(
    metrics,
    keptMetrics(metrics, state?.step ?? 0)
      .map(line)
      .join(''),
  );
  const tokens = baseTokens();
  const glyphs = openHandwriting('train');
  const log = (entry: object): void => withFile(metrics, () => appendFileSync(metrics, line(entry)));
  if (!state && options.start !== undefined) log({ step: 0, start: options.start });
  let smooth = 0;
  let last = performance.now();
  const shared = (parameters: readonly Parameter[]) => ({
    tokens,
    glyphs,
    seed,
    steps: options.steps,
    cooldown: options.cooldown,
    lr: options.lr,
    from: state?.step ?? 0,
    state: state?.optimizer,
    onStep: ({ step, loss, gradNorm, lr }: StepReport) => {
      const now = performance.now();
      smooth = smooth === 0 ? loss : 0.98 * smooth + 0.02 * loss;
      log({ step, loss, gradNorm, lr, ms: now - last });
      if (step % 20 === 0)
        say(
          `step ${step}/${options.steps}  loss ${loss.toFixed(3)} (smooth ${smooth.toFixed(3)})  norm ${gradNorm.toFixed(2)}  lr ${lr.toExponential(1)}  ${(now - last).toFixed(0)} ms`,
        );
      last = now;
    },
    pause: async (step: number, optimizer: AdamW, land: () => Promise<void>) => {
      const stop = options.stopped();
      const probes = step % options.probeEvery === 0 || step === options.steps;
      const saves = stop || step === options.steps || step % options.saveEvery === 0;
      if (probes || saves) await land();
      if (probes) {
        const probe = await probeOf();
        log({ step, probe });
        say(
          `step ${step}  ${Object.entries(probe)
            .map(([name, value]) => `${name} ${value.toFixed(3)}`)
            .join('  ')}`,
        );
      }
      // Last, so that metrics.jsonl has every step of the saved state.
      if (saves) await savePretrainState(folder, step, parameters, optimizer);
      return stop;
    },
  });
  let probeOf: () => Promise<Record<string, number>>;
  if (part === 'clip') {
    const { pair, weights } = await openClip(gpu, seed, before);
    const batch = { ...CLIP.batch, groups: options.batch / CLIP.batch.groupSize };
    const heldOut = openHandwriting('heldOut');
    const probe = (drawn: number) =>
      probeClip(
        pair,
        { tokens, glyphs: heldOut, seed, stream: PRETRAINING_STREAMS.probe, batch: { ...batch, groups: 16, drawn } },
        4,
      );
    probeOf = async () => ({ ...(await probe(0)), 'drawn digit': (await probe(1)).digit });
    await pretrainClip(pair, {
      ...shared(weights.parameters()),
      warmup: CLIP.warmup,
      weightDecay: CLIP.weightDecay,
      stream: PRETRAINING_STREAMS.clip,
      batch,
    });
  } else {
    const { llama, weights } = await openLlama(gpu, seed, before);
    probeOf = () => probeLlama(llama, gpu, { tokens, glyphs, seed, stream: PRETRAINING_STREAMS.probe, perKind: 64 });
    await pretrainLlama(llama, gpu, weights.parameters(), {
      ...shared(weights.parameters()),
      warmup: LLAMA.warmup,
      weightDecay: LLAMA.weightDecay,
      stream: PRETRAINING_STREAMS.llama,
      batchSize: options.batch,
      documents: (step) => documentsAt(step, options),
    });
  }
}
