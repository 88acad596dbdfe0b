/**
 * @file The schema of a run's configuration, as a file or overrides may give it. The types of its model part are in
 * @curio/model.
 */
import { MOMENT_STORAGES } from '@curio/engine';
import { LABEL_MASKS, TEMPLATES, type Preset, type PresetName, PRESETS } from '@curio/model';
import { BASE_STORAGES, TENSOR_FORMATS } from '@curio/nn';
import { MOST_WITHHELD } from '@curio/scenes';
import { z } from 'zod';

const count = z.int().min(0);
const positive = z.int().min(1);
const share = z.number().min(0).max(1);
const names = <T extends string>(object: Record<T, unknown>) => z.enum(Object.keys(object) as [T, ...T[]]);

const vision = z.strictObject({
  imageSize: positive.describe('side of the square image, in pixels'),
  patchSize: positive,
  hiddenSize: positive,
  intermediateSize: positive,
  numLayers: positive,
  numHeads: positive,
  layerNormEps: z.number().positive(),
  selectLayer: z.int().max(-1).describe('hidden state whose patches are used, from the end; -2 as published'),
});

const language = z.strictObject({
  vocabSize: positive,
  hiddenSize: positive,
  intermediateSize: positive,
  numLayers: positive,
  numHeads: positive,
  numKeyValueHeads: positive,
  rmsNormEps: z.number().positive(),
  ropeTheta: z.number().positive(),
  maxPositions: positive,
});

const projector = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('cluster'), numPrototypes: positive, iterations: positive }),
  z.strictObject({ kind: z.literal('paper'), numPrototypes: positive, iterations: positive }),
  z.strictObject({ kind: z.literal('mlp2x_gelu') }),
]);

const lora = z.strictObject({
  r: positive,
  alpha: z.number().positive(),
  dropout: share,
  targets: z.array(z.string()).describe('linear layers with LoRA, by the last part or a longer suffix of their paths'),
  rslora: z.boolean().optional().describe('scale by alpha / √r instead of alpha / r'),
  rankPattern: z.record(z.string(), positive).optional().describe('r of layers whose path has this suffix'),
  alphaPattern: z.record(z.string(), z.number()).optional().describe('alpha of layers whose path has this suffix'),
});

const model = z.strictObject({
  vision,
  projector,
  language,
  languageLora: lora.nullable(),
  visionLora: lora.nullable(),
  vusr: z
    .enum(['role', 'token'])
    .describe('what introduces a self-question: the string VUSER: or the learned token [vusr]'),
  template: names(TEMPLATES),
  systemText: z.string().nullable().describe("replaces the template's system text"),
});

const stage = z.strictObject({
  steps: count,
  batch: positive.describe('samples per optimizer step'),
  accumulate: positive.describe('gradient accumulation: micro-batches per step'),
  trainable: z
    .array(z.tuple([z.string(), z.number().min(0)]))
    .describe(
      'name patterns (part of a name, * for any characters) with their factors on the learning rate; parameters that no pattern matches are frozen, and a pattern must match something',
    ),
  warmup: share.describe('fraction of the steps over which the learning rate rises'),
  template: z.enum(['plain', 'chat']),
  imageAspect: z.enum(['crop', 'pad']),
  sqR: share.describe('probability that a question is trained as one that the model asks itself'),
});

const train = z.strictObject({
  lr: z.number().positive().describe('peak learning rate'),
  betas: z.tuple([share, share]),
  eps: z.number().positive(),
  weightDecay: z.number().min(0),
  moments: z
    .enum(MOMENT_STORAGES)
    .describe("storage of AdamW's moments; 8bit takes a quarter of the memory, small tensors stay f32"),
  clip: z.number().positive().nullable().describe('maximum global gradient norm'),
  maxLength: positive,
  labelMasks: z
    .enum(LABEL_MASKS)
    .describe(
      'which tokens carry loss: messages: answers and self-questions, by message boundaries; published: what the published search for role names finds',
    ),
  gradientCheckpointing: z
    .boolean()
    .describe('keep only the inputs of blocks and recompute the rest in the backward pass'),
  stage1: stage,
  stage2: stage,
});

const ask = z.strictObject({
  describePrompt: z.string(),
  questions: positive.describe('questions that the model asks itself per image'),
  temperature: z.number().positive(),
  topK: count.describe('0: all'),
  topP: share,
  candidates: positive.describe(
    'candidates sampled per question, of which the one answered with most confidence is kept',
  ),
  maxDescription: positive,
  maxQuestion: positive,
  maxAnswer: positive,
});

const base = z.strictObject({
  language: z.string().describe('folder in Hugging Face layout'),
  vision: z.string().describe('folder in Hugging Face layout'),
  adapter: z.string().nullable().optional().describe('folder of an adapter to start from; null: a new one'),
  projector: z.string().nullable().optional().describe('file of a projector to start from, with new adapters'),
  storage: z
    .enum(BASE_STORAGES)
    .describe(
      'storage of the frozen matrices on the device; int8, int4 and nf4 have one scale per 64 weights, int8 also a factor for each outlier column, nf4-dq 8-bit scales',
    ),
});

/** What to do with an entry whose picture is missing or broken, or from which nothing can be learnt. */
export const ON_BAD_ENTRY = ['fail', 'skip'] as const;

const data = z.strictObject({
  scenes: z
    .strictObject({ stage1: count, stage2: count, heldout: count, 'heldout-ask': count })
    .nullable()
    .describe('sizes of the embedded data set of handwritten digits; null: use the files below'),
  withheldPairs: z
    .int()
    .min(0)
    .max(MOST_WITHHELD)
    .optional()
    .describe(
      'how many of the 60 pairs of digit and colour are withheld from the embedded scenes; the set combinations asks about them',
    ),
  stage1: z.string().nullable().describe('data of stage 1: LLaVA JSON, JSON Lines, Parquet or an image folder'),
  stage2: z.string().nullable().describe('data of stage 2, likewise'),
  heldOut: z.string().nullable().describe('held-out questions, likewise'),
  images: z.string().nullable().describe('folder that image paths are relative to; an image folder needs none'),
  workers: count
    .nullable()
    .optional()
    .describe('threads that decode and preprocess images; null: one per core but one, at most 8; 0: none'),
  onBadEntry: z
    .enum(ON_BAD_ENTRY)
    .describe('fail: an entry that cannot be trained on ends the run; skip: it is skipped and listed in skipped.jsonl'),
});

const run = z.strictObject({
  checkpointEvery: count.describe('steps between checkpoints; 0: only at the end of a stage'),
  keep: positive.describe('number of checkpoints kept on disk'),
  format: z
    .enum(TENSOR_FORMATS)
    .describe('file format of the trained weights: safetensors, or PyTorch’s .bin as published'),
  questions: count.describe('held-out questions in the report'),
  askScenes: count.describe('held-out images on which the model asks itself questions'),
});

export const runConfigSchema = z.strictObject({
  preset: names(PRESETS),
  seed: z.int().min(0).max(0xffffffff),
  base,
  data,
  model,
  train,
  ask,
  run,
});

/** The complete configuration of a run. */
export interface RunConfig extends Preset {
  readonly preset: PresetName;
  readonly seed: number;
  readonly base: Readonly<z.infer<typeof base>>;
  readonly data: Readonly<z.infer<typeof data>>;
  readonly run: Readonly<z.infer<typeof run>>;
}

/** A JSON schema of configuration files, for completion in editors. */
export const configJsonSchema = (): object => z.toJSONSchema(runConfigSchema, { target: 'draft-7' });
