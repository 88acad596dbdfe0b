/** @file Keys and values of the tokens so far, allocated once at their maximum. */
import { assignAt, assignSlice, empty, keep, ShapeError, slice } from '@curio/engine';
import type { Gpu, Tensor } from '@curio/engine';

interface LayerCache {
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface KvCacheOptions {
  readonly numLayers: number;
  readonly batch: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly maxTokens: number;
}

/** One `[B, Hkv, maxTokens, D]` pair per layer. `dispose()` frees it. */
export class KvCache {
  /** Tokens held. The model advances it after its last layer, except where the position is data. */
  length = 0;
  private readonly layers: readonly LayerCache[];

  constructor(
    private readonly gpu: Gpu,
    private readonly options: KvCacheOptions,
    layers?: readonly LayerCache[],
  ) {
    const { numLayers, batch, numKeyValueHeads, headDim, maxTokens } = options;
    const room = (): Tensor => keep(empty(gpu, [batch, numKeyValueHeads, maxTokens, headDim]));
    this.layers = layers ?? Array.from({ length: numLayers }, () => ({ k: room(), v: room() }));
  }

  /** Some rows of the batch as an empty cache that writes to this one; it lives as long as the scope it is made in. */
  rows(start: number, count: number): KvCache {
    const part = (x: Tensor): Tensor => slice(x, { axis: 0, start, end: start + count });
    const layers = this.layers.map(({ k, v }) => ({ k: part(k), v: part(v) }));
    return new KvCache(this.gpu, { ...this.options, batch: count }, layers);
  }

  /**
   * Appends `k`, `v` [B, Hkv, T, D] to a layer and gives all keys and values so far. With `position`, i32[1] or i32[B]
   * for rows each at its own, they are written there, as a captured step requires, and the whole cache is returned:
   * attention must receive the position too, and the caller must ensure that there is room. Throws ShapeError when they
   * do not fit.
   */
  append(layer: number, k: Tensor, v: Tensor, position: Tensor | null = null): { k: Tensor; v: Tensor } {
    if (position) {
      const cache = this.layers[layer]!;
      assignAt(cache.k, k, { axis: 2, position });
      assignAt(cache.v, v, { axis: 2, position });
      return cache;
    }
    const end = this.length + k.shape[2]!;
    if (end > this.options.maxTokens)
      throw new ShapeError(
        `kv cache: ${end} tokens do not fit into a cache of ${this.options.maxTokens}; make the cache larger or the prompt shorter.`,
      );
    const cache = this.layers[layer]!;
    assignSlice(cache.k, k, { axis: 2, start: this.length });
    assignSlice(cache.v, v, { axis: 2, start: this.length });
    return { k: slice(cache.k, { axis: 2, start: 0, end }), v: slice(cache.v, { axis: 2, start: 0, end }) };
  }

  dispose(): void {
    for (const { k, v } of this.layers) {
      k.dispose();
      v.dispose();
    }
  }
}
