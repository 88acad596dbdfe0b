/** @file Timing on the device: many runs in one submit, so that neither JavaScript nor waiting is included. */
import { capture, deviceTime } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { summarise } from '../statistics.ts';
import type { Summary } from '../statistics.ts';

/** The approximate length of a sample, and its maximum number of runs. */
const [SAMPLE_MS, MAX_REPEATS] = [10, 200];
const SAMPLES = 5;
/**
 * A GPU lowers its clock when it has little to do, as between two checks, and takes long to raise it: an H200 ran
 * kernels 2.7 times slower for more than 250 ms. So it is warmed up for this long before timing, longer after a pause,
 * and further, up to a limit, while it still gets faster.
 */
const [WARM_MS, COLD_WARM_MS, MAX_WARM_MS] = [250, 1200, 2500];
/** After a pause of this length a device counts as cold. */
const COLD_MS = 500;
/** When a device was last timed. */
const lastTimed = new WeakMap<Gpu, number>();
/** Slow runs get fewer samples. */
const MAX_SPENT_MS = 1500;

/** Best and median milliseconds of one run of what `record` records, which must be capturable. */
export async function timesOf(gpu: Gpu, record: () => unknown): Promise<Summary> {
  const began = performance.now();
  const once = (): void => gpu.scope(() => void record());
  await deviceTime(gpu, once); // compiles
  const ms = await deviceTime(gpu, once);
  const repeats = Math.max(1, Math.min(MAX_REPEATS, Math.ceil(SAMPLE_MS / Math.max(ms, 1e-3))));
  const step = capture(gpu, 'timed', () => {
    for (let i = 0; i < repeats; i++) once();
    return {};
  });
  try {
    const samples: number[] = [];
    if (!gpu.adapter.isSoftware)
      await warm(
        () => deviceTime(gpu, () => void step.run({})),
        began - (lastTimed.get(gpu) ?? -Infinity) > COLD_MS ? COLD_WARM_MS : WARM_MS,
      );
    let spent = await deviceTime(gpu, () => void step.run({}));
    while (samples.length < SAMPLES && (samples.length === 0 || spent < MAX_SPENT_MS)) {
      const sample = await deviceTime(gpu, () => void step.run({}));
      samples.push(sample / repeats);
      spent += sample;
    }
    return summarise(samples);
  } finally {
    step.dispose();
    lastTimed.set(gpu, performance.now());
  }
}

async function warm(sample: () => Promise<number>, leastMs: number): Promise<void> {
  const began = performance.now();
  let before = await sample();
  for (;;) {
    const now = await sample();
    const spent = performance.now() - began;
    if (spent > MAX_WARM_MS || (spent > leastMs && now > 0.99 * before)) return;
    before = now;
  }
}
