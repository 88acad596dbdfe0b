/** @file What a pool of threads makes of the pictures of a folder, as JSON, for picture-pool.node.test.ts. */
import { join } from 'node:path';
import { CLIP_MEAN, CLIP_STD } from '@curio/model';
import { PicturePool } from '../src/data/picture-pool.ts';

const folder = process.argv[2]!;
const image = { size: 24, mode: 'pad', mean: CLIP_MEAN, std: CLIP_STD } as const;
const said = (error: Error): string => `${error.constructor.name} ${error.message.replaceAll(folder, '')}`;
const [threads, none] = [new PicturePool(2), new PicturePool(0)];
const places = Array.from({ length: 12 }, (_, i) => ({ path: join(folder, `${i % 3}.png`) }));
const [one, other] = await Promise.all(
  [threads, none].map((pool) => Promise.all(places.map((place) => pool.prepare(place, image)))),
);
const same = one!.every((pixels, i) => pixels.length === 3 * 24 * 24 && pixels.every((x, k) => x === other![i]![k]));
const bad = [
  { path: join(folder, 'gone.png') },
  { path: join(folder, 'bad.png') },
  { bytes: Uint8Array.of(1), name: 'row 3' },
];
const errors = await Promise.all(bad.map((place) => threads.prepare(place, image).catch(said)));
const late = threads.prepare(places[0]!, image).catch(said);
await threads.close();
const after = await threads.prepare(places[0]!, image).catch(said);
// Closed while its last answer lies in the queue: the process must live until the thread has ended.
const single = new PicturePool(1);
await single.prepare(places[0]!, image);
const queued = single.prepare(places[1]!, image);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
await single.close();
console.log(JSON.stringify({ same, errors, late: await late, after, queued: (await queued).length }));
