/**
 * @file A thousand training steps of the small SQ-LLaVA with three alternating shapes: memory must stay constant and
 * the last hundred steps as fast as the first, else the exit code is 1. `npx tsx --conditions=source bench/soak.ts
 * [--steps 1000]`
 */
import { parseArgs } from 'node:util';
import { openGpu, showBytes } from '@curio/engine';
import { openSmallStep } from './small-step.ts';

const STEPS = Number(parseArgs({ options: { steps: { type: 'string', default: '1000' } } }).values.steps);
const WARM = 10;
/** Even on an idle machine, medians of a hundred steps vary by a few percent. */
const NOISE = 1.15;

const gpu = await openGpu();
const { step, optimizer, inputs } = openSmallStep(gpu);
const batches = [80, 112, 60].map((words, i) => inputs(words, i));
const seconds: number[] = [];
const heap: number[] = [];
let flat: ReturnType<typeof gpu.memoryReport> | null = null;
let last: Promise<number> | null = null;
const part = Math.max(1, Math.min(100, Math.floor(STEPS / 4)));
for (let s = 0; s < STEPS + WARM; s++) {
  const start = performance.now();
  gpu.random.setStep(s, 1);
  optimizer.beginStep(1e-4);
  const loss = step.run(batches[s % batches.length]!).loss.item();
  // two steps in flight, as in training
  if (last && !Number.isFinite(await last)) throw new Error(`soak: the loss is not finite at step ${s}.`);
  last = loss;
  if (s < WARM) continue;
  seconds.push((performance.now() - start) / 1000);
  if (s === WARM) flat = gpu.memoryReport();
  if (s % part === 0) heap.push(process.memoryUsage().rss);
  if (s % 50 === 0) process.stderr.write(`\r${s - WARM}/${STEPS}`);
}
await last;
process.stderr.write('\r\x1b[K');
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const [first, end] = [median(seconds.slice(0, part)), median(seconds.slice(-part))];
const now = gpu.memoryReport();
const isFlat = JSON.stringify(now) === JSON.stringify(flat);
console.log(
  `${STEPS} steps: first ${part} ${(1000 * first).toFixed(1)} ms, last ${part} ${(1000 * end).toFixed(1)} ms (${(end / first).toFixed(3)} times)`,
);
console.log(
  `device memory ${showBytes(now.allocatedBytes)} in ${now.created} buffers ${isFlat ? 'at every step' : `, and ${showBytes(flat!.allocatedBytes)} in ${flat!.created} at first`}; process ${showBytes(heap[0]!)} at first, ${showBytes(heap.at(-1)!)} at the end`,
);
gpu.close();
process.exitCode = isFlat && end < NOISE * first ? 0 : 1;
