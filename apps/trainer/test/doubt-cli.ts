/**
 * @file Calibration of the model's answers: the error rate among answers that it is sure of and among the others, and
 * the accuracy by probability. The threshold above which it is sure is chosen on held-out scenes of other seeds than
 * those that are reported: held-out scenes, and scenes in another handwriting. The page marks answers below it
 * (apps/demo/src/talk/written.tsx).
 *
 *   node scripts/measure.mjs apps/trainer/test/doubt-cli.ts --run apps/demo/trained
 */
import { parseArgs } from 'node:util';
import { ConfigError } from '@curio/engine';
import type { Picture } from '@curio/model';
import { isRight } from '@curio/scenes';
import { finishedRun, openTalk } from '../src/talk/open.ts';
import { question } from '../src/talk/options.ts';
import { openHandwriting } from '../src/data/digits.ts';
import { generatePart, pictureOf } from '../src/data/generate.ts';
import { drawnQuestions } from './drawn-scenes.ts';
import { MODEL_OPTIONS, talkOptions } from './model-options.ts';

const SURE = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);
/** At most this share of the answers that it is sure of may be wrong. */
const MOST_WRONG = 0.03;
/** How many further seeds the threshold is chosen on. */
const SEEDS = 4;
const BINS = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1];

const { run } = parseArgs({ options: { run: MODEL_OPTIONS.run } }).values;
const config = finishedRun('doubt', run).folder.readConfig();
const { scenes, withheldPairs } = config.data;
if (!scenes) throw new ConfigError(`doubt: ${run} was not trained on the embedded scenes; give --run one that was.`);
const talk = await openTalk('doubt', talkOptions('doubt', { run }));

interface Asked {
  readonly text: string;
  readonly expected: string;
  readonly picture: Picture;
}
async function judged(asked: readonly Asked[]): Promise<{ readonly probability: number; readonly right: boolean }[]> {
  const replies = await talk.speaker.write(
    asked.map(({ text, picture }) => question(text, talk.prepare(picture), [])),
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
    text: sample.turns[0]!.question,
    expected: sample.turns[0]!.answer,
    picture: pictureOf('heldout', sample, glyphs),
  }));

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
  ['drawn scenes', drawnQuestions()],
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
