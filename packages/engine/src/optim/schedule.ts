/** @file Learning rates over time. */

/**
 * Linear warm-up from 0 to `lr` over `warmup` steps, then a half cosine down to 0 at `steps`; `step` counts from 0.
 * As get_cosine_schedule_with_warmup of Hugging Face transformers with half a cycle.
 */
export function cosineSchedule({ lr, steps, warmup = 0 }: { lr: number; steps: number; warmup?: number }): (step: number) => number {
  return (step) => {
    if (step < warmup) return (lr * step) / Math.max(1, warmup);
    const progress = (step - warmup) / Math.max(1, steps - warmup);
    return lr * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
  };
}
