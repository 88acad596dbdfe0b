/** @file What a recorded step does, before it runs: operations of products, bytes of everything else. */
import type { RecordedDispatch } from '../gpu/stream/timing.ts';
import { operationsOf } from './operations.ts';

export interface StepWork {
  /** Multiplications and additions of matrix products and attention. */
  readonly operations: number;
  /** Bytes that all other dispatches bind. */
  readonly bytes: number;
}

/** Sums over the dispatches of a step; see `StepPlan.work`. */
export function stepWork(dispatches: Iterable<RecordedDispatch>): StepWork {
  let [operations, bytes] = [0, 0];
  for (const dispatch of dispatches) {
    const each = operationsOf(dispatch);
    if (each === null) bytes += dispatch.bytes;
    else operations += each;
  }
  return { operations, bytes };
}
