import { ConfigError, openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { aboutImage, PRESETS, TEMPLATES } from '@curio/model';
import type { AskConfig, TemplateName } from '@curio/model';
import { BASE_STORAGES } from '@curio/nn';
import type { BaseStorage } from '@curio/nn';
import { Command, Option } from 'commander';
import { readImage } from '../data/decode.ts';
import { finishedRun } from '../talk/open.ts';
import { ADAPTER, findModel, MODEL, VISION } from '../train/folders.ts';
import { MATRIX_UNITS, useMatrixUnits } from '../train/matrix-units.ts';
import { openForRun } from '../train/open.ts';
import type { OpenedModel } from '../train/open.ts';
import { whole } from './data.ts';

interface Options {
  readonly run?: string;
  readonly model?: string;
  readonly vision?: string;
  readonly adapter?: string;
  readonly template?: TemplateName;
  readonly aspect?: 'crop' | 'pad';
  readonly storage?: BaseStorage;
  readonly maxNewTokens?: number;
  readonly self?: number;
  readonly seed: number;
  readonly matrixUnits?: boolean;
}

/** `curio ask`: a question about an image, or the questions that the model asks itself about it. */
export function askCommand(): Command {
  return new Command('ask')
    .description('ask a trained model about an image, or let it ask itself')
    .argument('<image>', 'PNG, JPEG, WebP, GIF, AVIF, TIFF, BMP or Netpbm')
    .argument('[question]', 'such as "what color is the seven ?"')
    .option('--run <folder>', 'a finished run; default: the newest under runs/')
    .option('--model <folder>', `in place of a run: ${MODEL}`)
    .option('--vision <folder>', VISION)
    .option('--adapter <folder>', ADAPTER)
    .addOption(
      new Option(
        '--template <name>',
        'chat template; default with --model: what Curio wrote beside the adapter, else v1 for a question and v1_sq for --self, as published',
      ).choices(Object.keys(TEMPLATES).filter((name) => name !== 'plain')),
    )
    .addOption(
      new Option(
        '--aspect <how>',
        'how the image becomes square; default with --model: image_aspect_ratio for a question, crop for --self, as published',
      ).choices(['crop', 'pad']),
    )
    .addOption(
      new Option('--storage <type>', 'how the base lies on the device with --model; default: as in its files').choices([
        ...BASE_STORAGES,
      ]),
    )
    .option('--max-new-tokens <n>', 'longest answer', whole)
    .option('--self <n>', 'let the model describe the image, ask n questions and answer them', whole)
    .option('--seed <n>', 'seed of the questions it draws', whole, 1)
    .option('--matrix-units', MATRIX_UNITS)
    .action(async (image: string, question: string | undefined, options: Options) => {
      const { self, seed, matrixUnits } = options;
      if ((question === undefined) === (self === undefined))
        throw new ConfigError('ask: give a question, or --self n to let the model ask; one of the two.');
      const { model, run, vision, adapter, storage } = options;
      if (model !== undefined && run !== undefined)
        throw new ConfigError('ask: give --run or --model; a run has its own model.');
      if (model === undefined && (vision ?? adapter ?? storage) !== undefined)
        throw new ConfigError(
          'ask: --vision, --adapter and --storage go with --model, the language model that they belong to.',
        );
      const picture = await readImage(image);
      const gpu = await openGpu({ seed });
      try {
        if (matrixUnits) await useMatrixUnits(gpu);
        const { opened, ask, aspect } = await (model === undefined
          ? openRun(gpu, options)
          : openFolders(gpu, model, options));
        const { speaker, prepare } = opened;
        const pixels = prepare(picture, aspect);
        if (question !== undefined) {
          const [answer] = await speaker.reply(
            [
              {
                pixels,
                messages: [
                  { role: 'human', text: aboutImage(question) },
                  { role: 'gpt', text: null },
                ],
              },
            ],
            { maxNewTokens: options.maxNewTokens ?? ask.maxAnswer },
          );
          console.log(answer);
          return;
        }
        const [talk] = await speaker.selfQuestion(
          [pixels],
          { ...ask, questions: self!, maxAnswer: options.maxNewTokens ?? ask.maxAnswer },
          seed,
        );
        console.log(talk!.description);
        for (const { question: asked, answer } of talk!.asked) console.log(`\n? ${asked}\n  ${answer}`);
      } finally {
        gpu.close();
      }
    });
}

interface Opened {
  readonly opened: OpenedModel;
  readonly ask: AskConfig;
  readonly aspect: 'crop' | 'pad';
}

/** The load report goes beside the answer, not into it. */
const onReport = (line: string): void => console.error(line);

async function openRun(gpu: Gpu, { run, template, aspect = 'pad' }: Options): Promise<Opened> {
  const remedy = 'train one with curio train, name one with --run, or a model with --model';
  const { folder, adapter } = finishedRun('ask', run || undefined, remedy);
  const config = folder.readConfig();
  const model = { ...config.model, ...(template && { template }) };
  const opened = await openForRun(gpu, { ...config, model }, adapter, { onReport });
  return { opened, ask: config.ask, aspect };
}

/** A model by its folders, spoken to as the published evaluation does where they do not say how. */
async function openFolders(gpu: Gpu, model: string, options: Options): Promise<Opened> {
  const { vision, adapter, self, seed, storage, template, aspect } = options;
  const found = await findModel({ model, vision, adapter });
  const published = self === undefined ? 'v1' : 'v1_sq';
  const chosen = template ?? (found.saysTemplate ? found.model.template : published);
  const base = { ...found.folders, storage: storage ?? found.storage };
  const config = { model: { ...found.model, template: chosen }, base, seed };
  const opened = await openForRun(gpu, config, undefined, { baseProjector: found.baseProjector, onReport });
  const squared = self === undefined ? (found.imageAspect ?? 'crop') : 'crop';
  return {
    opened,
    ask: PRESETS['7b'].ask,
    aspect: aspect ?? (found.saysTemplate ? (found.imageAspect ?? 'pad') : squared),
  };
}
