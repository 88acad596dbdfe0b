/**
 * @file The architecture and training of a SQ-LLaVA, as plain data. Values are in `presets.ts`; names are
 * Hugging Face's in camelCase.
 */
import type { MomentStorage } from '@curio/engine';
import type { LoraOptions } from '@curio/nn';
import type { TemplateName } from './data/conversation.ts';

/** CLIP's image tower (pre-norm blocks, QuickGELU, class token, learned positions). */
export interface ClipVisionConfig {
  /** Side of the square image, and of a patch, in pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly layerNormEps: number;
  /**
   * Which hidden state is taken, counted from the end: −2 is the output of the block before last, so the last block
   * never runs.
   */
  readonly selectLayer: number;
}

/** Of a whole CLIP; SQ-LLaVA has none. */
export interface ClipTextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly maxPositions: number;
  readonly layerNormEps: number;
  /** Width of the joint embedding space of images and texts. */
  readonly projectionSize: number;
}

/** Tokens that an image takes in the sequence. */
export const imageTokens = ({ imageSize, patchSize }: ClipVisionConfig): number =>
  Math.floor(imageSize / patchSize) ** 2;

export interface LlamaConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly maxPositions: number;
}

/**
 * From patch features to embeddings: the published prototype extractor with its MLP, the one of the paper's equations
 * for experiments, or LLaVA's plain two-layer MLP for ablation.
 */
export type ProjectorConfig =
  | { readonly kind: 'cluster' | 'paper'; readonly numPrototypes: number; readonly iterations: number }
  | { readonly kind: 'mlp2x_gelu' };

/** LoRA branches of frozen linears, as PEFT names them. */
export interface LoraConfig extends LoraOptions {
  /** Linears with a pair, by name or by longer suffix of their path. */
  readonly targets: readonly string[];
}

export const LANGUAGE_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export const VISION_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2'] as const;

export interface ModelConfig {
  readonly vision: ClipVisionConfig;
  readonly projector: ProjectorConfig;
  readonly language: LlamaConfig;
  readonly languageLora: LoraConfig | null;
  /**
   * Trained if a stage's `trainable` names it; the published code only loads it (its tower runs without gradients).
   */
  readonly visionLora: LoraConfig | null;
  /** What introduces a self-question: the published code's string `VUSER:`, or the paper's learned token `[vusr]`. */
  readonly vusr: 'role' | 'token';
  /** Chat template of stage 2 and of inference. */
  readonly template: TemplateName;
  /** Replaces the template's system text. */
  readonly systemText: string | null;
}

/**
 * Name pattern → factor on the learning rate. A pattern matches a name that contains it, `*` stands for any characters,
 * and the first that matches counts; no match: frozen. A pattern that decides about no parameter is an error. See
 * `Trainable` of @curio/engine.
 */
export type Trainable = readonly (readonly [pattern: string, factor: number])[];

export interface StageConfig {
  /** Optimizer steps. */
  readonly steps: number;
  /** Samples of an optimizer step, and the number of passes that they are split into. */
  readonly batch: number;
  readonly accumulate: number;
  readonly trainable: Trainable;
  /** Share of the steps over which the learning rate rises from 0; after it a cosine falls to 0. */
  readonly warmup: number;
  /** `plain` (image, caption) or the model's chat template. */
  readonly template: 'plain' | 'chat';
  /** `crop`: the centre square of the image; `pad`: all of it on a square of the mean colour. */
  readonly imageAspect: 'crop' | 'pad';
  /** Probability that a question after the first turn is one that the model must ask itself (sq_r, the paper's δ). */
  readonly sqR: number;
}

export const LABEL_MASKS = ['messages', 'published'] as const;

export interface TrainConfig {
  /** Peak learning rate; `trainable` scales it by group. */
  readonly lr: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** How AdamW keeps its moments: 8 bits take a quarter of the memory. */
  readonly moments: MomentStorage;
  /** Largest global norm of the gradients; null: not clipped. */
  readonly clip: number | null;
  /** Text ids of a sample are truncated to this many. */
  readonly maxLength: number;
  /**
   * Which ids carry loss: those between the boundaries of messages, or those that the published code's search for role
   * names finds, with its leaks and losses (data/published-labels.ts).
   */
  readonly labelMasks: (typeof LABEL_MASKS)[number];
  /** Whether blocks save only their inputs and are recomputed for their gradients. */
  readonly gradientCheckpointing: boolean;
  /** Alignment of image and language. */
  readonly stage1: StageConfig;
  /** Instruction tuning with self-questions. */
  readonly stage2: StageConfig;
}

export type StageName = 'stage1' | 'stage2';

/** Visual self-questioning: describe, then draw independent questions, then answer each. */
export interface AskConfig {
  readonly describePrompt: string;
  readonly questions: number;
  /** Sampling of the questions; descriptions and answers are greedy. */
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  /** Candidates sampled per question; the one whose answer is most probable is kept. 1 keeps every question. */
  readonly candidates: number;
  readonly maxDescription: number;
  readonly maxQuestion: number;
  readonly maxAnswer: number;
}

/** Everything a run needs to know about model, training and asking. */
export interface Preset {
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly ask: AskConfig;
}

/** The same training in a fraction of the steps (at least one per stage). */
export function shortened(train: TrainConfig, fraction: number): TrainConfig {
  const cut = (stage: StageConfig): StageConfig => ({
    ...stage,
    steps: Math.max(1, Math.round(stage.steps * fraction)),
  });
  return { ...train, stage1: cut(train.stage1), stage2: cut(train.stage2) };
}
