/** @file Single elements of attention and of its gradients in float64. Tensors are [H, T, D]. */
import type { Entry } from '../engine-cells.ts';

export interface AttentionInputs {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly tokens: number;
  readonly width: number;
  readonly causal: boolean;
}

/** Per row of a head, NaN until needed: log-sum-exp of the scores, and with `dy` the sum of dy · y. */
interface HeadStats {
  readonly lse: Float64Array;
  readonly delta: Float64Array;
}

export class AttentionTruth {
  private readonly heads = new Map<number, HeadStats>();

  /** @param dy the gradient of the output, for gradients */
  constructor(
    private readonly inputs: AttentionInputs,
    private readonly dy: Float32Array | null = null,
  ) {}

  readonly y: Entry = (i) => {
    const { h, t, d } = this.place(i);
    return this.sumKeys(t, (s) => this.weight(h, t, s) * this.at(this.inputs.v, h, s, d));
  };

  readonly dq: Entry = (i) => {
    const { h, t, d } = this.place(i);
    return this.sumKeys(t, (s) => this.dscore(h, t, s) * this.at(this.inputs.k, h, s, d));
  };

  readonly dk: Entry = (i) => {
    const { h, t: s, d } = this.place(i);
    return this.sumQueries(s, (t) => this.dscore(h, t, s) * this.at(this.inputs.q, h, t, d));
  };

  readonly dv: Entry = (i) => {
    const { h, t: s, d } = this.place(i);
    return this.sumQueries(s, (t) => this.weight(h, t, s) * this.at(this.dy!, h, t, d));
  };

  private place(i: number): { h: number; t: number; d: number } {
    const { tokens, width } = this.inputs;
    return { h: Math.floor(i / (tokens * width)), t: Math.floor(i / width) % tokens, d: i % width };
  }

  private at(x: Float32Array, h: number, t: number, d: number): number {
    const { tokens, width } = this.inputs;
    return x[(h * tokens + t) * width + d]!;
  }

  private dot(a: Float32Array, h: number, t: number, b: Float32Array, s: number): number {
    const { tokens, width } = this.inputs;
    let sum = 0;
    for (let i = (h * tokens + t) * width, j = (h * tokens + s) * width, end = i + width; i < end; i++, j++)
      sum += a[i]! * b[j]!;
    return sum;
  }

  private score(h: number, t: number, s: number): number {
    return this.dot(this.inputs.q, h, t, this.inputs.k, s) / Math.sqrt(this.inputs.width);
  }

  private weight(h: number, t: number, s: number): number {
    return Math.exp(this.score(h, t, s) - this.stats(h, t).lse[t]!);
  }

  /** Gradient of q·k. */
  private dscore(h: number, t: number, s: number): number {
    return (
      (this.weight(h, t, s) * (this.dot(this.dy!, h, t, this.inputs.v, s) - this.stats(h, t).delta[t]!)) /
      Math.sqrt(this.inputs.width)
    );
  }

  private sumKeys(t: number, term: (s: number) => number): number {
    let sum = 0;
    for (let s = 0; s < (this.inputs.causal ? t + 1 : this.inputs.tokens); s++) sum += term(s);
    return sum;
  }

  private sumQueries(s: number, term: (t: number) => number): number {
    let sum = 0;
    for (let t = this.inputs.causal ? s : 0; t < this.inputs.tokens; t++) sum += term(t);
    return sum;
  }

  /** The head's sums, after computing those of row `t`. */
  private stats(h: number, t: number): HeadStats {
    const { tokens } = this.inputs;
    let stats = this.heads.get(h);
    if (!stats)
      this.heads.set(h, (stats = { lse: new Float64Array(tokens).fill(NaN), delta: new Float64Array(tokens) }));
    if (!Number.isNaN(stats.lse[t])) return stats;
    let total = 0;
    let product = 0;
    this.sumKeys(t, (s) => {
      const e = Math.exp(this.score(h, t, s)); // inputs are within ±0.5, so nothing overflows
      total += e;
      if (this.dy) product += e * this.dot(this.dy, h, t, this.inputs.v, s);
      return 0;
    });
    stats.lse[t] = Math.log(total);
    stats.delta[t] = product / total;
    return stats;
  }
}
