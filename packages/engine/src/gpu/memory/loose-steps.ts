/** @file Warns once about steps outside every scope, whose tensors nothing frees. */
import { showBytes } from './memory.ts';
import type { MemoryReport } from './memory.ts';

/** Steps before memory is checked; steps that leave less than one buffer each cause no warning. */
const STEPS = 100;

/** What is checked. */
interface SteppingDevice {
  readonly arena: { readonly depth: number };
  readonly stream: { readonly recorder: object | null };
  memoryReport(): MemoryReport;
  warn(sentence: string): void;
}

const seen = new WeakMap<SteppingDevice, { steps: number; buffers: number; bytes: number }>();

/** Called at each `backward`. */
export function noteStep(gpu: SteppingDevice): void {
  if (gpu.arena.depth > 0 || gpu.stream.recorder) return;
  const { liveBuffers, liveBytes } = gpu.memoryReport();
  const first = seen.get(gpu);
  if (!first) return void seen.set(gpu, { steps: 0, buffers: liveBuffers, bytes: liveBytes });
  if (++first.steps !== STEPS) return;
  const buffers = liveBuffers - first.buffers;
  if (buffers < STEPS) return;
  gpu.warn(
    `backward: ${STEPS} steps outside of gpu.scope left ${buffers} buffers of ${showBytes(liveBytes - first.bytes)} that nothing frees; run each step in gpu.scope(() => …), which frees what it makes.`,
  );
}
