import { dirname } from 'node:path';
import { ConfigError } from '@curio/engine';
import { Command } from 'commander';
import { EXIT, listenForInterrupt } from '../run/interrupt.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal } from '../run/terminal.ts';
import { answerAll } from '../talk/answer-all.ts';
import { openTalk } from '../talk/open.ts';
import { count, withWritingOptions } from '../talk/options.ts';
import type { WritingOptions } from '../talk/options.ts';
import { answerId, AnswersFile, fingerprint, readQuestions } from '../talk/questions-file.ts';

interface Options extends WritingOptions {
  readonly in: string;
  readonly out: string;
  readonly images?: string;
  readonly batch: number;
  readonly sq?: number;
  readonly json?: boolean;
}

/** `curio batch`: a file of questions answered into a file, which is continued where it ended. */
export function batchCommand(): Command {
  return withWritingOptions(new Command('batch'), { temperature: 0, maxNewTokens: 1024 })
    .description('answer a file of questions, line by line in the format of LLaVA’s evaluations')
    .requiredOption('--in <file>', 'JSON lines of { question_id, image?, text }')
    .requiredOption('--out <file>', 'JSON lines of { question_id, prompt, text, answer_id, model_id, metadata }')
    .option('--images <folder>', "where paths of images count from; default: the input's folder")
    .option('--batch <n>', 'questions in work at a time; changes no answer', count, 16)
    .option('--sq <n>', 'let the model first ask and answer n questions of its own about each picture', count)
    .option('--json', 'print a summary as JSON')
    .action(async (options: Options) => {
      const { in: input, out, images = dirname(input), batch, sq, json } = options;
      const questions = readQuestions(input, images);
      const blind = questions.findIndex(({ image }) => image === undefined);
      if (sq !== undefined && blind >= 0)
        throw new ConfigError(
          `batch: question ${JSON.stringify(questions[blind]!.id)} has no image and --sq is ${sq}; the model asks itself about pictures only.`,
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
            `batch: ${out} holds ${file.done + answered} answers to ${questions.length} questions${file.done > 0 ? `, ${file.done} of them from before` : ''}.`,
          );
        if (interrupt.requested) process.exitCode = EXIT.interrupted;
      } finally {
        interrupt.close();
        talk.close();
      }
    });
}
