import { defineCases } from '../../truth/cases.ts';
import type { Case, InputSpec } from '../../truth/cases.ts';
import { Array64 } from '../../truth/oracle.ts';
import type { Shape } from '../../tensor/shape.ts';
import { scaledDotProductAttention } from './attention.ts';
import { attentionProducts } from './products.ts';
import { attentionVariants } from './variants.ts';

interface Attrs {
  causal?: boolean;
  scale?: number;
}

const q = (...shape: number[]): Shape => shape;
const ints = (values: number[]): InputSpec => ({ shape: [values.length], dtype: 'i32', values });
const frozen = (...shape: number[]): InputSpec => ({ shape, needsGrad: false });

const constant = (tokens: number, d: number, value: number): InputSpec => ({
  shape: [1, 1, tokens, d],
  values: Array<number>(tokens * d).fill(value),
  needsGrad: false,
});

/** Values with infinities at the last key. */
const infiniteAtLast = (keys: number, d: number): InputSpec => ({
  shape: [1, 1, keys, d],
  values: Array.from({ length: keys * d }, (_, i) => (i < (keys - 1) * d ? ((i * 7) % 5) - 2 : Infinity)),
  needsGrad: false,
});

/** Rows of one value each, from -most to most. */
const rising = (tokens: number, d: number, most: number): InputSpec => ({
  shape: [1, 1, tokens, d],
  values: Array.from({ length: tokens * d }, (_, i) => most * ((2 * Math.floor(i / d)) / (tokens - 1) - 1)),
  needsGrad: false,
});

/** Self-attention of B rows, H heads, T tokens, width D. */
const self = (b: number, h: number, t: number, d: number, attrs: Attrs = {}): Case<Attrs> => ({
  label: `${b}x${h}x${t}x${d}${attrs.causal ? ' causal' : ''}`,
  inputs: [q(b, h, t, d), q(b, h, t, d), q(b, h, t, d), null, null],
  attrs,
});
const bench = (label: string, b: number, h: number, t: number, d: number, causal = false) => ({
  ...self(b, h, t, d, { causal }),
  label,
  flops: (4 * b * h * t * t * d) / (causal ? 2 : 1),
});

