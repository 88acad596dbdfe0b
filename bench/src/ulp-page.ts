/** @file docs/accuracy.md from what bench:ulp measured. */
import type { ElementwiseFunction, GreatestError } from '@curio/engine/check';
import type { Results } from './results.ts';

export interface AccuracyRow {
  readonly each: ElementwiseFunction;
  readonly forward: GreatestError;
  readonly slope: GreatestError;
}

const digits = (v: number): string =>
  Number.isFinite(v) ? String(Number(v.toPrecision(9))) : String(v).replace('Infinity', '∞');
const cells = ({ ulp, at }: GreatestError, bound: number): string =>
  `${ulp.toFixed(2)} | ${bound} | ${ulp === 0 ? '' : digits(at)}`;

function range({ lowest, atNaN }: ElementwiseFunction): string {
  const from = lowest === undefined ? 'all of f32, ±∞' : `from ${lowest} on, ∞`;
  return atNaN ? `${from}, NaN` : from;
}

/** @param numbers how many each function was measured at */
export function accuracyPage(
  { adapter, versions }: Pick<Results, 'adapter' | 'versions'>,
  numbers: number,
  rows: readonly AccuracyRow[],
): string {
  const near = rows.flatMap(({ each: { name, slopeZero } }) =>
    slopeZero ? [`${name} from ${slopeZero.low} to ${slopeZero.high}`] : [],
  );
  return `# Accuracy of elementwise functions

Made by \`npm run bench:ulp\`. The greatest error of each function and of its slope against float64 in ulp, the distance of neighbours in f32, at
${numbers.toLocaleString('en')} numbers of every exponent and sign, ±0, ±∞ and NaN; \`bound\` is what a test holds in every environment, on Lavapipe and SwiftShader. A
device may take numbers below 2⁻¹²⁶ for 0. A correctly rounded result is off by at most 0.5; sums, products and quotients of tensors are the device's
own (WGSL: 0.5 ulp, quotients 2.5). Near a zero of the slope that is no number of f32 its error is counted at the size 0.25
(${near.join(', ')}).

- adapter: ${adapter}
- webgpu ${versions.webgpu}

| function | range | forward ulp | bound | greatest at x = | slope ulp | bound | greatest at x = |
|---|---|--:|--:|--:|--:|--:|--:|
${rows.map(({ each, forward, slope }) => `| ${each.name} | ${range(each)} | ${cells(forward, each.forwardUlp)} | ${cells(slope, each.slopeUlp)} |`).join('\n')}
`;
}
