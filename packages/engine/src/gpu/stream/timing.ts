/** @file Timestamps around dispatches: while a profile is taken each dispatch has a pass of its own. */
import type { Binding } from '../memory/block.ts';
import type { Grid } from '../kernel/grid.ts';
import type { Pipeline } from '../kernel/pipeline.ts';

/** A dispatch as it was recorded. */
export interface RecordedDispatch {
  /** The op that recorded it, such as `linear`; null for the work of the tape and the optimizer. */
  readonly op: string | null;
  /** `matmul/tile:multiply (T=4u)` */
  readonly label: string;
  /** `matmul/tile` */
  readonly kernel: string;
  readonly entry: string;
  readonly params: Readonly<Record<string, number>>;
  readonly grid: Grid;
  /** Bytes of the bound buffers, each counted once. */
  readonly bytes: number;
}

/** And when the device ran it. */
export interface TimedDispatch extends RecordedDispatch {
  /** On the device's clock, from the first dispatch of the profile. */
  readonly startNs: number;
  readonly endNs: number;
}

/** A query set holds as many as WebGPU allows: two a dispatch. */
const QUERIES = 4096;

export class Timing {
  private readonly sets: GPUQuerySet[] = [];
  private readonly dispatches: RecordedDispatch[] = [];

  constructor(private readonly device: GPUDevice) {}

  /** Where the next pass writes its times. */
  next(
    op: string | null,
    pipeline: Pipeline,
    bytes: number,
    params: ArrayBuffer | null,
    grid: Grid,
  ): GPUComputePassTimestampWrites {
    const at = (2 * this.dispatches.length) % QUERIES;
    if (at === 0) this.sets.push(this.device.createQuerySet({ type: 'timestamp', count: QUERIES, label: 'profile' }));
    this.dispatches.push(recordedDispatch(op, pipeline, bytes, params, grid));
    return { querySet: this.sets.at(-1)!, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** All times, when the device has done what was submitted; frees the query sets. */
  async read(): Promise<TimedDispatch[]> {
    const times: bigint[] = [];
    for (const [i, set] of this.sets.entries()) {
      const count = Math.min(QUERIES, 2 * this.dispatches.length - i * QUERIES);
      times.push(...(await readQueries(this.device, set, count)));
    }
    // biome-ignore lint/complexity/useMathMinMax: bigints
    const first = times.reduce((least, t) => (t < least ? t : least), times[0] ?? 0n);
    return this.dispatches.map((each, i) => ({
      ...each,
      startNs: Number(times[2 * i]! - first),
      endNs: Number(times[2 * i + 1]! - first),
    }));
  }
}

/** The first `count` times of a set, when the device has done what was submitted; destroys the set. */
export async function readQueries(device: GPUDevice, set: GPUQuerySet, count: number): Promise<bigint[]> {
  const [resolved, staging] = [
    device.createBuffer({ size: 8 * count, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
    device.createBuffer({ size: 8 * count, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
  ];
  const encoder = device.createCommandEncoder();
  encoder.resolveQuerySet(set, 0, count, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, 8 * count);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const times = [...new BigUint64Array(staging.getMappedRange())];
  for (const each of [resolved, staging, set]) each.destroy();
  return times;
}

/** Bytes of the distinct places that are bound: a placeholder for an unused buffer counts once. */
export function boundBytes(bindings: readonly Binding[]): number {
  const blocks = [...new Set(bindings.map(({ block }) => block))];
  const seen = new Map<string, number>();
  for (const { block, offset, bytes } of bindings) {
    const place = `${blocks.indexOf(block)}:${offset}`; // a planned block has no id yet
    seen.set(place, Math.max(bytes, seen.get(place) ?? 0));
  }
  return [...seen.values()].reduce((sum, bytes) => sum + bytes, 0);
}

export const recordedDispatch = (
  op: string | null,
  pipeline: Pipeline,
  bytes: number,
  params: ArrayBuffer | null,
  grid: Grid,
): RecordedDispatch => ({
  op,
  label: pipeline.label,
  kernel: pipeline.kernel.name,
  entry: pipeline.entry,
  params: namedParams(pipeline, params),
  grid,
  bytes,
});

function namedParams({ kernel }: Pipeline, block: ArrayBuffer | null): Record<string, number> {
  if (!block) return {};
  const view = new DataView(block);
  const read = { f32: 'getFloat32', i32: 'getInt32', u32: 'getUint32' } as const;
  return Object.fromEntries(kernel.params.map(({ name, type, offset }) => [name, view[read[type]](offset, true)]));
}
