/** @file The levels of 8-bit moments. */

const { fround } = Math;
/** Decades between 1e-7 and 1. */
const DECADES = 7;

/**
 * The dynamic map of 8 bits: 256 ascending levels in [-1, 1], or in [0, 1]. A decade below 1 has 64 levels (128
 * without a sign), the next ones half as many each down to 1e-7; a level is the middle of its share of the decade, and
 * 0 and 1 are levels too. The same bits as `create_dynamic_map` of bitsandbytes.
 * Source: Dettmers et al. 2022 (arXiv:2110.02861), section 2.2.
 */
export function dynamicMap(isSigned: boolean): Float32Array<ArrayBuffer> {
  const levels = [0, 1];
  for (let decade = 0; decade < DECADES; decade++) {
    const shares = 2 ** (isSigned ? decade : decade + 1);
    const bounds = linspace(0.1, 1, shares + 1);
    const unit = fround(10 ** (decade - DECADES + 1));
    for (let i = 0; i < shares; i++) {
      const level = fround(unit * fround(fround(bounds[i]! + bounds[i + 1]!) / 2));
      levels.push(level);
      if (isSigned) levels.push(-level);
    }
  }
  return Float32Array.from(levels).sort();
}

/** As torch.linspace in f32: from both ends towards the middle. */
function linspace(from: number, to: number, count: number): Float32Array {
  const step = fround(fround(to - from) / (count - 1));
  return Float32Array.from({ length: count }, (_, i) =>
    i < count >> 1 ? fround(from) + step * i : to - step * (count - 1 - i),
  );
}
