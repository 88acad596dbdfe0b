/**
 * @file Opens a LLaVA JSON of full size, in processes of their own: `node scripts/measure.mjs
 * apps/trainer/test/large-data-cli.ts [entries] [folder]`. Prints seconds and resident memory of the first opening, of
 * the next, and of reading a thousand entries anywhere.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RandomStream } from '@curio/engine';
import { openSet } from '../src/data/open-set.ts';

const WORDS = 'the a of is dog "cat" street {red} [blue] left\\right, what where holding two people'.split(' ');
const IMAGES = 500;

/** Writes `count` entries of some 2,500 bytes: nine of ten with a picture, all of them different. */
function write(folder: string, file: string, count: number, lines: boolean): void {
  mkdirSync(join(folder, 'images'), { recursive: true });
  for (let i = 0; i < IMAGES; i++) writeFileSync(join(folder, 'images', `${i}.jpg`), '');
  const random = new RandomStream(1);
  const text = (words: number): string =>
    Array.from({ length: words }, () => WORDS[random.integer(WORDS.length)]!).join(' ');
  const texts = Array.from({ length: 400 }, (_, i) => text(80 + random.integer(40)) + (i % 20 ? '' : ' über 漢字'));
  const any = (): string => texts[random.integer(texts.length)]!;
  const out = openSync(file, 'w');
  if (!lines) writeSync(out, '[\n');
  for (let i = 0; i < count; ) {
    const part: string[] = [];
    for (const end = Math.min(count, i + 1000); i < end; i++) {
      const image = i % 10 ? `${random.integer(IMAGES)}.jpg` : undefined;
      const conversations = [0, 1, 2, 3, 4].map((turn) => ({
        from: turn % 2 ? 'gpt' : 'human',
        value: (turn === 0 && image ? '<image>\n' : '') + any(),
      }));
      part.push(JSON.stringify({ id: `${i}`, image, conversations: conversations.slice(0, 4) }));
    }
    writeSync(out, part.join(lines ? '\n' : ',\n') + (i < count ? (lines ? '\n' : ',\n') : ''));
  }
  if (!lines) writeSync(out, '\n]\n');
  closeSync(out);
}

async function open(file: string, images: string): Promise<void> {
  const began = performance.now();
  const before = process.cpuUsage();
  const { samples } = await openSet(file, images);
  const ready = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  const random = new RandomStream(2);
  const reads = performance.now();
  let turns = 0;
  for (let i = 0; i < 1000; i++) turns += (await samples.read(random.integer(samples.length))).messages.length;
  const ms = performance.now() - reads;
  console.log(
    `${samples.length} samples ready in ${ready.toFixed(2)} s (${((user + system) / 1e6).toFixed(2)} s of the processor), ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB resident at most, ${(ms / 1000).toFixed(2)} ms an entry read (${turns} turns in 1000)`,
  );
}

const [first = '600000', second = join(tmpdir(), 'curio-large-data')] = process.argv.slice(2);
if (first === 'open') await open(second, process.argv[4]!);
else {
  for (const lines of [true, false]) {
    const file = join(second, lines ? 'large.jsonl' : 'large.json');
    write(second, file, Number(first), lines);
    console.log(`${file}: ${(statSync(file).size / 1e9).toFixed(2)} GB`);
    for (let run = 0; run < 2; run++)
      spawnSync(process.execPath, [...process.execArgv, import.meta.filename, 'open', file, join(second, 'images')], {
        stdio: 'inherit',
        env: { ...process.env, XDG_CACHE_HOME: join(second, 'cache') },
      });
  }
  rmSync(second, { recursive: true, force: true });
}
