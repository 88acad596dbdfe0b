/**
 * @file Accuracy on digits in a handwriting other than that of the training: 300 scenes, thirty per digit, with five
 * kinds of question about the digit and one about something absent.
 *
 *   node scripts/measure.mjs apps/trainer/test/drawn-scenes-cli.ts [--run DIR | --model DIR --vision DIR --adapter DIR]
 */
import { parseArgs } from 'node:util';
import { NONE } from '@curio/scenes';
import { openTalk } from '../src/talk/open.ts';
import { question } from '../src/talk/options.ts';
import { drawnQuestions } from './drawn-scenes.ts';
import { MODEL_OPTIONS, talkOptions } from './model-options.ts';

const { values } = parseArgs({
  options: MODEL_OPTIONS,
});
const talk = await openTalk('drawn scenes', talkOptions('drawn scenes', values));
const asked = drawnQuestions();
const answers = await talk.speaker.reply(
  asked.map(({ text, picture }) => question(text, talk.prepare(picture), [])),
  { maxNewTokens: talk.ask.maxAnswer, together: true },
);
talk.close();

const judged = asked.map((each, i) => ({ ...each, answer: answers[i]!, right: answers[i] === each.expected }));
const share = (of: typeof judged): string =>
  `${((100 * of.filter(({ right }) => right).length) / Math.max(1, of.length)).toFixed(1)} %`.padStart(8);
const kinds = [...new Set(judged.map(({ kind }) => kind))];
console.log(`${''.padEnd(16)}${'all'.padStart(8)}${Array.from({ length: 10 }, (_, d) => `${d}`.padStart(8)).join('')}`);
for (const kind of kinds) {
  const of = judged.filter((each) => each.kind === kind);
  const each = Array.from({ length: 10 }, (_, d) => share(of.filter(({ digit }) => digit === d)));
  console.log(`${kind.padEnd(16)}${share(of)}${each.join('')}`);
}
const [about, absent] = [
  judged.filter(({ kind }) => kind !== 'not there'),
  judged.filter(({ kind }) => kind === 'not there'),
];
console.log(
  `five kinds ${share(about).trim()} of ${about.length}; not there ${share(absent).trim()} of ${absent.length}`,
);
console.log(`said "${NONE}" of what is there: ${about.filter(({ answer }) => answer === NONE).length}`);
