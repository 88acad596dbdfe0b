/**
 * @file What is dear on a device and what is cheap, as far as kernels are chosen by it. Two tables: a GPU, and a
 * software adapter, whose lanes are a processor's vector units. docs/lavapipe.md tells how each was measured and what
 * follows from it.
 */
export interface Costs {
  /** Lanes that keep the device busy. */
  readonly lanes: number;
  /**
   * Starting a subgroup. Where it is dear subgroups run one after the other, and a lane does several pieces of work in
   * turn.
   */
  readonly subgroupStart: 'dear' | 'cheap';
  /**
   * Barriers, and with them tiles that a workgroup shares. Where they are dear a tile belongs to one subgroup and its
   * registers.
   */
  readonly barriers: 'dear' | 'cheap';
  /**
   * A load of four floats from a buffer: one access a lane each, or one for all four. Where it is scalar, textures are
   * read faster.
   */
  readonly bufferLoads: 'scalar' | 'vector';
  /** Rows a large power of two apart, walked many at once: they fall into one set of a processor's nearest cache. */
  readonly cacheConflicts: 'dear' | 'cheap';
  /** The driver's compiler, over large unrolled kernels. */
  readonly compiler: 'slow' | 'fast';
}

const GPU: Costs = {
  lanes: 2 ** 20,
  subgroupStart: 'cheap',
  barriers: 'cheap',
  bufferLoads: 'vector',
  cacheConflicts: 'cheap',
  compiler: 'fast',
};

const SOFTWARE: Costs = {
  lanes: 4096,
  subgroupStart: 'dear',
  barriers: 'dear',
  bufferLoads: 'scalar',
  cacheConflicts: 'dear',
  compiler: 'slow',
};

export const costsOf = (onProcessor: boolean): Costs => (onProcessor ? SOFTWARE : GPU);
