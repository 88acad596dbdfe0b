/**
 * @file How well a model reads digits that are drawn by a hand other than the one that it was trained on: 300 scenes,
 * thirty for each digit, five kinds of question about it and one about what is not there.
 *
 *   node scripts/measure.mjs apps/trainer/test/drawn-scenes-cli.ts [--run DIR | --model DIR --vision DIR --adapter DIR]
 */
import { parseArgs } from 'node:util';
import { aboutImage } from '@curio/model';
import { NONE } from '@curio/scenes';
import { openTalk } from '../src/talk/open.ts';
import { drawnQuestions } from './drawn-scenes.ts';

const { values } = parseArgs({
  options: {
    run: { type: 'string' },
    model: { type: 'string' },
    vision: { type: 'string' },
    adapter: { type: 'string', multiple: true },
  },
});
const talk = await openTalk('drawn scenes', { ...values, seed: 1 });
const asked = drawnQuestions();
const answers = await talk.speaker.reply(
  asked.map(({ text, picture }) => ({
    pixels: talk.prepare(picture),
    messages: [
      { role: 'human' as const, text: aboutImage(text) },
      { role: 'gpt' as const, text: null },
    ],
  })),
  { maxNewTokens: talk.ask.maxAnswer, together: true },
);
talk.close();

const told = asked.map((each, i) => ({ ...each, answer: answers[i]!, right: answers[i] === each.expected }));
const share = (of: typeof told): string =>
  `${((100 * of.filter(({ right }) => right).length) / Math.max(1, of.length)).toFixed(1)} %`.padStart(8);
const kinds = [...new Set(told.map(({ kind }) => kind))];
console.log(`${''.padEnd(16)}${'all'.padStart(8)}${Array.from({ length: 10 }, (_, d) => `${d}`.padStart(8)).join('')}`);
for (const kind of kinds) {
  const of = told.filter((each) => each.kind === kind);
  const each = Array.from({ length: 10 }, (_, d) => share(of.filter(({ digit }) => digit === d)));
  console.log(`${kind.padEnd(16)}${share(of)}${each.join('')}`);
}
const [about, absent] = [
  told.filter(({ kind }) => kind !== 'not there'),
  told.filter(({ kind }) => kind === 'not there'),
];
console.log(
  `five kinds ${share(about).trim()} of ${about.length}; not there ${share(absent).trim()} of ${absent.length}`,
);
console.log(`said "${NONE}" of what is there: ${about.filter(({ answer }) => answer === NONE).length}`);
