/**
 * @file The reports of the first run's parts: a line of text, and the same as JSON on file descriptor 3 if the first
 * run listens there.
 */
import { writeSync } from 'node:fs';
import { rates } from '../statistics.ts';
import type { Summary, Work } from '../statistics.ts';
import type { Choice } from './choices.ts';

/** A finding other than a time. */
export interface Fact {
  readonly fact: string;
  readonly value: unknown;
}

/** The time of one op at one shape with one choice of kernels, or why there is none. */
export interface Finding {
  readonly op: string;
  readonly shape: string;
  readonly library: 'curio' | 'pytorch';
  /** `as called` is the op's own choice. */
  readonly variant: string;
  readonly bestMs: number | null;
  readonly medianMs: number | null;
  readonly tflops: number | null;
  readonly gbps: number | null;
  readonly failed?: string;
  /** Settings that reproduce it. */
  readonly choice?: Choice;
}

export type Report = Fact | Finding;

/** Sent before an attempt: what to report if it ends the process. */
export interface Attempt {
  readonly ifItEnds: Report;
}

export const isFinding = (report: Report): report is Finding => 'op' in report;

/** The environment variable that says that someone listens on descriptor 3. */
export const LISTENED = 'CURIO_REPORTS';

export function emit(report: Report): void {
  console.log(lineOf(report));
  send(report);
}

export const attempt = (ifItEnds: Report): void => send({ ifItEnds });

function send(message: Report | Attempt): void {
  if (process.env[LISTENED]) writeSync(3, `${JSON.stringify(message)}\n`);
}

/** A finding of our own engine. */
export function finding(
  op: string,
  shape: string,
  variant: string,
  work: Work,
  times: Summary | string,
  choice?: Choice,
): Finding {
  const name = { op, shape, library: 'curio', variant, choice } as const;
  if (typeof times === 'string')
    return { ...name, bestMs: null, medianMs: null, tflops: null, gbps: null, failed: times };
  const { gflops, gbps } = rates(work, times.bestMs);
  return { ...name, ...times, tflops: gflops === null ? null : gflops / 1000, gbps };
}

export function lineOf(report: Report): string {
  if (!isFinding(report))
    return `${report.fact}: ${typeof report.value === 'string' ? report.value : JSON.stringify(report.value)}`;
  const { op, shape, variant, bestMs, medianMs, tflops, gbps, failed } = report;
  const name = `${op.padEnd(28)} ${shape.padEnd(18)} ${variant.padEnd(36)}`;
  if (bestMs === null) return `${name} ${failed ?? ''}`;
  const rate = tflops !== null ? `${tflops.toFixed(2)} TFLOP/s` : gbps !== null ? `${gbps.toFixed(0)} GB/s` : '';
  return `${name} ${bestMs.toFixed(4).padStart(10)} ms ${medianMs!.toFixed(4).padStart(10)} ms  ${rate}${failed ? `  ${failed}` : ''}`;
}
