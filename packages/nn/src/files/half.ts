/** @file f16 and bf16 to f32 and back, rounding to nearest, ties to even. Node 20 has no `Float16Array`. */

const bits = new Uint32Array(1);
const value = new Float32Array(bits.buffer);
let table: Float32Array | undefined;

/** All 65,536 half values: a lookup is several times as fast as decoding the fields. */
function halfTable(): Float32Array {
  if (table) return table;
  const out = new Float32Array(65536);
  const raw = new Uint32Array(out.buffer);
  for (let h = 0; h < 65536; h++) {
    const sign = (h & 0x8000) << 16;
    const exponent = (h >> 10) & 31;
    const mantissa = h & 1023;
    if (exponent === 0) out[h] = (sign ? -1 : 1) * mantissa * 2 ** -24;
    else if (exponent === 31) raw[h] = sign | 0x7f800000 | (mantissa << 13);
    else raw[h] = sign | ((exponent + 112) << 23) | (mantissa << 13);
  }
  return (table = out);
}

/**
 * One f32 to the bits of the nearest half. Beyond 65,504 (rounded) it is infinite; every NaN becomes the quiet one of
 * its sign.
 */
export function halfBits(x: number): number {
  value[0] = x;
  const sign = (bits[0] >>> 16) & 0x8000;
  const magnitude = bits[0] & 0x7fffffff;
  if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude < 0x38800000) {
    // Subnormal: adding 0.5 lets the FPU round at the last of the ten bits.
    value[0] = Math.abs(value[0]) + 0.5;
    return sign | (bits[0] - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** One f32 to the bits of the nearest bfloat16. */
export function bfloatBits(x: number): number {
  value[0] = x;
  if ((bits[0] & 0x7fffffff) > 0x7f800000) return (bits[0] >>> 16) | 0x40; // a NaN must not round to infinity
  return ((bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) >>> 16) & 0xffff;
}

/** @param out as long as `source`: allocating takes more time than converting */
export function halfToFloat(source: Uint16Array, out: Float32Array = new Float32Array(source.length)): Float32Array {
  const lut = halfTable();
  for (let i = 0; i < source.length; i++) out[i] = lut[source[i]];
  return out;
}

/** @param out as long as `source` */
export function bfloatToFloat(source: Uint16Array, out: Float32Array = new Float32Array(source.length)): Float32Array {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < source.length; i++) words[i] = source[i] << 16;
  return out;
}

/** A half of one kind by its bits in the other; +65,536 for a finite bf16 beyond f16's range. */
const halvesTables: { f16?: Uint32Array; bf16?: Uint32Array } = {};
const BEYOND = 0x10000;

function halvesTable(from: 'f16' | 'bf16'): Uint32Array {
  const known = halvesTables[from];
  if (known) return known;
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const values = from === 'f16' ? halfToFloat(all) : bfloatToFloat(all);
  const out = new Uint32Array(65536);
  values.forEach((x, i) => {
    if (from === 'f16') out[i] = bfloatBits(x);
    else out[i] = halfBits(x) | (Number.isFinite(x) && Math.abs(x) >= 65520 ? BEYOND : 0);
  });
  return (halvesTables[from] = out);
}

/**
 * Words of two halves in the other kind, rounded to nearest, ties to even.
 * @param out as long as `words`
 * @returns whether f16 holds all of them that are finite
 */
export function convertHalves(words: Uint32Array, from: 'f16' | 'bf16', out: Uint32Array): boolean {
  const table = halvesTable(from);
  let seen = 0;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    const low = table[word & 0xffff];
    const high = table[word >>> 16];
    seen |= low | high;
    out[i] = (low & 0xffff) | (high << 16);
  }
  return (seen & BEYOND) === 0;
}

export function floatToHalf(source: Float32Array): Uint16Array {
  const out = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = halfBits(source[i]);
  return out;
}

export function floatToBfloat(source: Float32Array): Uint16Array {
  const out = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) out[i] = bfloatBits(source[i]);
  return out;
}
