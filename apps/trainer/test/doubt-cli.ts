/**
 * @file What the probability of an answer is worth: how many answers are wrong among those that the model is sure of,
 * and among the others; and how often an answer is right by its probability. From which probability on it is sure is
 * chosen on scenes of other seeds than those that the figures are about: held-out scenes, and scenes drawn by another
 * hand. The page marks answers below it (apps/demo/src/talk/written.tsx).
 *
 *   node scripts/measure.mjs apps/trainer/test/doubt-cli.ts --run apps/demo/trained
 */
import { parseArgs } from 'node:util';
import { ConfigError } from '@curio/engine';
import { aboutImage } from '@curio/model';
import type { Picture } from '@curio/model';
import { isRight } from '@curio/scenes';
import { finishedRun, openTalk } from '../src/talk/open.ts';
import { openHandwriting } from '../src/data/digits.ts';
import { generatePart, pictureOf } from '../src/data/generate.ts';
import { drawnQuestions } from './drawn-scenes.ts';

const SURE = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);
/** At most this share of the answers that it is sure of may be wrong. */
const MOST_WRONG = 0.03;
/** How many further seeds the threshold is chosen on. */
const SEEDS = 4;
const BINS = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];

const { run } = parseArgs({ options: { run: { type: 'string' } } }).values;
const config = finishedRun('doubt', run).folder.readConfig();
const { scenes, withheldPairs } = config.data;
if (!scenes) throw new ConfigError(`doubt: ${run} was trained on data of its own; name a run on the embedded scenes.`);
const talk = await openTalk('doubt', { run, seed: 1 });

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

type Judged = Awaited<ReturnType<typeof judged>>;

const glyphs = openHandwriting('heldOut');
/** The held-out questions of a run of this seed. */
const heldOut = (seed: number): Asked[] =>
  generatePart('heldout', { seed, count: config.run.questions, withheldPairs }, glyphs).map((sample) => ({
    question: sample.turns[0]!.question,
    expected: sample.turns[0]!.answer,
    picture: pictureOf('heldout', sample, glyphs),
  }));
const drawn = (): Asked[] =>
  drawnQuestions().map(({ text, expected, picture }) => ({ question: text, expected, picture }));

const wrongShare = (among: Judged): number => among.filter(({ right }) => !right).length / among.length;
const wrong = (among: Judged): string => (among.length === 0 ? '–' : `${(100 * wrongShare(among)).toFixed(1)} %`);
const cell = (text: string | number): string => `${text}`.padStart(10);
function thresholds(answers: Judged, sures: readonly number[]): void {
  console.log(['sure from', 'sure', 'wrong', 'doubtful', 'wrong'].map(cell).join(''));
  for (const from of sures) {
    const [sure, doubtful] = [true, false].map((is) => answers.filter(({ probability }) => probability >= from === is));
    console.log([from, sure!.length, wrong(sure!), doubtful!.length, wrong(doubtful!)].map(cell).join(''));
  }
}

const others = Array.from({ length: SEEDS }, (_, i) => config.seed + 1 + i);
const chosenOn: Judged = [];
for (const seed of others) chosenOn.push(...(await judged(heldOut(seed))));
console.log(`\nheld-out scenes of seeds ${others.join(', ')}: ${chosenOn.length} answers, ${wrong(chosenOn)} wrong`);
thresholds(chosenOn, SURE);
const chosen = SURE.find((from) => wrongShare(chosenOn.filter(({ probability }) => probability >= from)) <= MOST_WRONG);
console.log(
  chosen === undefined
    ? `at none of these at most ${100 * MOST_WRONG} % of the sure ones are wrong`
    : `chosen: ${chosen}, the least at which at most ${100 * MOST_WRONG} % of the sure ones are wrong`,
);

for (const [name, asked] of [
  [`held-out scenes of seed ${config.seed}`, heldOut(config.seed)],
  ['drawn scenes', drawn()],
] as const) {
  const answers = await judged(asked);
  console.log(`\n${name}: ${answers.length} answers, ${wrong(answers)} wrong`);
  thresholds(answers, chosen === undefined ? SURE : [chosen]);
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
