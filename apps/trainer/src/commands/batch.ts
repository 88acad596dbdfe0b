import { dirname } from 'node:path';
import { ConfigError } from '@curio/engine';
import { Command } from 'commander';
import { positiveInteger } from '../config/option-values.ts';
import { EXIT, listenForInterrupt } from '../run/interrupt.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';
import { answerAll } from '../talk/answer-all.ts';
import { askAboutEach, picturesOf } from '../talk/ask-folder.ts';
import { openTalk } from '../talk/open.ts';
import { withWritingOptions } from '../talk/options.ts';
import type { WritingOptions } from '../talk/options.ts';
import { answerId, AnswersFile, fingerprint, readQuestions } from '../talk/questions-file.ts';

interface Options extends WritingOptions {
  readonly in: string;
  readonly out: string;
  readonly images?: string;
  readonly batch: number;
  readonly sq?: number;
  readonly self?: number;
  readonly json?: boolean;
}

/** `curio batch`: answers a file of questions into another file; an unfinished one is continued. */
export function batchCommand(): Command {
  return withWritingOptions(new Command('batch'), { temperature: 0, maxNewTokens: 1024 })
    .description('answer a file of questions, in the format of LLaVA’s evaluations')
    .requiredOption('--in <file>', 'JSON Lines of { question_id, image?, text }; with --self, a folder of pictures')
    .requiredOption('--out <file>', 'JSON Lines of { question_id, prompt, text, answer_id, model_id, metadata }')
    .option('--images <folder>', "folder that image paths are relative to; default: the input's folder")
    .option('--batch <n>', 'questions processed at a time; does not affect answers', positiveInteger, 16)
    .option('--sq <n>', 'let the model first ask and answer n questions of its own about each picture', positiveInteger)
    .option(
      '--self <n>',
      'let the model describe each picture of a folder, ask n questions and answer them; writes { question_id, image, sampler, dialogues }',
      positiveInteger,
    )
    .option('--json', 'print a summary as JSON')
    .action(async (options: Options, command: Command) => {
      if (options.self !== undefined) return askFolder(options, options.self, command);
      const { in: input, out, images = dirname(input), batch, sq, json } = options;
      const questions = readQuestions(input, images);
      const textOnly = questions.findIndex(({ image }) => image === undefined);
      if (sq !== undefined && textOnly >= 0)
        throw new ConfigError(
          `batch: question ${JSON.stringify(questions[textOnly]!.id)} has no image and --sq is ${sq}; give an image with every question, or leave --sq out.`,
        );
      const talk = await openTalk('batch', options);
      const interrupt = listenForInterrupt(() => console.error('batch: ending; what is answered is kept.'));
      const progress = new Progress(openTerminal(process.stderr), []);
      try {
        const { temperature, topK, topP = talk.topP, maxNewTokens, stop, seed } = options;
        const { template = talk.template, aspect = talk.aspect } = options;
        const drawn = temperature === 0 ? {} : { topK, topP, seed };
        const made = {
          model: talk.name,
          ...talk.from,
          temperature,
          ...drawn,
          maxNewTokens,
          stop,
          template,
          aspect,
          sq,
        };
        const settings = fingerprint(sq === undefined ? made : { ...made, seed, ask: talk.ask });
        const file = AnswersFile.open(out, questions, settings);
        let answered = 0;
        try {
          await answerAll(questions, file.done, {
            ...{ talk, options, batch, sq, signal: interrupt.signal },
            onAnswer: (i, { text, finish, promptTokens, newTokens, description, asked }) => {
              const { id, text: prompt } = questions[i]!;
              file.write({
                ...{ question_id: id, prompt, text, answer_id: answerId(id, prompt, text, settings) },
                model_id: talk.name,
                metadata: { settings, finish, promptTokens, newTokens, description, asked },
              });
              progress.activity('answers', file.done + ++answered, questions.length);
            },
          });
        } finally {
          file.close();
        }
        progress.end();
        const result = { out, questions: questions.length, before: file.done, answered, settings, ...made };
        if (json) console.log(JSON.stringify(result));
        else
          console.log(
            `batch: ${out} holds ${file.done + answered} answers to ${questions.length} questions${file.done > 0 ? `, ${file.done} of them from an earlier run` : ''}.`,
          );
        if (interrupt.requested) process.exitCode = EXIT.interrupted;
      } finally {
        interrupt.close();
        talk.close();
      }
    });
}

/** Options that --self refuses: how the model samples its own questions is part of its configuration. */
const NOT_WITH_SELF = ['temperature', 'topK', 'topP', 'stop', 'sq', 'images'] as const;

/** `curio batch --self`: the model asks itself about each picture of a folder. */
async function askFolder(options: Options, self: number, command: Command): Promise<void> {
  const given = NOT_WITH_SELF.find((name) => command.getOptionValueSource(name) === 'cli');
  if (given !== undefined)
    throw new ConfigError(
      `batch: --${given.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)} is given with --self ${self}, which needs only a folder and samples as the model's configuration says; leave it out.`,
    );
  const { in: folder, out, json, seed, maxNewTokens } = options;
  const pictures = picturesOf(folder);
  const talk = await openTalk('batch', options, 'self-question');
  const interrupt = listenForInterrupt(() => console.error('batch: ending; what is answered is kept.'));
  const progress = new Progress(openTerminal(process.stderr), []);
  try {
    const { template = talk.template, aspect = talk.aspect } = options;
    const made = { model: talk.name, ...talk.from, self, ask: talk.ask, maxNewTokens, template, aspect, seed };
    const settings = fingerprint(made);
    const file = AnswersFile.open(out, pictures, settings);
    let asked = 0;
    try {
      await askAboutEach(pictures, file.done, {
        ...{ talk, options, questions: self, signal: interrupt.signal },
        onAsked: (i, said) => {
          const { id } = pictures[i]!;
          file.write({ question_id: id, image: id, ...said, model_id: talk.name, metadata: { settings } });
          progress.activity('pictures', file.done + ++asked, pictures.length);
        },
      });
    } finally {
      file.close();
    }
    progress.end();
    if (json)
      console.log(JSON.stringify({ out, pictures: pictures.length, before: file.done, asked, settings, ...made }));
    else
      console.log(
        `batch: ${out} holds ${self} questions and answers about each of ${file.done + asked} pictures of ${pictures.length}${file.done > 0 ? `, ${file.done} of them from an earlier run` : ''}.`,
      );
    if (interrupt.requested) process.exitCode = EXIT.interrupted;
  } finally {
    interrupt.close();
    talk.close();
  }
}
