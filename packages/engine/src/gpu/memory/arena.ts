/**
 * @file Step arenas: what is made inside a scope is freed at its end, unless it escapes or something still holds it.
 */
import type { Block } from './block.ts';
import type { Memory } from './memory.ts';

/**
 * A block and the number of its holders: the scope it was made in, tape nodes that saved it, gradients on their way.
 */
export class Storage {
  private holds = 1;
  /** A tape node keeps it for its backward: an activation, not scratch. */
  isSaved = false;
  /** A tensor on it was disposed of: for messages. */
  isDisposed = false;

  constructor(
    private at: Block,
    private memory: Pick<Memory, 'release'> | null,
  ) {}

  get block(): Block {
    return this.at;
  }

  /** Gives a storage of a recorded step, which has no buffer while the step is recorded, its real block. */
  setBlock(block: Block, memory: Pick<Memory, 'release'> | null): void {
    this.at = block;
    this.memory = memory;
  }

  get isFreed(): boolean {
    return this.holds === 0;
  }

  /** Only its creator holds it. */
  get hasOneHolder(): boolean {
    return this.holds === 1;
  }

  hold(): void {
    this.holds++;
  }

  release(): void {
    if (this.holds === 0) return;
    if (--this.holds === 0) this.memory?.release(this.at);
  }
}

/** Something that must be let go when the outermost scope ends without having been used: a tape node. */
export interface Abandonable {
  /** @param isPast the scope has ended */
  abandon(isPast?: boolean): void;
  readonly done: boolean;
}

interface Scope {
  storages: Set<Storage>;
  pending: Abandonable[];
}

export class Arena {
  private readonly scopes: Scope[] = [];

  get depth(): number {
    return this.scopes.length;
  }

  /** Registers a storage that was just made. Without an open scope its creator owns it. */
  adopt(storage: Storage): void {
    this.scopes.at(-1)?.storages.add(storage);
  }

  /**
   * Whether the innermost scope will free it: it was created there, and nothing else holds it.
   */
  isFresh(storage: Storage): boolean {
    return storage.hasOneHolder && (this.scopes.at(-1)?.storages.has(storage) ?? false);
  }

  /** Registers work that the outermost scope drops if it has not run by then. */
  watch(work: Abandonable): void {
    this.scopes.at(-1)?.pending.push(work);
  }

  /** Takes a storage out of the open scopes: its creator owns it from now on. */
  keep(storage: Storage): void {
    for (const scope of this.scopes) scope.storages.delete(storage);
  }

  open(): void {
    this.scopes.push({ storages: new Set(), pending: [] });
  }

  /** Ends the innermost scope. `escaping` storages move to the parent, or to their creator when there is none. */
  close(escaping: Iterable<Storage> = []): void {
    const scope = this.scopes.pop()!;
    const parent = this.scopes.at(-1);
    for (const storage of escaping) {
      if (!scope.storages.delete(storage)) continue;
      parent?.storages.add(storage);
    }
    if (parent) for (const work of scope.pending) if (!work.done) parent.pending.push(work);
    if (!parent) for (const work of scope.pending) if (!work.done) work.abandon(true);
    for (const storage of scope.storages) storage.release();
  }
}
