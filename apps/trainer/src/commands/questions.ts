import { basename, join, resolve } from 'node:path';
import { ConfigError, openGpu } from '@curio/engine';
import { Command } from 'commander';
import { figuresOf, questionsPage } from '../questions/page.ts';
import { measureQuestions } from '../questions/measure.ts';
import { openPublishedSimilarity, openSimilarity } from '../questions/similarity.ts';
import { EMBEDDED } from '../config/presets.ts';
import { pinnedName } from '@curio/hub';
import { positiveInteger } from '../config/option-values.ts';
import { writeAtomic } from '../run/files.ts';
import { EXIT, listenForInterrupt } from '../run/interrupt.ts';
import { Progress } from '../run/progress.ts';
import { openTerminal, padEnd } from '../run/terminal.ts';
import { finishedRun } from '../talk/open.ts';
import { ASKED, askedLines } from '../train/answer-lines.ts';
import { openScenes } from '../train/data.ts';
import { namedFolder } from '../train/folders.ts';
import { baseFolder, openForRun } from '../train/open.ts';

interface Options {
  readonly run?: string;
  readonly seeds: number;
  readonly clip?: string;
  readonly candidates?: number;
  readonly out?: string;
  readonly json?: boolean;
}

/** Pictures shown on the page. */
const SHOWN = 24;
const LABEL_WIDTH = 22;

/** `curio questions`: measures the quality of the questions that a run of the small model asks itself. */
export function questionsCommand(): Command {
  return new Command('questions')
    .description('measure the questions that a run asks itself: relevance, diversity, consistency of their answers')
    .option('--run <folder>', 'a finished run on the embedded scenes; default: the newest under runs/')
    .option('--seeds <n>', 'repetitions of asking and answering, each with its own seed', positiveInteger, 3)
    .option('--clip <folder>', 'complete CLIP to score with instead of the base’s: a folder, or owner/name on a hub')
    .option('--candidates <n>', "candidates sampled per question (ask.candidates); default: the run's", positiveInteger)
    .option('--out <folder>', 'questions.html and questions.json; default: eval/questions/RUN')
    .option('--json', 'print the result as JSON')
    .action(async ({ run, seeds: times, clip, candidates, out, json }: Options) => {
      const { folder, adapter } = finishedRun('questions', run);
      const config = folder.readConfig();
      const { scenes } = config.data;
      if (!scenes || (clip === undefined && config.base.vision !== EMBEDDED))
        throw new ConfigError(
          `questions: ${folder.path} was trained on ${scenes ? `the image tower ${config.base.vision}` : 'data of its own'}; it must be a run on the embedded scenes${scenes ? ' and base, or --clip must name a CLIP with a text tower' : ', whose truth is known'}.`,
        );
      const measuring = clip === undefined ? null : await namedFolder('clip', clip);
      const name = basename(resolve(folder.path));
      const target = out ?? join('eval', 'questions', name);
      const progress = new Progress(openTerminal(process.stderr), []);
      const interrupt = listenForInterrupt(() => progress.note('questions: stopping.'));
      const gpu = await openGpu({ seed: config.seed });
      try {
        const opened = await openForRun(gpu, config, adapter, { onReport: (line) => progress.note(line) });
        const data = await openScenes(config, scenes, 'data', (done, total) =>
          progress.activity('drawing scenes', done, total),
        );
        const measured = await measureQuestions(opened, data, {
          ask: { ...config.ask, ...(candidates !== undefined && { candidates }) },
          seeds: Array.from({ length: times }, (_, i) => config.seed + i),
          similarity:
            measuring === null
              ? await openSimilarity(gpu, baseFolder(config, 'vision'), opened.tokens, opened.prepare)
              : await openPublishedSimilarity(gpu, measuring),
          signal: interrupt.signal,
          onPart: (label, total) => progress.activity(label, 0, total),
        });
        progress.end();
        if (!measured) return void (process.exitCode = EXIT.interrupted);
        const { scenes: asked } = measured;
        const result = { ...measured.result, clip: clip === undefined ? null : pinnedName(measuring!) };
        writeAtomic(join(target, ASKED), askedLines(asked));
        writeAtomic(join(target, 'questions.json'), `${JSON.stringify({ name, ...result }, null, 2)}\n`);
        writeAtomic(join(target, 'questions.html'), questionsPage(name, result, asked.slice(0, SHOWN)));
        if (json) return console.log(JSON.stringify({ name, ...result }));
        for (const [label, text] of figuresOf(result)) console.log(`  ${padEnd(label, LABEL_WIDTH)}${text}`);
        for (const file of ['questions.html', 'questions.json', ASKED]) console.log(`  ${join(target, file)}`);
      } finally {
        progress.end();
        interrupt.close();
        gpu.close();
      }
    });
}
