import { defineCases } from '../check/cases.ts';
import { Array64, mapRows } from '../check/oracle.ts';
import type { DType } from '../tensor/dtype.ts';
import { cast } from './cast.ts';
import type { CastOptions } from './cast.ts';

/** `v` with the given number of mantissa bits, to nearest, ties to even; for values that are normal in the format. */
function rounded(v: number, bits: number): number {
  if (v === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(v))) - bits);
  const scaled = v / unit;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  return (rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor) * unit;
}

const NF4 = [-1, -0.6961928, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0, 0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1];

/** One group through a quantised type and back. */
function quantised(group: ArrayLike<number>, to: DType, zeros: boolean): number[] {
  const values = Array.from(group);
  const widest = Math.max(...values.map(Math.abs));
  if (to === 'nf4') return values.map((v) => widest * NF4.reduce((a, b) => (Math.abs(b - v / widest) < Math.abs(a - v / widest) ? b : a)));
  if (to === 'int8') return values.map((v) => (Math.round((v / widest) * 127) * widest) / 127);
  if (!zeros) return values.map((v) => (Math.round((v / widest) * 7) * widest) / 7);
  const low = Math.min(0, ...values);
  const scale = (Math.max(0, ...values) - low) / 15;
  const zero = Math.round(-low / scale);
  return values.map((v) => (Math.min(15, Math.max(0, Math.round(v / scale) + zero)) - zero) * scale);
}

export const castCases = defineCases<{ to: DType } & CastOptions>({
  op: 'cast',
  run: ([x], { to, ...options }) => cast(cast(x!, to, options), 'f32'),
  reference([x], { to, groupSize, zeros }) {
    const data = x!.data;
    if (to === 'f16' || to === 'bf16') return new Array64(x!.shape, data.map((v) => rounded(v, to === 'f16' ? 10 : 7)));
    if (to === 'i32') return new Array64(x!.shape, data.map(Math.trunc));
    if (to === 'u32') return new Array64(x!.shape, data.map(Math.trunc));
    if (to === 'bool') return new Array64(x!.shape, data.map((v) => Number(v !== 0)));
    const group = groupSize ?? Math.min(64, x!.shape.at(-1)!);
    return new Array64(x!.shape, mapRows(new Array64([data.length / group, group], data), (row) => quantised(row, to, zeros ?? false)).data);
  },
  differentiable: false,
  cases: [
    { label: 'i32', inputs: [{ shape: [5, 7], range: [-9, 9] }], attrs: { to: 'i32' } },
    { label: 'u32', inputs: [{ shape: [33], range: [0, 9] }], attrs: { to: 'u32' } },
    { label: 'bool', inputs: [{ shape: [5], values: [0, 1, -2, 0, 0.5] }], attrs: { to: 'bool' } },
    { label: 'f16', inputs: [[9, 31]], attrs: { to: 'f16' } },
    { label: 'bf16', inputs: [[9, 31]], attrs: { to: 'bf16' } },
    { label: 'f16 of one element', inputs: [[1]], attrs: { to: 'f16' } },
    { label: 'int8', inputs: [[5, 128]], attrs: { to: 'int8' } },
    { label: 'int8, groups of 8', inputs: [[3, 24]], attrs: { to: 'int8', groupSize: 8 } },
    { label: 'int4', inputs: [[5, 128]], attrs: { to: 'int4' } },
    { label: 'int4 with zeros', inputs: [{ shape: [4, 64], range: [-1, 3] }], attrs: { to: 'int4', groupSize: 32, zeros: true } },
    { label: 'nf4', inputs: [[5, 128]], attrs: { to: 'nf4' } },
    { label: 'nf4 of zeros', inputs: [{ shape: [8], values: [0, 0, 0, 0, 0, 0, 0, 1] }], attrs: { to: 'nf4' } },
  ],
});
