import { defineCases } from '../../truth/cases.ts';
import type { InputSpec } from '../../truth/cases.ts';
import { build } from '../../truth/oracle.ts';
import type { Array64 } from '../../truth/oracle.ts';
import { cat } from '../layout/cat.ts';
import { rotaryEmbedding, rotaryEmbeddings } from './rotary-embedding.ts';

const frozen = (...shape: number[]): InputSpec => ({ shape, needsGrad: false });

interface Attrs {
  theta: number;
  start?: number;
}

function rotated(x: Array64, positions: Array64 | null | undefined, { theta, start = 0 }: Attrs): Array64 {
  const [, tokens, , width] = x.shape as [number, number, number, number];
  const half = width / 2;
  return build(x.shape, (b, t, h, d) => {
    const given = positions?.data;
    const position = !given
      ? start + t!
      : given.length === 1
        ? given[0]! + t!
        : given.length === tokens
          ? given[t!]!
          : given[b! * tokens + t!]!;
    if (position < 0 || position > 65535) return NaN;
    const angle = position * theta ** ((-2 * (d! % half)) / width);
    const other = d! < half ? -x.at(b!, t!, h!, d! + half) : x.at(b!, t!, h!, d! - half);
    return x.at(b!, t!, h!, d!) * Math.cos(angle) + other * Math.sin(angle);
  });
}

export const rotaryEmbeddingCases = defineCases<Attrs>({
  op: 'rotaryEmbedding',
  run: ([x, positions], attrs) => rotaryEmbedding(x!, positions ? { ...attrs, positions } : attrs),
  reference: ([x, positions], attrs) => rotated(x!, positions, attrs),
  cases: [
    { inputs: [[1, 1, 1, 2], null], attrs: { theta: 10000 } },
    { inputs: [[2, 5, 3, 6], null], attrs: { theta: 10000 } },
    { inputs: [[1, 33, 2, 32], null], attrs: { theta: 500000 } },
    {
      label: 'large start',
      inputs: [[2, 3, 2, 8], { shape: [1], dtype: 'i32', values: [60000] }],
      attrs: { theta: 10000 },
    },
    { label: 'start', inputs: [[1, 4, 2, 8], null], attrs: { theta: 10000, start: 259 } },
    {
      label: 'a position per token',
      inputs: [[2, 4, 1, 8], { shape: [4], dtype: 'i32', values: [3, 300, 0, 4095] }],
      attrs: { theta: 10000 },
    },
    {
      label: 'positions per row',
      inputs: [[2, 3, 1, 4], { shape: [2, 3], dtype: 'i32', range: [0, 2048] }],
      attrs: { theta: 10000 },
    },
    {
      label: 'position out of range',
      inputs: [
        { shape: [1, 5, 1, 8], needsGrad: false },
        { shape: [5], dtype: 'i32', values: [65535, 65536, 100000, -1, 0], onDevice: true },
      ],
      attrs: { theta: 10000 },
    },
    {
      label: 'positions that run out of range, odd half width',
      inputs: [
        { shape: [1, 3, 2, 6], needsGrad: false },
        { shape: [1], dtype: 'i32', values: [65534], onDevice: true },
      ],
      attrs: { theta: 10000 },
    },
    { label: 'empty', inputs: [[0, 3, 1, 4], null], attrs: { theta: 10000 } },
    { label: 'strided', inputs: [{ shape: [2, 3, 2, 4], strided: true }, null], attrs: { theta: 10000 } },
  ],
  bench: [
    {
      label: 'small LLaMA, stage 2',
      inputs: [[8, 160, 4, 32], null],
      attrs: { theta: 10000 },
      bytes: 8 * 8 * 160 * 128,
    },
  ],
});

/** q and k concatenated along the heads. */
export const rotaryEmbeddingsCases = defineCases<Attrs>({
  op: 'rotaryEmbeddings',
  run: ([q, k, positions], attrs) =>
    cat(rotaryEmbeddings(q!, k!, positions ? { ...attrs, positions } : attrs), { axis: 2 }),
  reference: ([q, k, positions], attrs) => {
    const [heads, both] = [q!.shape[2]!, q!.shape[2]! + k!.shape[2]!];
    const [turnedQ, turnedK] = [rotated(q!, positions, attrs), rotated(k!, positions, attrs)];
    return build([q!.shape[0]!, q!.shape[1]!, both, q!.shape[3]!], (b, t, h, d) =>
      h! < heads ? turnedQ.at(b!, t!, h!, d!) : turnedK.at(b!, t!, h! - heads, d!),
    );
  },
  cases: [
    { label: 'equal shapes', inputs: [[2, 4, 2, 8], [2, 4, 2, 8], null], attrs: { theta: 10000 } },
    { label: 'equal shapes, adjacent in memory', inputs: [[2, 8, 2, 8], [2, 8, 2, 8], null], attrs: { theta: 10000 } },
    { label: 'grouped heads', inputs: [[2, 5, 6, 8], [2, 5, 2, 8], null], attrs: { theta: 10000, start: 259 } },
    { label: 'odd half width', inputs: [[2, 3, 2, 6], [2, 3, 1, 6], null], attrs: { theta: 500 } },
    { label: 'only q needs a gradient', inputs: [[1, 4, 2, 8], frozen(1, 4, 2, 8), null], attrs: { theta: 10000 } },
    { label: 'only k needs a gradient', inputs: [frozen(1, 4, 2, 8), [1, 4, 2, 8], null], attrs: { theta: 10000 } },
    {
      label: 'strided, positions per row',
      inputs: [
        { shape: [2, 3, 2, 8], strided: true },
        { shape: [2, 3, 1, 8], strided: true },
        { shape: [2, 3], dtype: 'i32', range: [0, 2048] },
      ],
      attrs: { theta: 10000 },
    },
  ],
});
