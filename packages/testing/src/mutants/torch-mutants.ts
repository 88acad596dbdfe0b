/** @file Damaged `.bin` files: the archive, its pickle inside a whole archive, and pickles written to be unkind. */
import { ascii, damaged, type Draw, joined, little } from './draw.ts';

/** A stored archive of the given entries. @param wide with zip64 records, as one of 4 GiB needs them */
export function zipOf(files: ReadonlyMap<string, Uint8Array>, wide = false): Uint8Array {
  const parts: ArrayLike<number>[] = [];
  const central: ArrayLike<number>[] = [];
  let at = 0;
  const narrow = (value: number): number[] => little(wide ? 2 ** 32 - 1 : value, 4);
  const extra = (...values: number[]): number[] =>
    wide ? [1, 0, ...little(8 * values.length, 2), ...values.flatMap((value) => little(value, 8))] : [];
  for (const [name, data] of files) {
    const text = ascii(name);
    const sizes = [...narrow(data.length), ...narrow(data.length), ...little(text.length, 2)];
    const [own, all] = [extra(data.length, data.length), extra(data.length, data.length, at)];
    const head = [...little(0x04034b50, 4), ...little(0, 14), ...sizes, ...little(own.length, 2), ...text, ...own];
    const widths = [...sizes, ...little(all.length, 2), ...little(0, 10)];
    central.push([...little(0x02014b50, 4), ...little(0, 16), ...widths, ...narrow(at), ...text, ...all]);
    parts.push(head, data);
    at += head.length + data.length;
  }
  const directory = joined(central);
  const totals = [files.size, files.size, directory.length, at];
  if (wide) {
    const record = [
      ...little(0x06064b50, 4),
      ...little(44, 8),
      ...little(0, 12),
      ...totals.flatMap((n) => little(n, 8)),
    ];
    const locator = [...little(0x07064b50, 4), ...little(0, 4), ...little(at + directory.length, 8), ...little(1, 4)];
    central.push(record, locator);
  }
  const count = little(wide ? 2 ** 16 - 1 : files.size, 2);
  const end = [...little(0x06054b50, 4), ...little(0, 4), ...count, ...count];
  return joined([...parts, ...central, end, narrow(directory.length), narrow(at), [0, 0]]);
}

/** The entries of an archive that torch.save wrote, by its directory. */
export function entriesOf(bytes: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const files = new Map<string, Uint8Array>();
  // One before 1.6 is not an archive.
  if (view.getUint32(0, true) !== 0x04034b50) return files;
  let at = view.getUint32(bytes.length - 6, true);
  while (view.getUint32(at, true) === 0x02014b50) {
    const [size, place] = [view.getUint32(at + 24, true), view.getUint32(at + 42, true)];
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const begin = place + 30 + view.getUint16(place + 26, true) + view.getUint16(place + 28, true);
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    files.set(name, bytes.subarray(begin, begin + size));
    at += 46 + nameLength + extra + comment;
  }
  return files;
}

const text = (value: string): number[] => {
  const bytes = ascii(value);
  return [0x58, ...little(bytes.length, 4), ...bytes];
};
const whole = (value: number): number[] =>
  value < 256
    ? [0x4b, value]
    : value < 2 ** 31
      ? [0x4a, ...little(value, 4)]
      : value < 2 ** 63
        ? [0x8a, 8, ...little(value, 8)]
        : [0x8a, 9, ...little(value, 9)];
const global = (module: string, name: string): number[] => ascii(`c${module}\n${name}\n`);
const tuple = (items: readonly number[][]): number[] => [0x28, ...items.flat(), 0x74];

/** A value of some kind, the wrong one mostly. */
function anything(draw: Draw, depth = 0): number[] {
  const kinds: (() => number[])[] = [
    () => [0x4e],
    () => [0x88],
    () => [0x29],
    () => [0x7d],
    () => whole(draw.edge()),
    () => text(draw.pick(['', 'storage', '0', '../0', '__proto__', 'constructor', 'x\ny', 'a'.repeat(300)])),
    () => global('torch', draw.pick(['FloatStorage', 'BoolStorage', 'hasOwnProperty', 'toString', 'Size'])),
    () => global('collections', 'OrderedDict'),
    () => [...global('collections', 'OrderedDict'), 0x29, 0x52],
    () => [0x68, draw.below(8)],
    () => [0x47, ...Array.from({ length: 8 }, () => draw.below(256))],
    () => [0x8a, 255, ...new Array<number>(255).fill(0x7f)],
  ];
  if (depth < 4) {
    const nested = (): number[][] => Array.from({ length: draw.below(4) }, () => anything(draw, depth + 1));
    kinds.push(
      () => tuple(nested()),
      () => [...anything(draw, depth + 1), 0x71, draw.below(8)],
      () => [...anything(draw, depth + 1), 0x51],
    );
  }
  return draw.pick(kinds)();
}

