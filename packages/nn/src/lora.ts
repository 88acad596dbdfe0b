/**
 * @file Low-rank branches beside linear layers (Hu et al. 2021): which linear carries one, its rank and its scale, by
 * PEFT's rules.
 */

/** The LoRA settings of a model. */
export interface LoraOptions {
  readonly r: number;
  /** The branch is scaled by alpha / r, under `rslora` by alpha / √r. */
  readonly alpha: number;
  /** Probability of dropping an input of the branch while training. */
  readonly dropout: number;
  /** Linears that carry a pair, by name (`q_proj`) or longer suffix of their path; all when left out. */
  readonly targets?: readonly string[];
  /** Rank-stabilised scale (Kalajdzievski 2023). */
  readonly rslora?: boolean;
  /**
   * Rank, and alpha, of linears whose path has this suffix, in place of `r` and `alpha`; the first matching suffix
   * counts.
   */
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
}

export interface LoraBranch {
  readonly r: number;
  readonly scale: number;
  readonly dropout: number;
}

/** Whether a path is `end`, or ends with it after a dot. */
export const endsWithName = (path: string, end: string): boolean => path === end || path.endsWith(`.${end}`);

const patternOf = (pattern: Readonly<Record<string, number>> | undefined, path: string): number | undefined =>
  Object.entries(pattern ?? {}).find(([end]) => endsWithName(path, end))?.[1];

/** The branch of the linear layer at `path`; null if it has none. */
export function loraOf(path: string, lora: LoraOptions | null | undefined): LoraBranch | null {
  if (!lora || !(lora.targets?.some((target) => endsWithName(path, target)) ?? true)) return null;
  const r = patternOf(lora.rankPattern, path) ?? lora.r;
  const alpha = patternOf(lora.alphaPattern, path) ?? lora.alpha;
  return { r, scale: alpha / (lora.rslora ? Math.sqrt(r) : r), dropout: lora.dropout };
}
