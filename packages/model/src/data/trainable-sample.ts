/** @file Whether a stage can learn from a sample, decided before the first step. */
import type { StageConfig, TrainConfig } from '../config.ts';
import { encodeSample } from './batch.ts';
import { renderConversation } from './conversation.ts';
import type { Template } from './conversation.ts';
import type { Sample } from './dataset.ts';
import { IGNORE, IMAGE_TAG } from './tokens.ts';
import type { Tokens } from './tokens.ts';

/** Ids of a text in addition to one per byte: `<s>`, and prefixes at the boundaries of its parts. */
const BESIDE = 16;

/** What of a sample decides in nearly every case. */
export interface SampleFacts {
  /** UTF-8 bytes of the first question. */
  readonly questionBytes: number;
  /** One image, shown by the first of two turns. */
  readonly isCaption: boolean;
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

export const factsOf = ({ images, messages }: Sample): SampleFacts => ({
  questionBytes: bytesOf(messages[0]!.text!),
  isCaption: images.length === 1 && messages.length === 2 && messages[0]!.text!.includes(IMAGE_TAG),
});

/** Whether a sample is certainly trainable, without encoding it: no encoding has more ids than bytes. */
export function isSurelyTrainable(
  { questionBytes, isCaption }: SampleFacts,
  stage: Pick<StageConfig, 'template'>,
  { maxLength }: Pick<TrainConfig, 'maxLength'>,
  template: Template,
): boolean {
  if (stage.template === 'plain') return isCaption && BESIDE < maxLength;
  const around = bytesOf(renderConversation(template, [{ role: 'human', text: '' }]));
  return questionBytes + around + BESIDE < maxLength;
}

/**
 * Why a stage learns nothing from a sample, as the end of a sentence; null if it does. A stage with the template
 * `plain` needs an image, any other the beginning of an answer within `maxLength` ids.
 * @param template the model's chat template, for stages that take it
 */
export function whyNotTrainable(
  sample: Sample,
  tokens: Tokens,
  stage: Pick<StageConfig, 'template'>,
  { maxLength }: Pick<TrainConfig, 'maxLength'>,
  template: Template,
): string | null {
  if (isSurelyTrainable(factsOf(sample), stage, { maxLength }, template)) return null;
  if (stage.template === 'plain') {
    if (sample.images.length === 0)
      return 'it has no image, and a stage with the template plain learns the captions of images';
    if (sample.images.length > 1 || sample.messages.length !== 2)
      return `it has ${sample.images.length} images and ${sample.messages.length} turns, and a stage with the template plain learns an image and its caption`;
    if (!sample.messages[0]!.text!.includes(IMAGE_TAG))
      return 'its question does not say <image>, and a stage with the template plain learns the captions of images';
  }
  const chosen = stage.template === 'plain' ? 'plain' : template;
  const { labels } = encodeSample(tokens, sample, { template: chosen, maxLength: Infinity });
  const first = labels.findIndex((label, i) => i > 0 && label !== IGNORE);
  if (first < 0) return 'no id of it carries a label';
  return first < maxLength
    ? null
    : `its first answer begins at id ${first}, and train.maxLength cuts it at ${maxLength}`;
}