export const attentionCases = defineCases<Attrs>({
  op: 'scaledDotProductAttention',
  run: ([query, key, value, lengths, position], attrs) =>
    scaledDotProductAttention(query!, key!, value!, {
      ...attrs,
      ...(lengths && { lengths }),
      ...(position && { position }),
    }),
  reference: ([query, key, value, lengths, position], { causal, scale }) => {
    const [batch, heads, tokens, width] = query!.shape as [number, number, number, number];
    const [, kvHeads, keys] = key!.shape as [number, number, number, number];
    const y = new Array64(query!.shape);
    const row = (x: Array64, n: number, b: number, h: number, i: number): Float64Array =>
      x.data.subarray(((b * x.shape[1]! + h) * n + i) * width, ((b * x.shape[1]! + h) * n + i + 1) * width);
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        const kvHead = Math.floor((h * kvHeads) / heads);
        for (let i = 0; i < tokens; i++) {
          const first = position ? position.data[position.data.length > 1 ? b : 0]! : keys - tokens;
          const end = Math.max(0, Math.min(keys, lengths?.data[b] ?? keys, causal || position ? first + i + 1 : keys));
          const mine = row(query!, tokens, b, h, i);
          const scores = Float64Array.from(
            { length: end },
            (_, j) =>
              row(key!, keys, b, kvHead, j).reduce((sum, v, d) => sum + v * mine[d]!, 0) *
              (scale ?? 1 / Math.sqrt(width)),
          );
          const top = Math.max(...scores);
          const e = scores.map((s) => Math.exp(s - top));
          const total = e.reduce((sum, v) => sum + v, 0);
          const out = row(y, tokens, b, h, i);
          e.forEach((p, j) => row(value!, keys, b, kvHead, j).forEach((v, d) => (out[d]! += (p / total) * v)));
        }
      }
    }
    return y;
  },
  families: { attention: attentionVariants, 'attention backward': { products: attentionProducts } },
  cases: [
    self(1, 1, 1, 4),
    self(1, 2, 5, 3),
    self(1, 1, 17, 32),
    self(1, 2, 31, 32, { causal: true }),
    self(1, 1, 37, 64, { causal: true, scale: 0.25 }),
    self(1, 1, 18, 128),
    { label: 'lengths', inputs: [q(3, 1, 9, 32), q(3, 1, 9, 32), q(3, 1, 9, 32), ints([9, 4, 1]), null], attrs: {} },
    {
      label: 'lengths, causal, none valid',
      inputs: [q(2, 1, 19, 32), q(2, 1, 19, 32), q(2, 1, 19, 32), ints([13, 0]), null],
      attrs: { causal: true },
    },
    {
      label: 'grouped heads',
      inputs: [q(1, 4, 18, 32), q(1, 2, 18, 32), q(1, 2, 18, 32), null, null],
      attrs: { causal: true },
    },
    {
      label: 'grouped heads, odd width',
      inputs: [q(2, 6, 4, 5), q(2, 2, 4, 5), q(2, 2, 4, 5), null, null],
      attrs: { causal: true },
    },
    {
      label: 'more keys than queries',
      inputs: [q(1, 2, 7, 32), q(1, 2, 39, 32), q(1, 2, 39, 32), null, null],
      attrs: { causal: true },
    },
    {
      label: 'fewer keys than queries',
      inputs: [q(1, 1, 20, 32), q(1, 1, 6, 32), q(1, 1, 6, 32), null, null],
      attrs: { causal: true },
    },
    {
      label: 'decode at a position',
      inputs: [frozen(2, 4, 1, 32), frozen(2, 2, 50, 32), frozen(2, 2, 50, 32), null, ints([36])],
      attrs: {},
    },
    {
      label: 'decode, a position per row',
      inputs: [frozen(2, 2, 3, 64), frozen(2, 2, 40, 64), frozen(2, 2, 40, 64), null, ints([36, 0])],
      attrs: {},
    },
    ...[96, 128].map((d) => ({
      label: `decode over many keys, width ${d}`,
      inputs: [frozen(1, 2, 1, d), frozen(1, 1, 200, d), frozen(1, 1, 200, d), null, ints([150])],
      attrs: {},
    })),
    // Parts of attention/decode_parts begin at keys 256 and 512.
    {
      label: 'decode at the borders of parts',
      inputs: [frozen(5, 2, 1, 32), frozen(5, 1, 520, 32), frozen(5, 1, 520, 32), null, ints([0, 255, 256, 511, 519])],
      attrs: {},
    },
    {
      label: 'decode of three tokens across borders',
      inputs: [frozen(3, 4, 3, 64), frozen(3, 2, 514, 64), frozen(3, 2, 514, 64), null, ints([253, 254, 511])],
      attrs: {},
    },
    {
      label: 'decode over many keys, lengths',
      inputs: [frozen(4, 1, 1, 96), frozen(4, 1, 513, 96), frozen(4, 1, 513, 96), ints([513, 512, 257, 0]), null],
      attrs: { causal: true },
    },
    {
      label: 'decode over parts of very different scores',
      inputs: [constant(1, 128, 1e18), rising(600, 128, 1e17), frozen(1, 1, 600, 128), null, ints([590])],
      attrs: { scale: 1 },
    },
    {
      label: 'decode, an infinite value in the last part',
      inputs: [frozen(1, 1, 1, 32), frozen(1, 1, 258, 32), infiniteAtLast(258, 32), null, ints([257])],
      attrs: {},
    },
    {
      label: 'decode, an infinite value past the position',
      inputs: [frozen(1, 1, 1, 64), frozen(1, 1, 300, 64), infiniteAtLast(300, 64), null, ints([298])],
      attrs: {},
    },
    ...[3, 32, 64, 128].flatMap((d) =>
      [false, true].map((causal) => ({
        label: `scores of -${d}e36${causal ? ', causal' : ''}`,
        inputs: [constant(2, d, 1e18), constant(37, d, -1e18), { shape: [1, 1, 37, d], needsGrad: false }, null, null],
        attrs: { scale: 1, causal },
      })),
    ),
    ...[3, 32, 64, 128].flatMap((d) =>
      [37, 33].map((keys) => ({
        label: `an infinite value at the last of ${keys} keys, width ${d}`,
        inputs: [frozen(1, 1, 18, d), frozen(1, 1, keys, d), infiniteAtLast(keys, d), null, null],
        attrs: {},
      })),
    ),
    {
      label: 'an infinite value past the valid keys',
      inputs: [frozen(1, 1, 18, 32), frozen(1, 1, 21, 32), infiniteAtLast(21, 32), ints([19]), null],
      attrs: {},
    },
    {
      label: 'several tiles',
      inputs: [q(1, 2, 35, 32), q(1, 1, 70, 32), q(1, 1, 70, 32), null, null],
      attrs: { causal: true },
    },
    {
      label: 'several tiles, lengths',
      inputs: [q(2, 1, 36, 64), q(2, 1, 36, 64), q(2, 1, 36, 64), ints([36, 20]), null],
      attrs: {},
    },
    {
      label: 'strided',
      inputs: [{ shape: [2, 2, 5, 32], strided: true }, q(2, 2, 5, 32), q(2, 2, 5, 32), null, null],
      attrs: {},
    },
    {
      label: 'large scores',
      inputs: [
        { shape: [1, 1, 20, 32], range: [3, 5] },
        { shape: [1, 1, 20, 32], range: [3, 5] },
        q(1, 1, 20, 32),
        null,
        null,
      ],
      attrs: {},
      tolerance: { factor: 4, reason: 'a score of 90 is rounded to 8e-6, which exp passes on' },
    },
  ],
  rare: [
    self(1, 1, 18, 16, { causal: true }),
    self(1, 1, 18, 96),
    self(1, 1, 18, 64),
    self(1, 1, 19, 72),
    self(1, 1, 70, 128, { causal: true }),
  ],
  bench: [
    bench('8x512x64', 1, 8, 512, 64),
    bench('8x512x64 causal', 1, 8, 512, 64, true),
    bench('CLIP ViT-L/14-336', 1, 16, 577, 64),
    bench('small LLaMA, stage 2', 8, 4, 160, 32, true),
    bench('small LLaMA, stage 1', 16, 4, 64, 32, true),
    bench('small CLIP, batch 128, half of the patches', 128, 4, 19, 32),
    bench('small CLIP, batch 128', 128, 4, 37, 32),
    bench('LLaMA-7B, 256 tokens', 1, 32, 256, 128, true),
    {
      label: 'LLaMA-7B, a token over 1,024 keys',
      inputs: [frozen(1, 32, 1, 128), frozen(1, 32, 1024, 128), frozen(1, 32, 1024, 128), null, ints([1023])],
      attrs: {},
      bytes: 2 * 4 * 32 * 1024 * 128,
    },
  ],
});
