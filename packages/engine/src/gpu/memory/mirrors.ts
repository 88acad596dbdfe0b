/**
 * @file Textures that hold what a frozen weight holds, in the layouts that kernels want: copied once, not in every
 * step.
 */
import type { Block, BlockMirrors } from './block.ts';
import type { Memory } from './memory.ts';

/** A texture, and what records the copies that fill it. */
interface Mirror {
  readonly texture: Block;
  readonly fill: () => void;
}

/** What mirrors need of the device. */
interface MirrorDevice {
  readonly memory: Pick<Memory, 'acquireMirror' | 'release'>;
  aside(fill: () => void): void;
  scope(fill: () => void): void;
}

/** The mirrors of one block. Every change of the block must be followed by a call of `follow`. */
export class Mirrors implements BlockMirrors {
  private readonly all = new Map<string, Mirror>();

  constructor(private readonly gpu: MirrorDevice) {}

  /**
   * The mirror of layout `key`, a texture with rows of `texels` texels; created and filled if there is none. Null where
   * mirrors have reached their limit.
   */
  of(key: string, bytes: number, texels: number, fillFrom: (texture: Block) => void): Block | null {
    const known = this.all.get(key);
    if (known) return known.texture;
    const texture = this.gpu.memory.acquireMirror(bytes, texels);
    if (!texture) return null;
    const fill = (): void => fillFrom(texture);
    this.all.set(key, { texture, fill });
    this.gpu.aside(fill);
    return texture;
  }

  /** Fills all of them again, as part of the step if one is being recorded. */
  follow(): void {
    for (const { fill } of this.all.values()) this.gpu.scope(fill);
  }

  /** Releases them: a plan that uses one is recorded again. */
  end(): void {
    for (const { texture } of this.all.values()) this.gpu.memory.release(texture);
    this.all.clear();
  }
}
