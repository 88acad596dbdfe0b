/**
 * @file Decoding speed against its roof: each token reads every weight of the language model and its adapter once, so
 * the rate is bounded by that of copying as many bytes. One answer at a time, as `curio ask` does. The time to the
 * first token, which encodes the picture and the prompt, is reported separately.
 *
 *   node scripts/measure.mjs apps/trainer/test/decode-speed-cli.ts [--run DIR | --model DIR --vision DIR --adapter DIR]
 *     [--storage TYPE] [--tokens 32] [--answers 12]
 */
import { parseArgs } from 'node:util';
import { byteLength, openGpu, RandomStream } from '@curio/engine';
import { DESCRIBE, renderScene, sampleScene } from '@curio/scenes';
import { openHandwriting } from '../src/data/digits.ts';
import { measureSpeed } from '../src/run/speed.ts';
import { openTalk } from '../src/talk/open.ts';
import { question } from '../src/talk/options.ts';
import { MODEL_OPTIONS, talkOptions } from './model-options.ts';

const { values } = parseArgs({
  options: {
    ...MODEL_OPTIONS,
    tokens: { type: 'string', default: '32' },
    answers: { type: 'string', default: '12' },
  },
});
const gpu = await openGpu();
const copies = [(await measureSpeed(gpu)).copyGigabytes];
const talk = await openTalk('decode speed', talkOptions('decode speed', values));
const glyphs = openHandwriting('heldOut');
const pictures = Array.from({ length: Number(values.answers) }, (_, i) =>
  talk.prepare(renderScene(sampleScene(new RandomStream(1, i, 71), glyphs, { objects: 3 }), glyphs)),
);

interface Timed {
  readonly tokens: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function timed(pixels: Float32Array, maxNewTokens: number): Promise<Timed> {
  const [begin, cpu] = [performance.now(), process.cpuUsage()];
  const [reply] = await talk.speaker.write([question(DESCRIBE, pixels, [])], { maxNewTokens });
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - begin) / 1000;
  return { tokens: reply!.newTokens, seconds, cpuSeconds: (user + system) / 1e6 };
}

const sum = (list: readonly Timed[], of: keyof Timed): number => list.reduce((total, each) => total + each[of], 0);
const most = Number(values.tokens);
for (const pixels of pictures.slice(0, 2)) await timed(pixels, most); // compiles and records
const [first, whole]: [Timed[], Timed[]] = [[], []];
for (const pixels of pictures) {
  first.push(await timed(pixels, 1));
  whole.push(await timed(pixels, most));
}
// Of the embedding only one row is read.
const weights = talk.speaker.model.parameters.filter(
  (parameter) => parameter.name.startsWith('language.') && !parameter.name.includes('embed_tokens'),
);
talk.close();
// Measured before and after, since other programs may disturb one of them; use a quiet machine.
copies.push((await measureSpeed(gpu)).copyGigabytes);
const { description, device } = gpu.adapter;
gpu.close();
const copyGigabytes = Math.max(...copies);
const bytes = weights.reduce((total, { dtype, size }) => total + byteLength(dtype, size), 0);
const tokens = sum(whole, 'tokens') - sum(first, 'tokens');
const rate = tokens / (sum(whole, 'seconds') - sum(first, 'seconds'));
const cpuRate = tokens / (sum(whole, 'cpuSeconds') - sum(first, 'cpuSeconds'));
const roof = (copyGigabytes * 1e9) / bytes;
console.log(
  [
    description || device,
    `to the first token  ${((1000 * sum(first, 'seconds')) / first.length).toFixed(1)} ms, the mean of ${first.length} answers`,
    `after it            ${rate.toFixed(1)} tokens/s over ${tokens} tokens (${cpuRate.toFixed(1)} a second of CPU time)`,
    `the roof            ${roof.toFixed(0)} tokens/s: ${(bytes / 1e6).toFixed(1)} MB of weights a token, copied at ${copyGigabytes.toFixed(1)} GB/s`,
    `share of it         ${((100 * rate) / roof).toFixed(1)} %`,
  ].join('\n'),
);
