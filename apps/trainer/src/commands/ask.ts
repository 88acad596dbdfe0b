import { ConfigError } from '@curio/engine';
import type { AskConfig, SelfQuestioning, TalkPart } from '@curio/model';
import { Command } from 'commander';
import { positiveInteger } from '../config/option-values.ts';
import { PICTURE_KINDS, readImage } from '../data/decode.ts';
import { InOrder } from '../talk/in-order.ts';
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
      'the same before the question, which it then answers with what it said in mind',
      positiveInteger,
    )
    .option(
      '--candidates <n>',
      'with --self or --sq: draw n questions in place of each and keep the one that it answers most surely',
      positiveInteger,
    )
    .option('--json', 'one line of JSON instead of text that comes as it is written')
    .action(async (image: string, question: string | undefined, options: Options) => {
      const { self, sq, candidates } = options;
      if ((question === undefined) === (self === undefined))
        throw new ConfigError('ask: give a question, or --self n to let the model ask; one of the two.');
      if (self !== undefined && sq !== undefined)
        throw new ConfigError(
          `ask: --sq ${sq} goes before a question and --self ${self} has none; give one of the two.`,
        );
      if (candidates !== undefined && self === undefined && sq === undefined)
        throw new ConfigError(
          `ask: --candidates ${candidates} is about questions of its own, and none are asked; add --self n or --sq n.`,
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
  const ask: AskConfig = { ...askingOf(talk, questions, candidates), maxAnswer: maxNewTokens ?? talk.ask.maxAnswer };
  const shown = new InOrder(write, ['', ...Array.from({ length: questions }, () => ['\n\n? ', '\n  ']).flat()]);
  const [said] = await talk.speaker.selfQuestion([pixels], ask, seed, {
    template,
    onText: (part, index, text) => shown.grow(placeOf(part, index), text),
    onEnd: (part, index) => shown.end(placeOf(part, index)),
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
  const ask = askingOf(talk, questions, options.candidates);
  const before = ['', ...Array.from({ length: questions }, () => ['\n\n? ', '\n  ']).flat()];
  const shown = new InOrder(write, [...before, `\n\n> ${question}\n  `]);
  const [said] = await talk.speaker.answerAfterQuestions(
    [{ pixels, question, stop: options.stop }],
    ask,
    options.seed,
    {
      ...replyOptions(options, talk),
      onText: (part, index, text) =>
        shown.grow(part === 'answer' ? before.length : placeOf(part === 'self-answer' ? 'answer' : part, index), text),
      onEnd: (part, index) => shown.end(placeOf(part, index)),
    },
  );
  write('\n');
  return said!;
}

const askingOf = ({ ask }: Talk, questions: number, candidates = ask.candidates): AskConfig => ({
  ...ask,
  questions,
  candidates,
});

/** The description first, then each question with its answer. */
const placeOf = (part: TalkPart, index: number): number =>
  part === 'description' ? 0 : 1 + 2 * index + Number(part === 'answer');
