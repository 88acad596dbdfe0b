import { ConfigError } from '@curio/engine';
import type { AskConfig, SelfQuestioning, TalkPart } from '@curio/model';
import { Command } from 'commander';
import { positiveInteger } from '../config/option-values.ts';
import { PICTURE_KINDS, readImage } from '../data/decode.ts';
import { OrderedOutput } from '../talk/ordered-output.ts';
import { openTalk, requireOneModel } from '../talk/open.ts';
import type { Talk } from '../talk/open.ts';
import { question as aboutPicture, replyOptions, withWritingOptions } from '../talk/options.ts';
import type { WritingOptions } from '../talk/options.ts';

interface Options extends WritingOptions {
  readonly self?: number;
  readonly sq?: number;
  readonly candidates?: number;
  readonly json?: boolean;
}

/** `curio ask`: a question about an image, or the questions that the model asks itself about it. */
export function askCommand(): Command {
  return withWritingOptions(new Command('ask'), { temperature: 0 })
    .description('ask a trained model about an image, or let it ask itself')
    .argument('<image>', PICTURE_KINDS)
    .argument('[question]', 'such as "what color is the seven ?"')
    .option('--self <n>', 'let the model describe the image, ask n questions and answer them', positiveInteger)
    .option(
      '--sq <n>',
      'the same before your question, which is then answered with those turns in its context',
      positiveInteger,
    )
    .option(
      '--candidates <n>',
      'with --self or --sq: sample n candidates per question and keep the one answered with most confidence',
      positiveInteger,
    )
    .option('--json', 'print one line of JSON instead of streaming text')
    .action(async (image: string, question: string | undefined, options: Options) => {
      const { self, sq, candidates } = options;
      if ((question === undefined) === (self === undefined))
        throw new ConfigError('ask: give either a question or --self n, which lets the model ask.');
      if (self !== undefined && sq !== undefined)
        throw new ConfigError(`ask: --sq ${sq} needs a question and --self ${self} has none; give one of the two.`);
      if (candidates !== undefined && self === undefined && sq === undefined)
        throw new ConfigError(
          `ask: --candidates ${candidates} is given, but the model asks no questions of its own; add --self n or --sq n.`,
        );
      requireOneModel('ask', options);
      const picture = await readImage(image);
      const talk = await openTalk('ask', options, self === undefined ? 'question' : 'self-question');
      try {
        const pixels = talk.prepare(picture, options.aspect);
        const write = options.json ? () => {} : (text: string): void => void process.stdout.write(text);
        const said =
          question === undefined
            ? await askItself(talk, pixels, self!, options, write)
            : sq === undefined
              ? await answer(talk, pixels, question, options, write)
              : await answerAfterQuestions(talk, pixels, question, sq, options, write);
        if (options.json) console.log(JSON.stringify({ image, question, ...said }));
      } finally {
        talk.close();
      }
    });
}

type Write = (text: string) => void;

async function answer(talk: Talk, pixels: Float32Array, question: string, options: Options, write: Write) {
  const [reply] = await talk.speaker.write([aboutPicture(question, pixels, options.stop)], {
    ...replyOptions(options, talk),
    onText: (_, __, piece) => write(piece),
  });
  write('\n');
  const { text, finish, promptTokens, newTokens } = reply!;
  return { answer: text, finish, promptTokens, newTokens };
}

async function askItself(
  talk: Talk,
  pixels: Float32Array,
  questions: number,
  { maxNewTokens, template, seed, candidates }: Options,
  write: Write,
): Promise<SelfQuestioning> {
  const ask: AskConfig = { ...askConfigOf(talk, questions, candidates), maxAnswer: maxNewTokens ?? talk.ask.maxAnswer };
  const shown = new OrderedOutput(write, ['', ...Array.from({ length: questions }, () => ['\n\n? ', '\n  ']).flat()]);
  const [said] = await talk.speaker.selfQuestion([pixels], ask, seed, {
    template,
    onText: (part, index, text) => shown.update(slotOf(part, index), text),
    onEnd: (part, index) => shown.finish(slotOf(part, index)),
  });
  write('\n');
  return said!;
}

async function answerAfterQuestions(
  talk: Talk,
  pixels: Float32Array,
  question: string,
  questions: number,
  options: Options,
  write: Write,
): Promise<SelfQuestioning & { readonly answer: string }> {
  const ask = askConfigOf(talk, questions, options.candidates);
  const prefixes = ['', ...Array.from({ length: questions }, () => ['\n\n? ', '\n  ']).flat()];
  const shown = new OrderedOutput(write, [...prefixes, `\n\n> ${question}\n  `]);
  const [said] = await talk.speaker.answerAfterQuestions(
    [{ pixels, question, stop: options.stop }],
    ask,
    options.seed,
    {
      ...replyOptions(options, talk),
      onText: (part, index, text) =>
        shown.update(
          part === 'answer' ? prefixes.length : slotOf(part === 'self-answer' ? 'answer' : part, index),
          text,
        ),
      onEnd: (part, index) => shown.finish(slotOf(part, index)),
    },
  );
  write('\n');
  return said!;
}

const askConfigOf = ({ ask }: Talk, questions: number, candidates = ask.candidates): AskConfig => ({
  ...ask,
  questions,
  candidates,
});

/** The description first, then each question with its answer. */
const slotOf = (part: TalkPart, index: number): number =>
  part === 'description' ? 0 : 1 + 2 * index + Number(part === 'answer');
