/** @file The device time of recorded commands. */
import type { Stream } from './stream.ts';
import { readQueries } from './timing.ts';

/** A stream with a clock. */
interface TimedDevice {
  readonly device: GPUDevice;
  readonly stream: Pick<Stream, 'mark'>;
  synchronize(): Promise<void>;
}

/**
 * Milliseconds that the device takes for what `record` records, from its first command to the end of its last, with
 * passes as in normal use: unlike in a profile, dispatches share one. Waits for what was recorded before. Uses the
 * host's clock where the device has no timestamps.
 */
export async function deviceTime(gpu: TimedDevice, record: () => void): Promise<number> {
  const { stream, device } = gpu;
  await gpu.synchronize();
  const set = device.features.has('timestamp-query')
    ? device.createQuerySet({ type: 'timestamp', count: 2, label: 'device time' })
    : null;
  const began = performance.now();
  if (set) stream.mark(set, 0);
  record();
  if (set) stream.mark(set, 1);
  await gpu.synchronize();
  const wall = performance.now() - began;
  if (!set) return wall;
  const [start, end] = await readQueries(device, set, 2);
  return Number(end! - start!) / 1e6;
}
