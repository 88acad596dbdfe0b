/**
 * @file The shape of a run's configuration: what a file or an override may say. The model's part has its types in
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
  targets: z.array(z.string()).describe('linears with a pair, by their last names or by longer ends of their paths'),
  rslora: z.boolean().optional().describe('scaled by alpha / √r instead of alpha / r'),
  rankPattern: z.record(z.string(), positive).optional().describe('r of linears whose path ends so'),
  alphaPattern: z.record(z.string(), z.number()).optional().describe('alpha of linears whose path ends so'),
});

const model = z.strictObject({
  vision,
  projector,
  language,
  languageLora: lora.nullable(),
  visionLora: lora.nullable(),
  vusr: z
    .enum(['role', 'token'])
    .describe('how a self-question is announced: the string VUSER: or the learned token [vusr]'),
  template: names(TEMPLATES),
  systemText: z.string().nullable().describe("replaces the template's system text"),
});

const stage = z.strictObject({
  steps: count,
  batch: positive.describe('samples of an optimizer step'),
  accumulate: positive.describe('passes that a step is cut into'),
  trainable: z
    .array(z.tuple([z.string(), z.number().min(0)]))
    .describe(
      'name pattern (a part of a name, * for any characters) and factor on the learning rate; what none matches is frozen, and each must match',
    ),
  warmup: share.describe('share of the steps with a rising learning rate'),
  template: z.enum(['plain', 'chat']),
  imageAspect: z.enum(['crop', 'pad']),
  sqR: share.describe('probability that a question is one the model must ask itself'),
});

const train = z.strictObject({
  lr: z.number().positive().describe('peak learning rate'),
  betas: z.tuple([share, share]),
  eps: z.number().positive(),
  weightDecay: z.number().min(0),
  moments: z
    .enum(MOMENT_STORAGES)
    .describe('how AdamW keeps its moments; 8bit takes a quarter of the memory, small tensors keep f32'),
  clip: z.number().positive().nullable().describe('largest norm of all gradients together'),
  maxLength: positive,
  labelMasks: z
    .enum(LABEL_MASKS)
    .describe(
      'which ids carry loss: answers and self-questions by the boundaries of messages, or what the published search for role names finds',
    ),
  gradientCheckpointing: z
    .boolean()
    .describe('blocks keep only their inputs and are computed once more for their gradients'),
  stage1: stage,
  stage2: stage,
});

const ask = z.strictObject({
  describePrompt: z.string(),
  questions: positive.describe('questions that the model asks itself about an image'),
  temperature: z.number().positive(),
  topK: count.describe('0: all'),
  topP: share,
  candidates: positive.describe('questions drawn in place of each, of which the one answered most surely is kept'),
  maxDescription: positive,
  maxQuestion: positive,
  maxAnswer: positive,
});

const base = z.strictObject({
  language: z.string().describe('folder in Hugging Face layout'),
  vision: z.string().describe('folder in Hugging Face layout'),
  adapter: z.string().nullable().optional().describe('folder of an adapter to start from; null: new ones'),
  projector: z.string().nullable().optional().describe('file of a projector to start from, beside new adapters'),
  storage: z
    .enum(BASE_STORAGES)
    .describe(
      'how the frozen matrices lie on the device; int8, int4 and nf4 with a scale for 64 neighbours, int8 also with a factor for outlier columns, nf4-dq with scales of 8 bits',
    ),
});

/** What becomes of an entry with a missing or broken picture, or of which nothing can be learnt. */
export const ON_BAD_ENTRY = ['fail', 'skip'] as const;

const data = z.strictObject({
  scenes: z
    .strictObject({ stage1: count, stage2: count, heldout: count, 'heldout-ask': count })
    .nullable()
    .describe('sizes of the embedded data set of handwritten digits; null: the files below'),
  withheldPairs: z
    .int()
    .min(0)
    .max(MOST_WITHHELD)
    .optional()
    .describe(
      'pairs of digit and colour that the embedded scenes are without, of 60; the set combinations asks of them',
    ),
  stage1: z.string().nullable().describe('data of stage 1: LLaVA JSON, JSON lines, Parquet or an image folder'),
  stage2: z.string().nullable().describe('data of stage 2, likewise'),
  heldOut: z.string().nullable().describe('held-out questions, likewise'),
  images: z.string().nullable().describe('folder that the image paths start from; an image folder is its own'),
  workers: count
    .nullable()
    .optional()
    .describe('threads that decode and prepare pictures; null: all cores but one, at most 8; 0: none'),
  onBadEntry: z
    .enum(ON_BAD_ENTRY)
    .describe(
      'fail: an entry that cannot be trained on ends the run; skip: it is left out and listed in skipped.jsonl',
    ),
});

const run = z.strictObject({
  checkpointEvery: count.describe('steps between checkpoints; 0: at the end of a stage only'),
  keep: positive.describe('checkpoints that stay on disk'),
  format: z.enum(TENSOR_FORMATS).describe('files of what was trained: safetensors, or PyTorch’s .bin as published'),
  questions: count.describe('held-out questions of the report'),
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

/** A run, resolved. */
export interface RunConfig extends Preset {
  readonly preset: PresetName;
  readonly seed: number;
  readonly base: Readonly<z.infer<typeof base>>;
  readonly data: Readonly<z.infer<typeof data>>;
  readonly run: Readonly<z.infer<typeof run>>;
}

/** A JSON schema of configuration files, for completion in editors. */
export const configJsonSchema = (): object => z.toJSONSchema(runConfigSchema, { target: 'draft-7' });
