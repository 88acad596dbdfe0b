/**
 * @file Training and held-out data of a run: the embedded scenes, which are written as files first, or the user's own.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@curio/engine';
import { chooseSamples, isSurelyTrainable, templateOf, whyNotTrainable } from '@curio/model';
import type { EntrySamples, Sample, Samples, StageName, Tokens } from '@curio/model';
import type { Scene } from '@curio/scenes';
import type { RunConfig } from '../config/schema.ts';
import type { PartName } from '../data/generate.ts';
import type { PlacedImages } from '../data/decode.ts';
import { openSet } from '../data/open-set.ts';
import type { OpenedSet } from '../data/open-set.ts';
import { DATASET_VERSION, fileOf, truthFileOf, writeDataset } from '../data/write.ts';
import { readJson } from '../run/files.ts';
import { asReason } from './bad-entries.ts';
import type { BadEntries } from './bad-entries.ts';

/** A held-out question with its expected answer. `kind` is `all` without ground truth. */
export interface HeldOutQuestion {
  readonly id: string;
  readonly kind: string;
  readonly image: string;
  readonly question: string;
  readonly expected: string;
}

/** A held-out picture to ask about, with its ground truth if there is any. */
export interface HeldOutScene {
  readonly id: string;
  readonly image: string;
  readonly scene: Scene | null;
}

export interface RunData {
  readonly stage1: Samples;
  readonly stage2: Samples;
  readonly questions: readonly HeldOutQuestion[];
  readonly scenes: readonly HeldOutScene[];
  /** Pictures of each stage, and of the held-out questions and scenes. */
  readonly images: Readonly<Record<StageName | 'heldOut', PlacedImages>>;
  /** Name of each stage's file in errors. */
  readonly files: Readonly<Record<StageName, string>>;
}

/** Called while scenes are drawn or a large file is scanned. */
type Progress = (done: number, total: number) => void;

interface Truth {
  readonly id: string;
  readonly scene: Scene;
  readonly kinds: readonly string[];
}

/** Opens the data of a configuration; the embedded scenes are generated under `cache` unless they exist. */
export async function openRunData(
  config: RunConfig,
  cache: string,
  bad: BadEntries,
  progress: Progress,
): Promise<RunData> {
  const { scenes } = config.data;
  return scenes ? openScenes(config, scenes, cache, progress) : openFiles(config, bad, progress);
}

/**
 * The data without entries that a stage cannot learn from.
 * @throws DataError for the first such entry under the policy fail, and for a file that has no others
 */
export async function trainableData(
  data: RunData,
  { model, train }: RunConfig,
  tokens: Tokens,
  bad: BadEntries,
): Promise<RunData> {
  const template = templateOf(model);
  const of = async (stage: StageName): Promise<Samples> => {
    const samples = data[stage] as EntrySamples;
    if (train[stage].steps === 0) return samples;
    const file = data.files[stage];
    const kept: number[] = [];
    for (let i = 0; i < samples.length; i++) {
      const isSure = isSurelyTrainable(samples.facts(i), train[stage], train, template);
      const sample = isSure ? null : await samples.read(i);
      const why = sample && whyNotTrainable(sample, tokens, train[stage], train, template);
      if (why === null) kept.push(i);
      else bad.refuse(file, sample!, why);
    }
    if (kept.length === 0)
      throw new DataError(`data: ${file}: no entry is left for train.${stage}; it needs at least one.`);
    return kept.length === samples.length ? samples : chooseSamples(samples, kept);
  };
  return { ...data, stage1: await of('stage1'), stage2: await of('stage2') };
}

