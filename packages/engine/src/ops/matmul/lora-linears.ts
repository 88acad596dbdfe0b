/**
 * @file Linear layers with LoRA that read one input, as q, k and v do: products over what lies side by side are one
 * dispatch.
 */
import { accumulate } from '../../tensor/accumulate.ts';
import { copyDense } from '../../tensor/copy.ts';
import { defineMultiOp } from '../../tensor/op.ts';
import type { Run } from '../../tensor/op.ts';
import { requireFinite, requireOptions } from '../../tensor/options.ts';
import { sameShape } from '../../tensor/shape.ts';
import { requireTensors } from '../../tensor/tensor.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { stackAdjacent, evenRuns, canBeAdjacent, partsOf, spacingOf } from '../parts/adjacent.ts';
import { reduceMiddle } from '../parts/reduce.ts';
import { shardsOf } from '../parts/shards.ts';
import { loraLinear, planLora } from './lora-linear.ts';
import type { LoraOptions, LoraPlan } from './lora-linear.ts';
import { foldPays, isSplit, product } from './product.ts';
import type { Product } from './product.ts';

/** One of several layers over the same input; see `loraLinear`. */
export interface LoraLayer extends Omit<LoraOptions, 'dropout'> {
  readonly weight: Tensor;
  readonly bias: Tensor | null;
}

/** Inputs of a layer: weight, bias, lora_A, lora_B. */
const PER_LAYER = 4;
/** Where an input of a layer is among all, x first. */
const at = (layer: number, input: number): number => 1 + PER_LAYER * layer + input;
/** At most this many layers; more are several calls. */
const MOST = 4;
/** Few rows take the kernels of `loraLinear`, which sum a row in the same order for each number of rows. */
const FEW_ROWS = 4;

type Layer = readonly [weight: Tensor, bias: Tensor | null, a: Tensor, b: Tensor];

const layersOf = (inputs: readonly (Tensor | null)[]): Layer[] =>
  Array.from(
    { length: (inputs.length - 1) / PER_LAYER },
    (_, i) => inputs.slice(at(i, 0), at(i + 1, 0)) as unknown as Layer,
  );

