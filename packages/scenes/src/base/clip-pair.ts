/**
 * @file A small CLIP to pretrain: the image tower and a text tower, trained contrastively.
 * Two losses: whole images against their captions (Radford et al. 2021), and patches against the words for their
 * content, so that the patch features that SQ-LLaVA reads know digit, colour, size and place.
 */
import { add, crossEntropy, indexSelect, matmul, mean, mul, reshape, slice, tensor, transpose } from '@curio/engine';
import type { Parameter, Tensor } from '@curio/engine';
import { init, Linear } from '@curio/nn';
import type { Weights } from '@curio/nn';
import { ClipModel, cosineScale, normalise } from '@curio/model';
import type { ClipTextConfig, ClipVisionConfig } from '@curio/model';

/** Patches of a batch and, for each set of words, the true word of each. */
export interface PatchTargets {
  /** Rows of the flattened [B·P], the patches of one object side by side. */
  readonly rows: Int32Array;
  /** Patches of each object. */
  readonly perObject: number;
  /** For each word set, the index of the true word of each row. */
  readonly words: readonly Int32Array[];
}

export class ClipPair extends ClipModel {
  private readonly patchProjection: Linear;
  private readonly patchScale: Parameter;

  /** `patch_projection` and `patch_scale` serve pretraining only. */
  constructor(w: Weights, vision: ClipVisionConfig, text: ClipTextConfig) {
    super(w, vision, text, { scaleShape: [1] });
    this.patchProjection = new Linear(w.at('patch_projection'), vision.hiddenSize, text.projectionSize, {
      bias: false,
    });
    this.patchScale = w.get('patch_scale', [1], init.constant(Math.log(1 / 0.07)));
  }

  /** Mean of both directions' cross-entropies over the [B, B] similarities; image i belongs to caption i. */
  captionLoss(pooled: Tensor, captions: Tensor): Tensor {
    const { gpu } = this.weights;
    const logits = this.similarities(pooled, captions);
    const own = tensor(
      gpu,
      Int32Array.from({ length: pooled.shape[0]! }, (_, i) => i),
    );
    return mul(add(crossEntropy(logits, own), crossEntropy(transpose(logits), own)), 0.5);
  }

  /**
   * Scores of each word set for each patch at `rows`, and for the mean of each object's patches: cosine times a learned
   * scale. `wordSets` are float[words, J].
   */
  patchLogits(
    patches: Tensor,
    rows: Tensor,
    perObject: number,
    wordSets: readonly Tensor[],
  ): { patch: Tensor[]; object: Tensor[] } {
    const { hiddenSize } = this.vision.config;
    const chosen = indexSelect(reshape(patches, [-1, hiddenSize]), rows, { axis: 0 });
    const score = (features: Tensor): Tensor[] => {
      const seen = mul(normalise(this.patchProjection.forward(features)), cosineScale(this.patchScale));
      return wordSets.map((words) => matmul(seen, words, { transposeB: true }));
    };
    return { patch: score(chosen), object: score(mean(reshape(chosen, [-1, perObject, hiddenSize]), { axis: 1 })) };
  }

  /**
   * Mean over the word sets of the cross-entropy of the true word, for patches and for objects.
   * @param targets i32[sets, rows] for patches and i32[sets, rows / perObject] for objects
   */
  patchLoss(
    patches: Tensor,
    rows: Tensor,
    targets: { readonly patch: Tensor; readonly object: Tensor },
    wordSets: readonly Tensor[],
  ): Tensor {
    const { patch, object } = this.patchLogits(patches, rows, rows.size / targets.object.shape[1]!, wordSets);
    const of = (set: Tensor, k: number): Tensor =>
      reshape(slice(set, { axis: 0, start: k, end: k + 1 }), [set.shape[1]!]);
    const losses = wordSets.flatMap((_, k) => [
      crossEntropy(patch[k]!, of(targets.patch, k)),
      crossEntropy(object[k]!, of(targets.object, k)),
    ]);
    return mul(
      losses.reduce((a, b) => add(a, b)),
      1 / wordSets.length,
    );
  }
}
