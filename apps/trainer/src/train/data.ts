/**
 * @file What a run trains on and is judged by: the embedded scenes, written out as files first, or LLaVA JSON of one's
 * own.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@curio/engine';
import { checkImages, parseDataset } from '@curio/model';
import type { ImageSource, Sample, Scene } from '@curio/model';
import type { RunConfig } from '../config/schema.ts';
import { imageFolder } from '../data/decode.ts';
import type { PartName } from '../data/generate.ts';
import { fileOf, truthFileOf, writeDataset } from '../data/write.ts';
import { readJson } from '../run/files.ts';

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
  progress: (done: number, total: number) => void,
): Promise<RunData> {
  const { scenes } = config.data;
  return scenes ? openScenes(config, scenes, cache, progress) : openFiles(config);
}

async function openScenes(
  { seed, run }: RunConfig,
  sizes: NonNullable<RunConfig['data']['scenes']>,
  cache: string,
  progress: (done: number, total: number) => void,
): Promise<RunData> {
  const folder = join(cache, `scenes-${seed}-${Object.values(sizes).join('-')}`);
  if (!existsSync(folder)) writeDataset(folder, seed, sizes, progress);
  const images = imageFolder(join(folder, 'images'));
  const samples = (part: PartName): Sample[] =>
    parseDataset(readFileSync(join(folder, fileOf(part)), 'utf8'), fileOf(part));
  const truth = (part: PartName): Truth[] => readJson(join(folder, truthFileOf(part)), 'data') as Truth[];
  const kinds = truth('heldout').map((t) => t.kinds[0]!);
  const asked = truth('heldout-ask');
  return {
    images,
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

async function openFiles({ data, run }: RunConfig): Promise<RunData> {
  const images = imageFolder(data.images!);
  const open = async (path: string): Promise<Sample[]> => {
    if (!existsSync(path)) throw new DataError(`data: ${path} not found.`);
    const samples = parseDataset(readFileSync(path, 'utf8'), path);
    await checkImages(samples, images, path);
    return samples;
  };
  const heldOut = data.heldOut === null ? [] : (await open(data.heldOut)).filter(({ image }) => image !== undefined);
  return {
    images,
    stage1: await open(data.stage1!),
    stage2: await open(data.stage2!),
    questions: heldOut.slice(0, run.questions).map((sample) => toQuestion(sample, 'all')),
    scenes: heldOut.slice(0, run.askScenes).map(({ id, image }) => ({ id, image: image!, scene: null })),
  };
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
