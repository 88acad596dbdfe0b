/** @file Learning rates over time. */
import { requireAtLeast0 } from './settings.ts';

/**
 * Linear warm-up from 0 to `lr` over `warmup` steps, then a half cosine down to 0 at `steps`; `step` counts from 0.
 * As get_cosine_schedule_with_warmup of Hugging Face transformers with half a cycle.
 * Throws ConfigError unless all three are finite and at least 0.
 */
export function cosineSchedule({
  lr,
  steps,
  warmup = 0,
}: {
  lr: number;
  steps: number;
  warmup?: number;
}): (step: number) => number {
  for (const [name, value] of Object.entries({ lr, steps, warmup })) requireAtLeast0('cosineSchedule', name, value);
  return (step) => {
    if (step < warmup) return (lr * step) / Math.max(1, warmup);
    const progress = (step - warmup) / Math.max(1, steps - warmup);
    return lr * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
  };
}