/** The embedded scenes, as `openRunData` has them. */
export async function openScenes(
  { seed, run, data }: Pick<RunConfig, 'seed' | 'run' | 'data'>,
  sizes: NonNullable<RunConfig['data']['scenes']>,
  cache: string,
  progress: Progress,
): Promise<RunData> {
  const { withheldPairs = 0 } = data;
  const without = withheldPairs === 0 ? '' : `-without-${withheldPairs}`;
  const folder = join(cache, `scenes-v${DATASET_VERSION}-${seed}-${Object.values(sizes).join('-')}${without}`);
  if (!existsSync(folder)) writeDataset(folder, seed, sizes, progress, withheldPairs);
  const set = (part: PartName): Promise<OpenedSet> => openSet(join(folder, fileOf(part)), join(folder, 'images'));
  const truth = (part: PartName): Truth[] => readJson(join(folder, truthFileOf(part)), 'data') as Truth[];
  const samples = async (part: PartName, most = Infinity): Promise<Sample[]> =>
    sizes[part] === 0 ? [] : readAll((await set(part)).samples, most);
  const kinds = truth('heldout').map((t) => t.kinds[0]!);
  const asked = truth('heldout-ask');
  const [stage1, stage2] = [await set('stage1'), await set('stage2')];
  return {
    images: { stage1: stage1.images, stage2: stage2.images, heldOut: stage1.images },
    files: { stage1: join(folder, fileOf('stage1')), stage2: join(folder, fileOf('stage2')) },
    stage1: stage1.samples,
    stage2: stage2.samples,
    questions: (await samples('heldout', run.questions)).map((sample, i) => toQuestion(sample, kinds[i]!)),
    scenes: (await samples('heldout-ask', run.askScenes)).map(({ id, images }, i) => ({
      id,
      image: images[0]!,
      scene: asked[i]!.scene,
    })),
  };
}

const readAll = (samples: Samples, most: number): Promise<Sample[]> =>
  Promise.all(Array.from({ length: Math.min(samples.length, most) }, (_, i) => samples.read(i)));

async function openFiles({ data, run }: RunConfig, bad: BadEntries, progress: Progress): Promise<RunData> {
  const open = async (path: string): Promise<OpenedSet> => {
    const set = await openSet(path, data.images, progress);
    for await (const { entry, id, reason } of set.samples.faults()) bad.refuse(set.samples.file, { entry, id }, reason);
    return set;
  };
  const asked = Math.max(run.questions, run.askScenes);
  const heldOut: Sample[] = [];
  const held = data.heldOut === null ? null : await open(data.heldOut);
  for (let i = 0; held !== null && i < held.samples.length && heldOut.length < asked; i++) {
    const sample = await held.samples.read(i);
    if (sample.images.length > 1)
      bad.refuse(
        held.samples.file,
        sample,
        `it has ${sample.images.length} images, and a held-out question is about one`,
      );
    // Decode each once now, since some are used only after the training.
    else if (sample.images.length === 1 && (await readable(held, sample, bad))) heldOut.push(sample);
  }
  const [stage1, stage2] = [await open(data.stage1!), await open(data.stage2!)];
  return {
    images: { stage1: stage1.images, stage2: stage2.images, heldOut: held?.images ?? stage1.images },
    files: { stage1: stage1.samples.file, stage2: stage2.samples.file },
    stage1: stage1.samples,
    stage2: stage2.samples,
    questions: heldOut.slice(0, run.questions).map((sample) => toQuestion(sample, 'all')),
    scenes: heldOut.slice(0, run.askScenes).map(({ id, images }) => ({ id, image: images[0]!, scene: null })),
  };
}

async function readable({ samples, images }: OpenedSet, sample: Sample, bad: BadEntries): Promise<boolean> {
  try {
    await images.read(sample.images[0]!);
    return true;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    bad.refuse(samples.file, sample, asReason(error));
    return false;
  }
}

/** The first question of a sample, without the image tag, which is added back when it is asked. */
function toQuestion({ id, images, messages }: Sample, kind: string): HeldOutQuestion {
  return {
    id,
    kind,
    image: images[0]!,
    question: messages[0]!.text!.replace('<image>', '').trim(),
    expected: messages[1]!.text!,
  };
}
