/** @file Copies of an op's inputs in other layouts, made once per call, however many of its kernels read them. */
import type { Arena, Storage } from './arena.ts';
import type { Binding } from './block.ts';

/** A tensor, as far as it matters here. */
interface Source {
  readonly storage: Storage;
  readonly binding: Binding;
}

/** Bytes of a storage, from start to end. */
type Range = readonly [start: number, end: number];

/**
 * Copies of tensors that no kernel of the call writes: the inputs of forward; the gradients that backward receives, and
 * what was saved for it.
 */
export class OperandCopies {
  private readonly sources = new Map<Storage, Range[]>();
  private readonly made = new Map<Storage, Map<string, { readonly storage: Storage }>>();

  constructor(
    private readonly device: { readonly arena: Pick<Arena, 'keep'> },
    sources: readonly (Source | null)[],
  ) {
    for (const x of sources) {
      if (!x) continue;
      const { offset, bytes } = x.binding;
      this.sources.set(x.storage, [...(this.sources.get(x.storage) ?? []), [offset, offset + bytes]]);
    }
  }

  /** The copy `key` of the first `bytes` of x, made if missing; null if a kernel of the call may write these bytes. */
  of<T extends { readonly storage: Storage }>(x: Source, bytes: number, key: string, make: () => T): T | null {
    const { offset } = x.binding;
    if (!this.covers(x.storage, [offset, offset + bytes])) return null;
    const known = this.made.get(x.storage) ?? new Map<string, { readonly storage: Storage }>();
    this.made.set(x.storage, known);
    const name = `${offset} ${key}`;
    const found = known.get(name) as T | undefined;
    if (found) return found;
    const made = make();
    this.device.arena.keep(made.storage); // it outlives the scope of the kernel that it is made for
    known.set(name, made);
    return made;
  }

  /** Frees them all. */
  end(): void {
    for (const known of this.made.values()) for (const { storage } of known.values()) storage.release();
    this.sources.clear();
    this.made.clear();
  }

  /** Whether all of these bytes belong to inputs, which may be adjacent. */
  private covers(storage: Storage, [start, end]: Range): boolean {
    let reached = start;
    for (const [from, to] of [...(this.sources.get(storage) ?? [])].sort((a, b) => a[0] - b[0]))
      if (from <= reached) reached = Math.max(reached, to);
    return reached >= end;
  }
}
