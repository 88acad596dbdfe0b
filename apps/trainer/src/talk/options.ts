/** @file The options of commands that write text, and what they mean. */
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

/** Adds what says which model answers, and how pictures reach it. */
export const withModelOptions = (command: Command): Command =>
  command
    .option('--run <folder>', 'a finished run; default: the newest under runs/')
    .option('--model <folder>', `in place of a run: ${MODEL}`)
    .option('--vision <folder>', VISION)
    .option('--adapter <[name=]folder>', `${ADAPTER}; given again, another on the same base`, collect)
    .addOption(
      new Option('--storage <type>', 'how the base lies on the device with --model; default: as in its files').choices([
        ...BASE_STORAGES,
      ]),
    )
    .addOption(
      new Option(
        '--aspect <how>',
        "pad: the whole picture on a square; crop: its middle; default: the model's own for a question, else crop, as published",
      ).choices(['pad', 'crop']),
    )
    .option('--matrix-units', MATRIX_UNITS);

/** Chat templates; `plain` is that of the first stage, which holds no conversation. */
export const templateOption = (otherwise: string): Option =>
  new Option('--template <name>', `chat template; default: ${otherwise}`).choices(
    Object.keys(TEMPLATES).filter((name) => name !== 'plain'),
  );

/** Adds the options that all commands take that write text. */
export const withWritingOptions = (command: Command, { temperature, maxNewTokens }: Defaults): Command =>
  withModelOptions(command)
    .option('--temperature <t>', '0 takes the likeliest word each time, more draws', nonNegativeNumber, temperature)
    .option('--top-k <n>', 'draw among the n likeliest words; 0: all', wholeNumber, 50)
    .option(
      '--top-p <p>',
      "draw among the likeliest words that first reach p; default: the base's own, else 1",
      fraction,
    )
    .option('--max-new-tokens <n>', 'most tokens of an answer', positiveInteger, maxNewTokens)
    .option('--stop <text>', 'end an answer before this text; may be given again', collect, [])
    .addOption(templateOption("the model's own, else v1 for a question and v1_sq for --self, as published"))
    .option('--seed <n>', 'seed of what it draws', wholeNumber, 1);

/** The settings of a call. */
export const replyOptions = (
  { temperature, topK, topP, maxNewTokens, seed, template }: WritingOptions,
  talk: Pick<Talk, 'topP' | 'ask'>,
): Omit<ReplyOptions, 'onText' | 'onReply'> => ({
  ...{ temperature, seed, template },
  maxNewTokens: maxNewTokens ?? talk.ask.maxAnswer,
  topK: topK === 0 ? undefined : topK,
  topP: topP ?? talk.topP,
});

/** A question about a picture, or without one. */
export const question = (text: string, pixels: Float32Array | null, stop: readonly string[]): Request => ({
  pixels,
  stop,
  messages: [
    { role: 'human', text: pixels ? `<image>\n${text}` : text },
    { role: 'gpt', text: null },
  ],
});
