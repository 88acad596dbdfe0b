/**
 * @file The bytes that a backward pass needs: a write over them is noted, so that the pass can refuse instead of
 * computing a wrong gradient. Tracked by bytes and not by buffer, since the parameters of an optimizer share one.
 */
import type { Block, SavedBytes } from './block.ts';

/** Bytes of a block that a tape node saved. */
export class SavedPart implements SavedBytes {
  /** What overwrote it since, or null. */
  writer: string | null = null;

  /** @param owner the tensor whose values are there */
  constructor(
    private block: Block,
    private offset: number,
    private readonly bytes: number,
    private readonly owner: object,
  ) {
    (block.saved ??= new Set()).add(this);
  }

  letGo(): void {
    this.block.saved!.delete(this);
  }

  overlaps(offset: number, bytes: number): boolean {
    return offset < this.offset + this.bytes && this.offset < offset + bytes;
  }

  /** Moves to `block` when its owner has moved. */
  follow(owner: object, block: Block, offset: number): void {
    if (owner !== this.owner) return;
    this.letGo();
    this.block = block;
    this.offset = offset;
    (block.saved ??= new Set()).add(this);
  }
}

/**
 * Notifies the nodes that saved some of these bytes and forgets the values that the host knew; every write to a block
 * must call it.
 */
export function noteWrite(block: Block, offset: number, bytes: number, writer: string): void {
  const { saved } = block;
  block.known = null;
  if (!saved || saved.size === 0) return;
  for (const part of saved) if (part.overlaps(offset, bytes)) part.writer ??= writer;
}

/** What was saved of `owner` is now saved at its new place. */
export function moveSaved(owner: object, from: Block, to: Block, offset: number): void {
  if (from.saved) for (const part of [...from.saved]) part.follow(owner, to, offset);
}
