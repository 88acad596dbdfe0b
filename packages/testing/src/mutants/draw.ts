/** @file Damage to bytes, drawn from a seed: the same seed always makes the same file. */

/** Whole numbers at which readers stumble: ends of types, signs, sizes that overflow. */
const EDGES = [0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 65535, 65536, 2 ** 28, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const WIDE_EDGES = [2 ** 32, 2 ** 40, 2 ** 50, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64 - 2 ** 11];

export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  }

  /** Uniform in [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  edge(): number {
    return this.pick(this.chance(0.7) ? EDGES : WIDE_EDGES);
  }
}

export const little = (value: number, size: number): number[] => {
  const out: number[] = [];
  let rest = BigInt.asUintN(8 * size, BigInt(Math.trunc(value)));
  for (let i = 0; i < size; i++, rest >>= 8n) out.push(Number(rest & 255n));
  return out;
};

export const ascii = (text: string): number[] => Array.from(new TextEncoder().encode(text));

export const joined = (parts: readonly ArrayLike<number>[]): Uint8Array => {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

type Damage = (bytes: Uint8Array, draw: Draw) => Uint8Array;

const written: Damage = (bytes, draw) => {
  const size = draw.pick([1, 2, 4, 8]);
  const out = bytes.slice();
  out.set(little(draw.edge(), size).slice(0, out.length), draw.below(Math.max(1, out.length - size)));
  return out;
};

const DAMAGES: readonly Damage[] = [
  // one bit
  (bytes, draw) => {
    const out = bytes.slice();
    if (out.length > 0) out[draw.below(out.length)] ^= 1 << draw.below(8);
    return out;
  },
  // some bytes
  (bytes, draw) => {
    const out = bytes.slice();
    for (let i = draw.below(8); i >= 0 && out.length > 0; i--) out[draw.below(out.length)] = draw.below(256);
    return out;
  },
  // a number at an edge, over what stands there
  written,
  written,
  // cut short
  (bytes, draw) => bytes.slice(0, draw.below(bytes.length + 1)),
  // a piece taken out
  (bytes, draw) => {
    const from = draw.below(bytes.length + 1);
    return joined([bytes.subarray(0, from), bytes.subarray(from + 1 + draw.below(64))]);
  },
  // a piece repeated
  (bytes, draw) => {
    const from = draw.below(bytes.length + 1);
    const piece = bytes.subarray(from, from + 1 + draw.below(64));
    const times = draw.chance(0.1) ? 2000 : 1 + draw.below(4);
    return joined([bytes.subarray(0, from), ...Array.from({ length: times }, () => piece), bytes.subarray(from)]);
  },
  // a piece put elsewhere
  (bytes, draw) => {
    const out = bytes.slice();
    const from = draw.below(bytes.length + 1);
    const piece = bytes.subarray(from, from + 1 + draw.below(32));
    if (piece.length <= out.length) out.set(piece, draw.below(out.length - piece.length + 1));
    return out;
  },
  // noise put in
  (bytes, draw) => {
    const at = draw.below(bytes.length + 1);
    const noise = Array.from({ length: 1 + draw.below(16) }, () => draw.below(256));
    return joined([bytes.subarray(0, at), noise, bytes.subarray(at)]);
  },
];

/** One to four damages, one after the other. */
export function damaged(bytes: Uint8Array, draw: Draw): Uint8Array {
  let out = bytes;
  for (let i = draw.chance(0.6) ? 1 : 2 + draw.below(3); i > 0; i--) out = draw.pick(DAMAGES)(out, draw);
  return out;
}