const op = defineMultiOp({
  name: 'loraLinear',
  packed: Array.from({ length: MOST }, (_, i) => at(i, 0)),
  plan(inputs: readonly (Tensor | null)[], options: { readonly scale: number }): LoraPlan {
    const plans = layersOf(inputs).map((layer) => planLora([inputs[0]!, ...layer], options));
    return plans[0]!;
  },
  forward(run, inputs, { M, N, K, r, scale, y: shape }) {
    const x = inputs[0]!;
    const layers = layersOf(inputs);
    const [needX, , , needA, needB] = run.needs;
    const needW = layers.some((_, i) => run.needs[at(i, 0)]);
    const folded = foldedWeights(run, layers, scale, M);
    const h = needB || !folded ? run.out([layers.length, M, r]) : null;
    const hs = h && partsOf(h);
    if (hs) {
      const b = layers.map((layer) => layer[2]);
      inRuns(run, { a: [x], b, layout: 'nt', M, N: r, K, alpha: scale, sharesA: folded !== null }, { out: hs });
    }
    const isBatch =
      folded !== null && layers.every(([, bias]) => !bias) && canBeAdjacent(run.gpu, layers.length, M * N);
    // Separate tensors if possible, so that each lives only as long as it is needed.
    const ys = isBatch ? partsOf(run.out([layers.length, ...shape])) : layers.map(() => run.out(shape));
    if (isBatch) inRuns(run, { a: [x], b: folded, layout: 'nt', M, N, K }, { out: ys });
    else
      layers.forEach(([weight, bias, , b], i) => {
        const pair = folded ? undefined : { a: hs![i]!, b, K: r };
        product(run, { a: x, b: folded?.[i] ?? weight, layout: 'nt', M, N, K, shape, bias, pair, out: ys[i] });
      });
    const saved: Record<string, Tensor | null> = { x: needW || needA ? x : null, h: needB ? h : null };
    layers.forEach(([weight, , a, b], i) => {
      saved[`weight${i}`] = needX ? (folded?.[i] ?? weight) : null;
      saved[`a${i}`] = needX && !folded ? a : null;
      saved[`b${i}`] = (needX && !folded) || needA ? b : null;
    });
    return { ys, saved };
  },
  backward(run, dys, saved, { M, N, K, r, scale, x: xShape }) {
    const [needX, , , needA, needB] = run.needs;
    const results = new Array<Tensor | null>(at(dys.length, 0)).fill(null);
    const present = dys.flatMap((dy, i) => (dy ? [i] : []));
    const given = present.map((i) => dys[i]!);
    const savedOf = (name: string): Tensor[] => present.map((i) => saved[`${name}${i}`]!);
    const totals = (input: number): (Tensor | null)[] => present.map((i) => run.total(at(i, input)));
    const put = (input: number, gradients: readonly Tensor[]): void =>
      gradients.forEach((gradient, k) => (results[at(present[k]!, input)] = gradient));

    const b = savedOf('b');
    const dhs = b[0] ? partsOf(run.out([present.length, M, r])) : null;
    const sharesA = needX === true && !savedOf('a')[0];
    if (dhs) inRuns(run, { a: given, b, layout: 'nn', M, N: r, K: N, alpha: scale, sharesA }, { out: dhs });
    let dx = needX ? run.total(0) : null;
    for (const [k, i] of present.entries()) {
      const a = given[k]!;
      if (needX) {
        const loraA = saved[`a${i}`];
        const pair = loraA ? { a: dhs![k]!, b: loraA, K: r } : undefined;
        const b = saved[`weight${i}`]!;
        const part = product(run, { a, b, layout: 'nn', M, N: K, K: N, shape: xShape, pair, into: dx });
        if (dx && part !== dx) accumulate(dx, part);
        dx ??= part;
      }
      if (run.needs[at(i, 0)]) {
        const into = run.total(at(i, 0));
        results[at(i, 0)] = product(run, { a, b: saved.x!, layout: 'tn', M: N, N: K, K: M, shape: [N, K], into });
      }
      if (run.needs[at(i, 1)]) {
        const into = run.total(at(i, 1));
        results[at(i, 1)] = reduceMiddle('SUM', a, { outer: 1, n: M, inner: N, shape: [N], into });
      }
    }
    results[0] = dx;
    if (needA) {
      const into = allOf(totals(2));
      put(2, inRuns(run, { a: dhs!, b: [saved.x!], layout: 'tn', M: r, N: K, K: M }, { into }));
    }
    if (needB) {
      const hs = partsOf(saved.h!);
      const [b, into] = [present.map((i) => hs[i]!), allOf(totals(3))];
      put(3, inRuns(run, { a: given, b, layout: 'tn', M: N, N: r, K: M }, { into }));
    }
    return results;
  },
});

/** Products of one size: of each A with each B; a list of one is broadcast. */
interface Batch extends Pick<Product, 'layout' | 'M' | 'N' | 'K' | 'alpha' | 'sharesA'> {
  readonly a: readonly Tensor[];
  readonly b: readonly Tensor[];
}

/** One dispatch, or two of a split sum, for evenly spaced operands. */
function batchedProduct(
  run: Run,
  { a, b, ...sizes }: Batch,
  { out, into }: { readonly out?: readonly Tensor[]; readonly into?: readonly Tensor[] | null },
): readonly Tensor[] {
  const count = Math.max(a.length, b.length);
  const [aStep, bStep, size] = [spacingOf(a)!, spacingOf(b)!, sizes.M * sizes.N];
  const total = into && stackAdjacent(into, size);
  const c = product(run, {
    ...sizes,
    sharesA: sizes.sharesA === true && a.length === 1,
    a: stackAdjacent(a, aStep),
    b: stackAdjacent(b, bStep),
    shape: [count, sizes.M, sizes.N],
    batches: { count, inner: count, aOuter: 0, aInner: aStep, bOuter: 0, bInner: bStep },
    out: out && stackAdjacent(out, size),
    into: total,
  });
  return out ?? (c === total ? into! : partsOf(c));
}

/**
 * Computes adjacent products as batches. Writes `out` and adds to `into`, if given; returns the results in order. A sum
 * that is split anyway, in layouts other than tn, is not batched too.
 */
function inRuns(
  run: Run,
  { a, b, ...sizes }: Batch,
  { out, into }: { readonly out?: readonly Tensor[]; readonly into?: readonly Tensor[] | null } = {},
): readonly Tensor[] {
  const [as, bs] = [a.length > 1, b.length > 1];
  const even = [...(as ? [a] : []), ...(bs ? [b] : [])];
  if (even.length === 0) return batchedProduct(run, { a, b, ...sizes }, { out, into });
  const apart = sizes.layout !== 'tn' && isSplit(run.gpu, sizes);
  const runs = apart
    ? even[0]!.map((_, i) => [i, i + 1] as const)
    : evenRuns(even, [...(out ? [out] : []), ...(into ? [into] : [])]);
  return runs.flatMap(([start, end]) =>
    batchedProduct(
      run,
      { a: as ? a.slice(start, end) : a, b: bs ? b.slice(start, end) : b, ...sizes },
      { out: out?.slice(start, end), into: into?.slice(start, end) },
    ),
  );
}

