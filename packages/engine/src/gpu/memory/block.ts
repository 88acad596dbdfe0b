/** @file A buffer or texture of the pool, the part of one that a command works on, and who waits for its content. */

/** What a buffer is for; all that is neither a parameter nor the optimizer's is `step`. */
export type Purpose = 'weights' | 'gradients' | 'optimizer' | 'step';

/** Where bytes lie, or are to lie. */
export interface Slot {
  readonly bytes: number;
  /** 0 for a buffer; else texels of four floats in each row of a texture, which `Stream.copyRows` fills. */
  readonly texels: number;
}

export interface Block extends Slot {
  readonly id: number;
  readonly buffer: GPUBuffer;
  readonly texture: GPUTexture | null;
  /** Size of the class, which is at least what was asked for. */
  readonly bytes: number;
  /** Serial of the last recorded batch of commands that uses it. */
  lastUse: number;
  /** How often it was given back: who remembers a block can tell whether it is still the same one's. */
  returns: number;
  purpose: Purpose;
  /** Textures with the same content, where it is frozen. */
  mirrors: BlockMirrors | null;
  /** Parts that wait for a backward pass; made where the first is. */
  saved: Set<SavedBytes> | null;
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

/** Bytes that a backward pass will read: memory/saved-part.ts. */
export interface SavedBytes {
  /** Who wrote over them since, or null. */
  writer: string | null;
  overlaps(offset: number, bytes: number): boolean;
  follow(owner: object, block: Block, offset: number): void;
}
