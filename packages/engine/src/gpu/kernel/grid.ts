/** @file Grids that respect the limit of 65,535 workgroups in one dimension. */
/** Workgroups along each axis. */
export type Grid = readonly [x: number, y: number, z: number];

const MAX = 65535;

/**
 * A grid of at least `count` workgroups; the kernel's index is `wg.y * num_workgroups.x + wg.x`, which may overshoot
 * `count`.
 */
export function lineGrid(count: number): Grid {
  if (count <= MAX) return [count, 1, 1];
  const rows = Math.ceil(count / MAX);
  return [Math.ceil(count / rows), rows, 1];
}

export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);