/** The total of all where each has one, to add to. */
const allOf = (totals: readonly (Tensor | null)[]): readonly Tensor[] | null =>
  totals.every((total) => total) ? (totals as Tensor[]) : null;

/** W + scale · B·A of each layer, where that pays for M rows; else null. */
function foldedWeights(run: Run, layers: readonly Layer[], scale: number, M: number): readonly Tensor[] | null {
  const weights = layers.map(([weight]) => weight);
  const [N, K] = weights[0]!.shape as [number, number];
  const r = layers[0]![2].shape[0]!;
  if (!canBeAdjacent(run.gpu, layers.length, N * K) || !weights.every((weight) => foldPays(run, weight, r, M)))
    return null;
  const into = partsOf(run.out([layers.length, N, K]));
  weights.forEach((weight, i) => copyDense(into[i]!, weight));
  const [a, b] = [layers.map((layer) => layer[3]), layers.map((layer) => layer[2])];
  return inRuns(run, { a, b, layout: 'nn', M: N, N: K, K: r, alpha: scale }, { into });
}

/** x·Wᵀ by `loraLinear` for each of them, or at once for layers that allow it. */
function together(x: Tensor, layers: readonly LoraLayer[]): readonly Tensor[] {
  const [{ scale }] = layers as [LoraLayer];
  if (layers.length === 1) return layers.map(({ weight, bias, ...lora }) => loraLinear(x, weight, bias, lora));
  return op([x, ...layers.flatMap(({ weight, bias, a, b }) => [weight, bias, a, b])], { scale });
}

/** Whether a weight is read as it lies: neither in shards nor with factors that x meets first. */
const isWhole = (weight: Tensor): boolean => !shardsOf(weight) && !weight.quantisation?.columns;

/** Whether a layer can be computed together with those of `others`, which are alike. */
function joins(x: Tensor, { weight, a, b, scale }: LoraLayer, others: readonly LoraLayer[]): boolean {
  const [first] = others as [LoraLayer];
  const rows = x.size / Math.max(1, x.shape.at(-1) ?? 1);
  return (
    others.length < MOST &&
    rows > FEW_ROWS &&
    scale === first.scale &&
    sameShape(weight.shape, first.weight.shape) &&
    sameShape(a.shape, first.a.shape) &&
    sameShape(b.shape, first.b.shape) &&
    a.requiresGrad === first.a.requiresGrad &&
    b.requiresGrad === first.b.requiresGrad &&
    canBeAdjacent(x.gpu, 1, rows * (weight.shape[0] ?? 0)) &&
    canBeAdjacent(x.gpu, others.length + 1, rows * (a.shape[0] ?? 0)) &&
    isWhole(weight) &&
    isWhole(first.weight)
  );
}

/**
 * y = x·Wᵀ + bias + scale · (x·Aᵀ)·Bᵀ of several layers over one x, such as q, k and v: what `loraLinear` gives for
 * each, within rounding, in fewer dispatches. Layers of one size, rank and scale are computed together: their narrow
 * products at once where their A, or B, lie side by side, as an optimizer places adjacent parameters, and the gradients
 * of x as one sum.
 * @param x float[..., K]
 * @param layers weight float[N, K], bias float[N] or null, a float[r, K], b float[N, r]
 * @returns float[..., N] of each layer
 * Saves and throws what `loraLinear` does.
 */
export function loraLinears(x: Tensor, layers: readonly LoraLayer[]): Tensor[] {
  requireTensors('loraLinear', x);
  const groups: LoraLayer[][] = [];
  for (const given of layers) {
    const layer = requireOptions('loraLinear', given, ['weight', 'bias', 'a', 'b', 'scale']);
    requireTensors('loraLinear', layer.weight, layer.a, layer.b);
    requireFinite('loraLinear', 'scale', layer.scale);
    const group = groups.at(-1);
    if (group && joins(x, layer, group)) group.push(layer);
    else groups.push([layer]);
  }
  return groups.flatMap((group) => together(x, group));
}
