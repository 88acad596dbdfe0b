/** @file Options shared by the commands that generate text. */
import { TEMPLATES } from '@curio/model';
import type { ReplyOptions, Request, TemplateName } from '@curio/model';
import { BASE_STORAGES } from '@curio/nn';
import { Option } from 'commander';
import type { Command } from 'commander';
import { collect, fraction, nonNegativeNumber, positiveInteger, wholeNumber } from '../config/option-values.ts';
import { ADAPTER, MODEL, VISION } from '../train/folders.ts';
import { MATRIX_UNITS } from '../train/matrix-units.ts';
import type { Talk, TalkOptions } from './open.ts';

export interface WritingOptions extends TalkOptions {
  readonly temperature: number;
  readonly topK: number;
  readonly topP?: number;
  /** Default: the model's own. */
  readonly maxNewTokens?: number;
  readonly stop: readonly string[];
  readonly template?: TemplateName;
  readonly aspect?: 'crop' | 'pad';
}

interface Defaults {
  readonly temperature: number;
  readonly maxNewTokens?: number;
}

/** Adds the options that choose the model and how its pictures are preprocessed. */
export const withModelOptions = (command: Command): Command =>
  command
    .option('--run <folder>', 'a finished run; default: the newest under runs/')
    .option('--model <folder>', `instead of a run: ${MODEL}`)
    .option('--vision <folder>', VISION)
    .option('--adapter <[name=]folder>', `${ADAPTER}; may be repeated, for several on one base`, collect)
    .addOption(
      new Option(
        '--storage <type>',
        'with --model, storage of the base on the device; default: as in its files',
      ).choices([...BASE_STORAGES]),
    )
    .addOption(
      new Option(
        '--aspect <how>',
        "pad: pad the picture to a square; crop: crop its centre; default: the model's own for a question, else crop, as published",
      ).choices(['pad', 'crop']),
    )
    .option('--matrix-units', MATRIX_UNITS);

/** Chat templates; `plain` is that of stage 1, which has no conversations. */
export const templateOption = (otherwise: string): Option =>
  new Option('--template <name>', `chat template; default: ${otherwise}`).choices(
    Object.keys(TEMPLATES).filter((name) => name !== 'plain'),
  );

/** Adds the options of all commands that generate text. */
export const withWritingOptions = (command: Command, { temperature, maxNewTokens }: Defaults): Command =>
  withModelOptions(command)
    .option('--temperature <t>', 'sampling temperature; 0: greedy', nonNegativeNumber, temperature)
    .option('--top-k <n>', 'sample from the n most likely tokens; 0: from all', wholeNumber, 50)
    .option(
      '--top-p <p>',
      "sample from the most likely tokens that together reach p; default: the base's own, else 1",
      fraction,
    )
    .option('--max-new-tokens <n>', 'maximum tokens per answer', positiveInteger, maxNewTokens)
    .option('--stop <text>', 'end an answer before this text; may be repeated', collect, [])
    .addOption(templateOption("the model's own, else v1 for a question and v1_sq for --self, as published"))
    .option('--seed <n>', 'seed for sampling', wholeNumber, 1);

/** Generation options from command-line options. */
export const replyOptions = (
  { temperature, topK, topP, maxNewTokens, seed, template }: WritingOptions,
  talk: Pick<Talk, 'topP' | 'ask'>,
): Omit<ReplyOptions, 'onText' | 'onReply'> => ({
  ...{ temperature, seed, template },
  maxNewTokens: maxNewTokens ?? talk.ask.maxAnswer,
  topK: topK === 0 ? undefined : topK,
  topP: topP ?? talk.topP,
});

/** The request for one question, with or without a picture. */
export const question = (text: string, pixels: Float32Array | null, stop: readonly string[]): Request => ({
  pixels,
  stop,
  messages: [
    { role: 'human', text: pixels ? `<image>\n${text}` : text },
    { role: 'gpt', text: null },
  ],
});
