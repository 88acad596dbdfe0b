/**
 * @file A buffer or texture of the pool, the part of one that a command uses, and the backward passes that need its
 * content.
 */

/** What a buffer is for; everything that belongs to neither a parameter nor the optimizer is `step`. */
export type Purpose = 'weights' | 'gradients' | 'optimizer' | 'step';

/** Space for bytes. */
export interface Slot {
  readonly bytes: number;
  /** 0 for a buffer; else texels of four floats in each row of a texture, which `Stream.copyRows` fills. */
  readonly texels: number;
}

export interface Block extends Slot {
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly texture: GPUTexture | null;
  /** Size of the class, at least the requested size. */
  readonly bytes: number;
  /** Serial of the last recorded batch of commands that uses it. */
  lastUse: number;
  /** How often it was released: a remembered block with another count has a new owner. */
  returns: number;
  purpose: Purpose;
  /** Textures with the same content, if it is frozen. */
  mirrors: BlockMirrors | null;
  /** Parts that a backward pass needs; created with the first of them. */
  saved: Set<SavedBytes> | null;
  /** The host's copy of the integers in it; null once anything else has written. */
  known: KnownIntegers | null;
}

/** A part of a block, in bytes; the offset is a multiple of 256. */
export interface Binding {
  readonly block: Block;
  readonly offset: number;
  readonly bytes: number;
}

/** Textures that follow a block: memory/mirrors.ts. */
export interface BlockMirrors {
  of(key: string, bytes: number, texels: number, fillFrom: (texture: Block) => void): Block | null;
  follow(): void;
  end(): void;
}

/** Whole numbers that the host gives, now or before each replay: memory/known-integers.ts. */
export interface KnownIntegers {
  /** Runs `test` on them whenever they are given. `first`: the element of the block where they begin. */
  check(test: (values: Int32Array | Uint32Array, first: number) => void): void;
}

/** Bytes that a backward pass will read: memory/saved-part.ts. */
export interface SavedBytes {
  /** What overwrote them since, or null. */
  writer: string | null;
  overlaps(offset: number, bytes: number): boolean;
  follow(owner: object, block: Block, offset: number): void;
}
