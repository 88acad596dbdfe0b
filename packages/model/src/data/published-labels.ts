/**
 * @file Labels as the published code finds them: by searching the rendered text for role names. It leaks loss where an
 * answer holds a role name and loses whole samples by its count of ids; docs/sq-llava.md 2.5 and 7.1, quirk 12. For
 * runs that must repeat its numbers; all others take labels from the boundaries of messages (conversation.ts).
 */
import { ConfigError } from '@curio/engine';
import type { ModelConfig, StageConfig, TrainConfig } from '../config.ts';
import type { Message, Template } from './conversation.ts';
import { IGNORE, IMAGE_TAG, type Tokens } from './tokens.ts';

/** The two procedures: `v1` knows questions and answers, `v1_sq` self-questions too. */
export type PublishedRule = 'v1' | 'v1_sq';

/**
 * The procedure that a stage's labels are found by; null: by message boundaries.
 * @throws ConfigError where the published code has no such stage
 */
export function publishedRule(
  { template, vusr }: Pick<ModelConfig, 'template' | 'vusr'>,
  { labelMasks }: Pick<TrainConfig, 'labelMasks'>,
  stage: Pick<StageConfig, 'template' | 'sqR'>,
): PublishedRule | null {
  if (labelMasks === 'messages' || stage.template === 'plain') return null;
  if (vusr === 'token')
    throw new ConfigError(
      "config: train.labelMasks is 'published' and model.vusr is 'token'; the published code knows only the role VUSER: (model.vusr=role).",
    );
  if (template !== 'v1' && template !== 'llava_v1') return 'v1_sq';
  if (stage.sqR > 0)
    throw new ConfigError(
      `config: train.labelMasks is 'published', model.template is '${template}' and sqR ${stage.sqR}; the published code draws self-questions only under v1_sq, so sqR must be 0.`,
    );
  return 'v1';
}

/** The text of turns: separators by their place, even where roles are out of turn. */
function render({ system, separator, end, roles }: Template, turns: readonly Message[]): string {
  const said = turns.map(({ role, text }, i) => {
    const own = role === 'vuser' ? end : '';
    return `${roles[role]} ${text}${own}${i % 2 === 0 ? separator : end}`;
  });
  return (system === '' ? '' : system + separator) + said.join('');
}

interface Options {
  readonly rule: PublishedRule;
  readonly hasImage: boolean;
  /** A text's ids are truncated to this many before they are counted, an image's are not. */
  readonly maxLength: number;
}

/** Ids and labels of a conversation, as `preprocess_v1` and `preprocess_v1_sq2` of the published code make them. */
export function encodeAsPublished(
  tokens: Tokens,
  template: Template,
  turns: readonly Message[],
  { rule, hasImage, maxLength }: Options,
): { ids: number[]; labels: number[] } {
  const idsOf = (text: string): number[] =>
    hasImage ? tokens.encodePrompt(text) : [tokens.bos, ...tokens.encode(text)];
  // The first answer of a conversation that begins with one is left out by `v1` alone.
  const shown = rule === 'v1' && turns[0]?.role === 'gpt' ? turns.slice(1) : turns;
  const text = render(template, shown);
  const ids = hasImage ? idsOf(text) : idsOf(text).slice(0, maxLength);
  const labels = [...ids];
  const mask = (from: number, to: number): void => void labels.fill(IGNORE, from, Math.max(from, to));
  const answer = `${template.separator}${template.roles.gpt} `;
  // Without the beginning and the space at the end, which the next word takes.
  const within = (prefix: string): number => idsOf(prefix).length - 2;
  let at = 1;
  mask(0, at);
  for (const [i, round] of text.split(template.end).entries()) {
    if (round === '') break;
    const parts = round.split(answer);
    if (parts.length === 2) mask(at, at + within(parts[0] + answer));
    else if (rule === 'v1') break;
    else if (i === 0 && hasImage) {
      const tag = `${IMAGE_TAG}\n`;
      mask(at, at + idsOf(round.split(tag)[0] + tag).length);
    } else mask(at, at + within(`${template.roles.vuser} `));
    // Its own beginning counts for the `</s>` that was cut off.
    at += idsOf(round).length;
  }
  mask(at, labels.length);
  if (at < maxLength && at !== ids.filter((id) => id !== tokens.pad).length) labels.fill(IGNORE);
  return { ids: ids.slice(0, maxLength), labels: labels.slice(0, maxLength) };
}
