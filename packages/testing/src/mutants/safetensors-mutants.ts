/** @file Damaged safetensors: the bytes, the header's values, and the index over shards. */
import { encodeSafetensors, joinBytes, type NamedTensor, QUANTISED_STORAGES, quantisedMetadata } from '@curio/nn';
import { ascii, damaged, type Draw, joined, little } from './draw.ts';
import { anything } from './json-mutants.ts';

const tensors: readonly NamedTensor[] = [
  { name: 'model.a.weight', dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  { name: 'model.b.weight', dtype: 'F16', shape: [4], data: Uint16Array.of(1, 2, 3, 4) },
  { name: 'model.ids', dtype: 'I64', shape: [2, 1], data: BigInt64Array.of(-1n, 5n) },
  { name: 'model.mask', dtype: 'BOOL', shape: [3], data: Uint8Array.of(1, 0, 1) },
];
const fileOf = (from: number, to: number): Uint8Array => joinBytes(encodeSafetensors(tensors.slice(from, to)));

const perhaps = (draw: Draw, right: string, share = 0.8): string => (draw.chance(share) ? right : anything(draw));
const numbers = (draw: Draw, right: readonly number[]): string =>
  `[${right.map((n) => perhaps(draw, String(n), 0.9)).join()}]`;

/** A header written anew, with strange values, names that repeat, holes and overlaps. */
function strangeHeader(draw: Draw): string {
  let at = 0;
  const entries = Array.from({ length: draw.below(5) }, (_, i) => {
    const count = draw.below(4);
    const begin = at + (draw.chance(0.1) ? draw.below(9) - 4 : 0);
    at = begin + 4 * count + (draw.chance(0.1) ? draw.below(9) - 4 : 0);
    const fields = [
      `"dtype":${perhaps(draw, '"F32"')}`,
      `"shape":${perhaps(draw, numbers(draw, draw.chance(0.8) ? [count] : [count, 1]))}`,
      `"data_offsets":${perhaps(draw, numbers(draw, [begin, at]))}`,
      ...(draw.chance(0.1) ? [`"shape":${anything(draw)}`] : []),
    ];
    const name = draw.chance(0.9)
      ? `t${i}`
      : draw.pick(['t0', '__proto__', '', '__metadata__', 'a\u0000\n', 'n'.repeat(9000)]);
    return `${JSON.stringify(name)}:${perhaps(draw, `{${fields.join()}}`, 0.95)}`;
  });
  if (draw.chance(0.3)) entries.push(`"__metadata__":${perhaps(draw, '{"format":"pt"}', 0.5)}`);
  return `{${entries.join()}}${' '.repeat(draw.below(8))}`;
}

/** Headers of megabytes that would become many objects, or deep ones. */
function bomb(draw: Draw): Uint8Array {
  const megabytes = 1 + draw.below(9);
  const item = draw.pick(['[', '[],', '{"a":', '1,', '"",', '"\u2028",', ' ', `"${'x'.repeat(30)}":{},`, '\u0000']);
  const body = item.repeat(Math.floor((megabytes * 1e6) / item.length));
  const header = new TextEncoder().encode(`{"__metadata__":${draw.pick(['[', '{', ''])}${body}`);
  return joined([little(header.length, 8), header]);
}

/** A quantised matrix of 65 rows whose words, scales, factors and blocks may not fit each other. */
function strangelyQuantised(draw: Draw): Uint8Array {
  const size = (right: number): number => (draw.chance(0.9) ? right : draw.below(300));
  const storage = draw.pick(QUANTISED_STORAGES);
  const perWord = storage === 'int8' ? 4 : 8;
  const nested = storage === 'nf4-dq' && draw.chance(0.8);
  const of = (name: string, dtype: NamedTensor['dtype'], shape: number[]): NamedTensor => {
    const bytes = shape.reduce((product, n) => product * n, dtype === 'U8' ? 1 : 4);
    return { name, dtype, shape, data: new Uint8Array(bytes).fill(draw.below(256)) };
  };
  const all = [
    of('w', draw.chance(0.95) ? 'U32' : 'I32', draw.chance(0.95) ? [size(65), size(256 / perWord)] : [size(65)]),
    of('w.scales', nested ? 'U8' : 'F32', draw.chance(0.95) ? [size(65), size(4)] : []),
    of('w.columns', draw.chance(0.95) ? 'F32' : 'I32', draw.chance(0.95) ? [size(256)] : [size(1), 256]),
    of('w.blocks', draw.chance(0.95) ? 'F32' : 'I32', draw.chance(0.95) ? [size(2), size(2)] : [4]),
  ].filter(() => draw.chance(0.95));
  const { version, ...metadata } = quantisedMetadata(storage);
  const said = { ...metadata, version: draw.chance(0.9) ? version! : draw.pick(['1', '3', '']) };
  return joinBytes(encodeSafetensors(all, said));
}

/** One damaged file. */
export function safetensorsMutant(draw: Draw): Uint8Array {
  if (draw.chance(0.005)) return bomb(draw);
  if (draw.chance(0.35)) return damaged(fileOf(0, tensors.length), draw);
  if (draw.chance(0.15)) {
    const file = strangelyQuantised(draw);
    return draw.chance(0.7) ? file : damaged(file, draw);
  }
  const header = ascii(strangeHeader(draw));
  const length = draw.chance(0.9) ? header.length : draw.edge();
  const text = draw.chance(0.9) ? header : [...damaged(Uint8Array.from(header), draw)];
  return joined([little(length, 8), text, new Uint8Array(draw.below(40))]);
}

/** A folder of two shards and their index, one of which is damaged. */
export function shardsMutant(draw: Draw): ReadonlyMap<string, Uint8Array> {
  const shard = (from: number, to: number): Uint8Array =>
    draw.chance(0.85) ? fileOf(from, to) : damaged(fileOf(from, to), draw);
  const first = 'model-00001-of-00002.safetensors';
  const second = 'model-00002-of-00002.safetensors';
  const strange = [
    '../secret.safetensors',
    '/etc/passwd',
    'C:\\x.bin',
    '..',
    '',
    'a/b.safetensors',
    'x\u0000.bin',
    'gone.bin',
  ];
  const places = tensors.map(({ name }, i) => {
    const file = draw.chance(0.93) ? JSON.stringify(i < 2 ? first : second) : JSON.stringify(draw.pick(strange));
    return `${JSON.stringify(draw.chance(0.95) ? name : 'model.other')}:${perhaps(draw, file, 0.97)}`;
  });
  if (draw.chance(0.1)) places.push(places[0]);
  const map = perhaps(draw, `{${places.join()}}`, 0.95);
  const index = ascii(draw.chance(0.95) ? `{"metadata":{"total_size":51},"weight_map":${map}}` : anything(draw));
  return new Map([
    ['model.safetensors.index.json', draw.chance(0.8) ? Uint8Array.from(index) : damaged(Uint8Array.from(index), draw)],
    [first, shard(0, 2)],
    [second, draw.chance(0.9) ? shard(2, 4) : shard(1, 4)],
  ]);
}
