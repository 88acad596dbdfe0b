/** @file Lets the model ask itself questions about each picture of a folder; docs/sq-llava.md 5.2. */
import { readdirSync, statSync } from 'node:fs';
import { extname, join, sep } from 'node:path';
import { DataError } from '@curio/engine';
import { readImage } from '../data/decode.ts';
import { withFile } from '../disk/system-error.ts';
import type { Talk } from './open.ts';
import type { WritingOptions } from './options.ts';
import type { FileQuestion } from './questions-file.ts';

/** File name extensions of readable pictures. */
const PICTURES = ['png', 'jpg', 'jpeg', 'webp', 'gif', 'avif', 'tif', 'tiff', 'bmp', 'pbm', 'pgm', 'ppm', 'pnm', 'pam'];

/**
 * The pictures of a folder and its subfolders, sorted by name.
 * @throws DataError if it is not a folder or has no pictures
 */
export function picturesOf(folder: string): (FileQuestion & { readonly image: string })[] {
  if (!withFile(folder, () => statSync(folder, { throwIfNoEntry: false }))?.isDirectory())
    throw new DataError(`batch: '${folder}' is not a folder; --self needs a folder of pictures.`);
  const names = withFile(folder, () => readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    .map((name) => name.split(sep).join('/'))
    .filter((name) => PICTURES.includes(extname(name).slice(1).toLowerCase()) && !/(^|\/)\./.test(name))
    .sort();
  if (names.length === 0)
    throw new DataError(`batch: ${folder} has no pictures; it must have at least one (${PICTURES.join(', ')}).`);
  return names.map((name) => ({ id: name, text: '', image: join(folder, name) }));
}

/** What the model said about a picture, in the fields of the published visual_qa. */
export interface SelfAsked {
  /** The request to describe it, and the description. */
  readonly sampler: readonly [prompt: string, description: string];
  /** The model's questions, each with its answer. */
  readonly dialogues: readonly (readonly [question: string, answer: string])[];
}

/** Processes `pictures` from index `from` on; sampling depends only on a picture's index and the seed. */
export async function askAboutEach(
  pictures: ReturnType<typeof picturesOf>,
  from: number,
  {
    talk,
    options: { aspect, template, seed, maxNewTokens },
    questions,
    signal,
    onAsked,
  }: {
    readonly talk: Talk;
    readonly options: Pick<WritingOptions, 'aspect' | 'template' | 'seed' | 'maxNewTokens'>;
    /** Questions per picture. */
    readonly questions: number;
    readonly signal: AbortSignal;
    readonly onAsked: (index: number, said: SelfAsked) => void;
  },
): Promise<void> {
  const ask = { ...talk.ask, questions, maxAnswer: maxNewTokens ?? talk.ask.maxAnswer };
  for (let i = from; i < pictures.length && !signal.aborted; i++) {
    const pixels = talk.prepare(await readImage(pictures[i]!.image), aspect);
    const [said] = await talk.speaker.selfQuestion([pixels], ask, seed + i, { template, signal });
    if (signal.aborted) return;
    onAsked(i, {
      sampler: [ask.describePrompt, said!.description],
      dialogues: said!.asked.map(({ question, answer }) => [question, answer] as const),
    });
  }
}
