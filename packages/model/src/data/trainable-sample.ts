/** @file Whether a stage can learn from a sample, told before the first step. */
import type { StageConfig, TrainConfig } from '../config.ts';
import { encodeSample } from './batch.ts';
import { renderConversation } from './conversation.ts';
import type { Template } from './conversation.ts';
import type { Sample } from './dataset.ts';
import { IGNORE } from './tokens.ts';
import type { Tokens } from './tokens.ts';

/** Ids that a text takes beside one for each of its bytes: `<s>`, and prefixes at the boundaries of its parts. */
const BESIDE = 16;

/**
 * Why a stage learns nothing from a sample, as the end of a sentence; null where it does. A stage with the template
 * plain needs an image, and every other the beginning of an answer within `maxLength` ids.
 * @param template the model's chat template, for stages that take it
 */
export function whyNotTrainable(
  sample: Sample,
  tokens: Tokens,
  stage: Pick<StageConfig, 'template'>,
  { maxLength }: Pick<TrainConfig, 'maxLength'>,
  template: Template,
): string | null {
  if (stage.template === 'plain' && sample.image === undefined)
    return 'it has no image, and a stage with the template plain learns the captions of images';
  // No encoding has more ids than bytes, so short samples need not be encoded.
  const question = stage.template === 'plain' ? '' : renderConversation(template, sample.messages.slice(0, 1));
  if (new TextEncoder().encode(question).length + BESIDE < maxLength) return null;
  const chosen = stage.template === 'plain' ? 'plain' : template;
  const { labels } = encodeSample(tokens, sample, { template: chosen, maxLength: Infinity });
  const first = labels.findIndex((label, i) => i > 0 && label !== IGNORE);
  if (first < 0) return 'no id of it carries a label';
  return first < maxLength
    ? null
    : `its first answer begins at id ${first}, and train.maxLength cuts it at ${maxLength}`;
}
