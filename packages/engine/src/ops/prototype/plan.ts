/** @file What the prototype extractor is given, and the shapes and sizes that follow. */
import { ShapeError } from '../../gpu/errors.ts';
import { sameShape, showShape } from '../../tensor/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Sizes } from './kernels.ts';

export interface PrototypeClusterOptions {
  /** K, the number of centres. */
  readonly numPrototypes: number;
  /** T, the number of E/M iterations; at least 1. */
  readonly iterations: number;
}

/** Which tokens share a centre, as the op computed it; the tensors live as long as its result. */
export interface PrototypeAssignment {
  /** Of each iteration the softmax over the centres, float[B, L, K]. */
  readonly iterations: readonly Tensor[];
  /** n(l), u32[B, L]. */
  readonly centre: Tensor;
  /** w(l), float[B, L]. */
  readonly weight: Tensor;
}

export interface Attributes extends PrototypeClusterOptions {
  readonly onAssignment?: (assignment: PrototypeAssignment) => void;
}

/** The weights of the extractor itself; those of its linear maps around it are the caller's. */
export interface PrototypeWeights {
  /** float[D, D], the map from centres to queries. */
  readonly cWeight: Tensor;
  /** float[D]. */
  readonly cBias: Tensor;
  /** α and β, one element each. */
  readonly simAlpha: Tensor;
  readonly simBeta: Tensor;
}

/** `x`, `f`, `v` float[B, L, D], weight and bias of the centre map, α and β. */
export type Inputs = readonly [
  x: Tensor,
  f: Tensor,
  v: Tensor,
  cWeight: Tensor,
  cBias: Tensor,
  simAlpha: Tensor,
  simBeta: Tensor,
];

export interface Plan extends Pick<Attributes, 'iterations' | 'onAssignment'> {
  readonly alphaShape: readonly number[];
  readonly betaShape: readonly number[];
  readonly channels: readonly number[];
  /** Sizes of a dispatch that writes token rows, and of one that writes centre rows. */
  readonly ofTokens: Sizes;
  readonly ofCentres: Sizes;
  readonly tokenShape: readonly number[];
  readonly centreShape: readonly number[];
}

export function planCluster(
  [x, f, v, cWeight, cBias, simAlpha, simBeta]: Inputs,
  { numPrototypes, iterations, onAssignment }: Attributes,
): Plan {
  const where = 'prototypeCluster';
  if (x.shape.length !== 3 || x.shape[1] === 0)
    throw new ShapeError(
      `${where}: x is ${showShape(x.shape)}; it must be [batch, tokens, channels] with at least one token.`,
    );
  for (const [name, y] of [
    ['f', f],
    ['v', v],
  ] as const) {
    if (!sameShape(y.shape, x.shape))
      throw new ShapeError(
        `${where}: ${name} is ${showShape(y.shape)} and x is ${showShape(x.shape)}; they must be equal.`,
      );
  }
  const [batch, tokens, cols] = x.shape as [number, number, number];
  if (!sameShape(cWeight.shape, [cols, cols]) || !sameShape(cBias.shape, [cols]))
    throw new ShapeError(
      `${where}: cWeight is ${showShape(cWeight.shape)} and cBias ${showShape(cBias.shape)} for x of ${showShape(x.shape)}; they must be ${showShape([cols, cols])} and ${showShape([cols])}.`,
    );
  if (simAlpha.size !== 1 || simBeta.size !== 1)
    throw new ShapeError(
      `${where}: simAlpha is ${showShape(simAlpha.shape)} and simBeta ${showShape(simBeta.shape)}; each must have one element.`,
    );
  if (!Number.isInteger(numPrototypes) || numPrototypes < 1)
    throw new ShapeError(`${where}: numPrototypes is ${numPrototypes}; it must be a whole number of at least 1.`);
  if (!Number.isInteger(iterations) || iterations < 1)
    throw new ShapeError(`${where}: iterations is ${iterations}; it must be a whole number of at least 1.`);
  const sizes = { batch, cols, tokens, centres: numPrototypes };
  return {
    iterations,
    onAssignment,
    alphaShape: simAlpha.shape,
    betaShape: simBeta.shape,
    channels: [batch, cols],
    ofTokens: { ...sizes, rows: batch * tokens },
    ofCentres: { ...sizes, rows: batch * numPrototypes },
    tokenShape: [batch, tokens, cols],
    centreShape: [batch, numPrototypes, cols],
  };
}
