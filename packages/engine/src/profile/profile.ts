/**
 * @file Where a step's time goes: timestamps of every dispatch, with its operations and bytes. Plain data, for a table,
 * a page or a trace.
 */
import { CurioError, DeviceError } from '../gpu/errors.ts';
import type { Gpu } from '../gpu/gpu.ts';
import { Timing } from '../gpu/stream/timing.ts';
import type { TimedDispatch } from '../gpu/stream/timing.ts';
import { operationsOf } from './operations.ts';

export interface ProfiledDispatch extends TimedDispatch {
  /** Multiplications and additions; null where they are not counted. */
  readonly operations: number | null;
}

export interface Profile {
  readonly dispatches: readonly ProfiledDispatch[];
  /**
   * From the first call to the last result, as the host saw it; with one pass per dispatch it is longer than
   * unprofiled.
   */
  readonly wallMs: number;
}

/** What the device can do at best, as a bench or `curio doctor` measured it. */
export interface Roofs {
  readonly gflops?: number;
  readonly gbps?: number;
}

/** All dispatches of one kernel for one op. */
export interface KernelTime {
  readonly op: string | null;
  /** `matmul/tile:multiply (T=4u)` */
  readonly label: string;
  readonly count: number;
  readonly ms: number;
  /** Of the time of all dispatches, 0..1. */
  readonly share: number;
  readonly gflops: number | null;
  readonly gbps: number;
  /** 0..100, of the nearer roofline; null without one. */
  readonly percentOfRoof: number | null;
}

export interface ProfileSummary {
  /** The longest first. */
  readonly kernels: readonly KernelTime[];
  readonly dispatches: number;
  /** Sum over the dispatches. */
  readonly busyMs: number;
  /** Between the end of one and the beginning of the next: copies, clears and waiting. */
  readonly gapMs: number;
}

/**
 * Begins to time every dispatch on `gpu`, recorded or replayed, each in a pass of its own; the bits that are computed
 * stay the same. `stop` waits and gives the profile.
 * @throws DeviceError when the device has no timestamps (feature `timestamp-query`), CurioError when a profile is being
 * taken already
 */
export function startProfile(gpu: Gpu): { stop(): Promise<Profile> } {
  const { stream } = gpu;
  if (!gpu.device.features.has('timestamp-query'))
    throw new DeviceError(
      `profile: the device has no timestamps (feature timestamp-query), it has ${[...gpu.device.features].join(', ') || 'no features'}; open an adapter that offers them with all features.`,
    );
  if (stream.isTimed) throw new CurioError('profile: a profile is already running; stop it first.');
  stream.flush();
  const timing = new Timing(gpu.device);
  const restore = stream.timed(timing);
  const began = performance.now();
  return {
    async stop() {
      restore();
      await gpu.synchronize();
      const wallMs = performance.now() - began;
      return { wallMs, dispatches: (await timing.read()).map((each) => ({ ...each, operations: operationsOf(each) })) };
    },
  };
}

/** A profile of what `run` records. */
export async function profile(gpu: Gpu, run: () => unknown): Promise<Profile> {
  await gpu.synchronize();
  const profiler = startProfile(gpu);
  try {
    await run();
  } catch (error) {
    await profiler.stop().catch(() => {});
    throw error;
  }
  return profiler.stop();
}

/** Sums a profile up by op and kernel. */
export function summarise({ dispatches }: Profile, roofs: Roofs = {}): ProfileSummary {
  const groups = new Map<string, ProfiledDispatch[]>();
  for (const each of dispatches) {
    const key = `${each.op}|${each.label}`;
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  const total = (of: readonly ProfiledDispatch[], value: (each: ProfiledDispatch) => number): number =>
    of.reduce((sum, each) => sum + value(each), 0);
  const busyNs = total(dispatches, lengthOf);
  const kernels = [...groups.values()].map((of): KernelTime => {
    const ns = total(of, lengthOf);
    const gflops = of[0]!.operations === null || ns === 0 ? null : total(of, (each) => each.operations!) / ns;
    const gbps = ns === 0 ? 0 : total(of, (each) => each.bytes) / ns;
    const parts = [gflops !== null && roofs.gflops ? gflops / roofs.gflops : 0, roofs.gbps ? gbps / roofs.gbps : 0];
    return {
      op: of[0]!.op,
      label: of[0]!.label,
      count: of.length,
      ms: ns / 1e6,
      share: busyNs === 0 ? 0 : ns / busyNs,
      gflops,
      gbps,
      percentOfRoof: roofs.gflops || roofs.gbps ? 100 * Math.max(...parts) : null,
    };
  });
  const gapNs = dispatches
    .slice(1)
    .reduce((sum, { startNs }, i) => sum + Math.max(0, startNs - dispatches[i]!.endNs), 0);
  return {
    kernels: kernels.sort((a, b) => b.ms - a.ms),
    dispatches: dispatches.length,
    busyMs: busyNs / 1e6,
    gapMs: gapNs / 1e6,
  };
}

const lengthOf = ({ startNs, endNs }: ProfiledDispatch): number => endNs - startNs;

/**
 * The profile as trace events, for Perfetto or chrome://tracing: a row of ops over a row of kernels. Times in
 * microseconds.
 */
export function chromeTrace({ dispatches }: Profile): {
  readonly displayTimeUnit: 'ms';
  readonly traceEvents: readonly object[];
} {
  const row = (tid: number, name: string): object => ({ ph: 'M', name: 'thread_name', pid: 1, tid, args: { name } });
  const events = dispatches.flatMap(({ op, label, kernel, startNs, endNs, operations, bytes, grid, params }) => {
    const at = { ph: 'X', pid: 1, ts: startNs / 1000, dur: (endNs - startNs) / 1000 };
    return [
      { ...at, tid: 1, name: op ?? kernel, cat: 'op' },
      { ...at, tid: 2, name: label, cat: 'kernel', args: { operations, bytes, grid: grid.join(' × '), ...params } },
    ];
  });
  return { displayTimeUnit: 'ms', traceEvents: [row(1, 'ops'), row(2, 'kernels'), ...events] };
}