const perhaps = (draw: Draw, right: number[], share = 0.95): number[] => (draw.chance(share) ? right : anything(draw));
const sizes = (draw: Draw, right: readonly number[]): number[] =>
  perhaps(
    draw,
    tuple((draw.chance(0.5) ? right : Array.from({ length: draw.below(6) }, () => draw.edge())).map((n) => whole(n))),
  );

/** A tensor as torch.save pickles it, with strange values here and there. */
function strangeTensor(draw: Draw): number[] {
  const id = tuple([
    perhaps(draw, text('storage')),
    perhaps(draw, global('torch', 'FloatStorage')),
    perhaps(draw, text('0')),
    perhaps(draw, text('cpu')),
    perhaps(draw, whole(4)),
  ]);
  const args = [
    [...perhaps(draw, id), 0x51],
    perhaps(draw, whole(0)),
    sizes(draw, [2, 2]),
    sizes(draw, [2, 1]),
    perhaps(draw, [0x89]),
    perhaps(draw, [...global('collections', 'OrderedDict'), 0x29, 0x52]),
  ];
  return [
    ...global('torch._utils', '_rebuild_tensor_v2'),
    ...tuple(args.slice(0, draw.chance(0.9) ? 6 : draw.below(6))),
    0x52,
  ];
}

/** A tuple of 2^levels leaves: each holds the one before twice, by reference. */
function doubled(levels: number): number[] {
  const out = [...text('leaf'), 0x85, 0x71, 0];
  for (let i = 1; i <= levels; i++) out.push(0x68, i - 1, 0x86, 0x71, i);
  return out;
}

/** Pickles that ask for much with little. */
function bomb(draw: Draw): number[] {
  return draw.pick<() => number[]>([
    () => [0x7d, ...doubled(40), ...strangeTensor(draw), 0x73],
    () => [0x7d, ...text('w'), ...doubled(40), 0x73],
    () => {
      const wide = draw.pick([2 ** 28, 2 ** 32, 2 ** 40, 2 ** 50]);
      const id = tuple([text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu'), whole(4)]);
      const args = [
        [...id, 0x51],
        whole(0),
        tuple([whole(wide), whole(1)]),
        tuple([whole(0), whole(1)]),
        [0x89],
        [0x4e],
      ];
      return [0x7d, ...text('w'), ...global('torch._utils', '_rebuild_tensor_v2'), ...tuple(args), 0x52, 0x73];
    },
    () => new Array<number>(50_000).fill(draw.pick([0x28, 0x29, 0x7d, 0x4e, 0x88, 0x85])),
    () => [0x4e, ...new Array<number>(300_000).fill(0x85)],
    () => Array.from({ length: 12_000 }, (_, i) => [0x7d, 0x72, ...little(i, 4)]).flat(),
    () => Array.from({ length: 20_000 }, (_, i) => [...(i % 2 ? [0x28] : [0x7d]), 0x72, ...little(i, 4)]).flat(),
    () => [0x58, ...little(2 ** 32 - 1, 4), 0x61],
    () => [0x8d, ...little(2 ** 50, 8), 0x61],
    () => [0x8b, ...little(2 ** 31 - 1, 4), 1],
    () => [0x7d, 0x71, 0, ...text('self'), 0x68, 0, 0x73],
  ])();
}

/** One damaged file out of those that torch.save wrote. */
export function torchMutant(samples: readonly Uint8Array[], draw: Draw): Uint8Array {
  const sample = draw.pick(samples);
  const files = entriesOf(sample);
  // Damage to zip64 records has to be made here: no file of less than 4 GiB has them.
  if (draw.chance(0.3)) return damaged(files.size > 0 && draw.chance(0.3) ? zipOf(files, true) : sample, draw);
  const [pickle] = [...files.keys()].filter((name) => name.endsWith('data.pkl'));
  if (pickle && draw.chance(0.5)) {
    files.set(pickle, damaged(files.get(pickle)!, draw));
    return zipOf(files);
  }
  const items = Array.from({ length: 1 + draw.below(3) }, (_, i) => [
    ...perhaps(draw, text(draw.chance(0.9) ? `w${i}` : 'w0')),
    ...(draw.chance(0.95) ? strangeTensor(draw) : anything(draw)),
    0x73,
  ]);
  const code = draw.chance(0.25) ? bomb(draw) : [0x7d, ...items.flat()];
  const strange = draw.chance(0.1) ? damaged(Uint8Array.from(code), draw) : code;
  const made = new Map([
    ['r/data.pkl', joined([[0x80, draw.pick([2, 2, 3, 4, 5])], strange, [0x2e]])],
    ['r/data/0', new Uint8Array(16)],
  ]);
  if (draw.chance(0.05)) made.set('r/byteorder', Uint8Array.from(ascii(draw.pick(['little', 'big', '']))));
  return zipOf(made);
}
