/**
 * @file What the probability of an answer is worth: how many answers are wrong among those that the model is sure of,
 * and among the others, on held-out scenes and on scenes drawn by another hand; and how often an answer is right by its
 * probability. The page marks answers below 0.8 (apps/demo/src/talk/written.tsx).
 *
 *   node scripts/measure.mjs apps/trainer/test/doubt-cli.ts --run apps/demo/trained
 */
import { parseArgs } from 'node:util';
import { ConfigError } from '@curio/engine';
import { aboutImage } from '@curio/model';
import type { Picture } from '@curio/model';
import { isRight } from '@curio/scenes';
import { finishedRun, openTalk } from '../src/talk/open.ts';
import { openScenes } from '../src/train/data.ts';
import { drawnQuestions } from './drawn-scenes.ts';

const SURE = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
const BINS = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];

const { run } = parseArgs({ options: { run: { type: 'string' } } }).values;
const config = finishedRun('doubt', run).folder.readConfig();
const { scenes } = config.data;
if (!scenes) throw new ConfigError(`doubt: ${run} was trained on data of its own; name a run on the embedded scenes.`);
const talk = await openTalk('doubt', { run, seed: 1 });
const data = await openScenes(config, scenes, 'data', () => {});

interface Asked {
  readonly question: string;
  readonly expected: string;
  readonly picture: Picture;
}
async function judged(asked: readonly Asked[]): Promise<{ readonly probability: number; readonly right: boolean }[]> {
  const replies = await talk.speaker.write(
    asked.map(({ question, picture }) => ({
      pixels: talk.prepare(picture),
      messages: [
        { role: 'human' as const, text: aboutImage(question) },
        { role: 'gpt' as const, text: null },
      ],
    })),
    { maxNewTokens: talk.ask.maxDescription, together: true, probability: true },
  );
  return replies.map(({ text, probability }, i) => ({
    probability: probability!,
    right: isRight({ answer: text, expected: asked[i]!.expected }),
  }));
}

const heldOut = await Promise.all(
  data.questions.map(async ({ question, expected, image }) => ({
    ...{ question, expected, picture: await data.images.heldOut.read(image) },
  })),
);
const drawn = drawnQuestions().map(({ text, expected, picture }) => ({ question: text, expected, picture }));
const cell = (text: string | number): string => `${text}`.padStart(10);
for (const [name, asked] of [
  ['held-out scenes', heldOut],
  ['drawn scenes', drawn],
] as const) {
  const answers = await judged(asked);
  const wrong = (among: typeof answers): string =>
    among.length === 0 ? '–' : `${((100 * among.filter(({ right }) => !right).length) / among.length).toFixed(1)} %`;
  console.log(`\n${name}: ${answers.length} answers, ${wrong(answers)} wrong`);
  console.log(['sure from', 'sure', 'wrong', 'doubtful', 'wrong'].map(cell).join(''));
  for (const from of SURE) {
    const [sure, doubtful] = [true, false].map((is) => answers.filter(({ probability }) => probability >= from === is));
    console.log([from, sure!.length, wrong(sure!), doubtful!.length, wrong(doubtful!)].map(cell).join(''));
  }
  console.log(['from', 'to', 'answers', 'mean', 'right'].map(cell).join(''));
  for (const [i, to] of BINS.slice(1).entries()) {
    const among = answers.filter(({ probability }) => probability >= BINS[i]! && (probability < to || to === 1));
    if (among.length === 0) continue;
    const [mean, right] = [
      among.reduce((sum, { probability }) => sum + probability, 0),
      among.filter((a) => a.right).length,
    ];
    const share = (of: number): string => `${((100 * of) / among.length).toFixed(1)} %`;
    console.log([BINS[i]!, to, among.length, share(mean), share(right)].map(cell).join(''));
  }
}
talk.close();
