/** @file Python's `round`, for numbers that a scorer rounds before computing with them. */

/** The nearest decimal with `digits` decimals; of two equally near ones the even one. */
export function roundLikePython(value: number, digits: number): number {
  const scaled = value * 10 ** digits;
  // Halves are exact only where the value is a multiple of 2^-(digits+1); elsewhere toFixed is exact.
  const isHalf = Number.isInteger(value * 2 ** (digits + 1)) && Math.abs(scaled % 1) === 0.5;
  return isHalf ? (2 * Math.round(scaled / 2)) / 10 ** digits : Number(value.toFixed(digits));
}
