/**
 * @file What a run trains on and is judged by: the embedded scenes, written out as files first, or LLaVA JSON of one's
 * own.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@curio/engine';
import { parseDataset, templateOf, whyNotTrainable } from '@curio/model';
import type { ImageSource, Sample, StageName, Tokens } from '@curio/model';
import type { Scene } from '@curio/scenes';
import type { RunConfig } from '../config/schema.ts';
import { imageFolder } from '../data/decode.ts';
import type { PartName } from '../data/generate.ts';
import { fileOf, truthFileOf, writeDataset } from '../data/write.ts';
import { isFolder, readJson, readText } from '../run/files.ts';
import { asReason } from './bad-entries.ts';
import type { BadEntries } from './bad-entries.ts';

/** A held-out question with its right answer. `kind` is `all` where no truth is known. */
export interface HeldOutQuestion {
  readonly kind: string;
  readonly image: string;
  readonly question: string;
  readonly expected: string;
}

/** A held-out picture to ask about, with its truth where known. */
export interface HeldOutScene {
  readonly id: string;
  readonly image: string;
  readonly scene: Scene | null;
}

export interface RunData {
  readonly images: ImageSource;
  readonly stage1: readonly Sample[];
  readonly stage2: readonly Sample[];
  readonly questions: readonly HeldOutQuestion[];
  readonly scenes: readonly HeldOutScene[];
  /** How errors call the file of each stage. */
  readonly files: Readonly<Record<StageName, string>>;
}

interface Truth {
  readonly id: string;
  readonly scene: Scene;
  readonly kinds: readonly string[];
}

/** Opens the data of a configuration; the embedded scenes are generated under `cache` when they are not there yet. */
export async function openRunData(
  config: RunConfig,
  cache: string,
  bad: BadEntries,
  progress: (done: number, total: number) => void,
): Promise<RunData> {
  const { scenes } = config.data;
  return scenes ? openScenes(config, scenes, cache, progress) : openFiles(config, bad);
}

/**
 * The data without what a stage cannot learn from.
 * @throws DataError for the first such entry under the policy fail, and for a file of nothing else
 */
export function trainableData(data: RunData, { model, train }: RunConfig, tokens: Tokens, bad: BadEntries): RunData {
  const template = templateOf(model);
  const of = (stage: StageName): readonly Sample[] => {
    if (train[stage].steps === 0) return data[stage];
    const file = data.files[stage];
    const kept = data[stage].filter((sample) => {
      const why = whyNotTrainable(sample, tokens, train[stage], train, template);
      if (why !== null) bad.refuse(file, sample, why);
      return why === null;
    });
    if (kept.length === 0)
      throw new DataError(`data: ${file}: no entry is left for train.${stage}; it needs at least one.`);
    return kept;
  };
  return { ...data, stage1: of('stage1'), stage2: of('stage2') };
}

/** The embedded scenes, as `openRunData` has them. */
export async function openScenes(
  { seed, run }: Pick<RunConfig, 'seed' | 'run'>,
  sizes: NonNullable<RunConfig['data']['scenes']>,
  cache: string,
  progress: (done: number, total: number) => void,
): Promise<RunData> {
  const folder = join(cache, `scenes-${seed}-${Object.values(sizes).join('-')}`);
  if (!existsSync(folder)) writeDataset(folder, seed, sizes, progress);
  const images = imageFolder(join(folder, 'images'));
  const samples = (part: PartName): Sample[] =>
    sizes[part] === 0 ? [] : parseDataset(readText(join(folder, fileOf(part)), 'data'), fileOf(part));
  const truth = (part: PartName): Truth[] => readJson(join(folder, truthFileOf(part)), 'data') as Truth[];
  const kinds = truth('heldout').map((t) => t.kinds[0]!);
  const asked = truth('heldout-ask');
  return {
    images,
    files: { stage1: join(folder, fileOf('stage1')), stage2: join(folder, fileOf('stage2')) },
    stage1: samples('stage1'),
    stage2: samples('stage2'),
    questions: samples('heldout')
      .slice(0, run.questions)
      .map((sample, i) => toQuestion(sample, kinds[i]!)),
    scenes: samples('heldout-ask')
      .slice(0, run.askScenes)
      .map(({ id, image }, i) => ({ id, image: image!, scene: asked[i]!.scene })),
  };
}

async function openFiles({ data, run }: RunConfig, bad: BadEntries): Promise<RunData> {
  if (!isFolder(data.images!))
    throw new DataError(
      `data: data.images is '${data.images}', which is no folder; the paths of images start from it.`,
    );
  const images = imageFolder(data.images!);
  const open = async (path: string): Promise<Sample[]> => {
    const samples: Sample[] = [];
    for (const sample of parseDataset(readText(path, 'data'), path)) {
      if (sample.image === undefined || (await images.has(sample.image))) samples.push(sample);
      else bad.refuse(path, sample, `image '${sample.image}' not found under ${images.name}`);
    }
    return samples;
  };
  const asked = Math.max(run.questions, run.askScenes);
  const heldOut: Sample[] = [];
  for (const sample of data.heldOut === null ? [] : await open(data.heldOut)) {
    if (heldOut.length === asked) break;
    // Read once now: some are looked at only after the training.
    if (sample.image !== undefined && (await readable(images, sample, data.heldOut!, bad))) heldOut.push(sample);
  }
  return {
    images,
    files: { stage1: data.stage1!, stage2: data.stage2! },
    stage1: await open(data.stage1!),
    stage2: await open(data.stage2!),
    questions: heldOut.slice(0, run.questions).map((sample) => toQuestion(sample, 'all')),
    scenes: heldOut.slice(0, run.askScenes).map(({ id, image }) => ({ id, image: image!, scene: null })),
  };
}

async function readable(images: ImageSource, sample: Sample, file: string, bad: BadEntries): Promise<boolean> {
  try {
    await images.read(sample.image!);
    return true;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    bad.refuse(file, sample, asReason(error));
    return false;
  }
}

/** The first question of a sample; the image tag is put back when it is asked. */
function toQuestion({ image, messages }: Sample, kind: string): HeldOutQuestion {
  return {
    kind,
    image: image!,
    question: messages[0]!.text!.replace('<image>', '').trim(),
    expected: messages[1]!.text!,
  };
}
