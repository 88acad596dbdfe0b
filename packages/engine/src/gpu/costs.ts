/**
 * @file What is expensive on a device, as far as the selection of kernels depends on it. Two tables: one for GPUs, and
 * one for software adapters, whose lanes are a CPU's vector units. docs/lavapipe.md explains the measurements and
 * consequences.
 */
export interface Costs {
  /** Lanes that keep the device busy. */
  readonly lanes: number;
  /**
   * Starting a subgroup. Where it is expensive, subgroups run one after the other, and each lane processes several
   * items.
   */
  readonly subgroupStart: 'high' | 'low';
  /**
   * Barriers, and therefore tiles shared by a workgroup. Where they are expensive, a tile belongs to one subgroup and
   * its registers.
   */
  readonly barriers: 'high' | 'low';
  /**
   * A load of four floats from a buffer: one access per float and lane, or one for all four. Where it is scalar,
   * textures are faster.
   */
  readonly bufferLoads: 'scalar' | 'vector';
  /** Reading many rows at once that are a large power of two apart: they fall into one set of the CPU's L1 cache. */
  readonly cacheConflicts: 'high' | 'low';
  /** The driver's compiler, for large unrolled kernels. */
  readonly compiler: 'slow' | 'fast';
}

const GPU: Costs = {
  lanes: 2 ** 20,
  subgroupStart: 'low',
  barriers: 'low',
  bufferLoads: 'vector',
  cacheConflicts: 'low',
  compiler: 'fast',
};

const SOFTWARE: Costs = {
  lanes: 4096,
  subgroupStart: 'high',
  barriers: 'high',
  bufferLoads: 'scalar',
  cacheConflicts: 'high',
  compiler: 'slow',
};

export const costsOf = (onProcessor: boolean): Costs => (onProcessor ? SOFTWARE : GPU);
