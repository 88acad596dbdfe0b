/** @file The rooflines: OpenBLAS in a child process, if installed, and a copy of 64 MB on the device. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Gpu } from '@curio/engine';
import { copyRoof } from '@curio/engine/check';
import type { Roof, Session } from './cell.ts';
import type { OpenRoof } from './rounds.ts';
import type { Work } from './statistics.ts';

const COPY_BYTES = 64 * 2 ** 20;
/** Pause before the next cell, long enough for the BLAS's threads to go to sleep. */
const SETTLE_MS = 40;

/** A BLAS in a child process, which answers line by line. */
export class OpenBlas {
  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly lines: AsyncIterator<string>,
    readonly version: string,
  ) {}

  /** Starts `python3` (or CURIO_PYTHON) with numpy; null if there is none. */
  static async start(): Promise<OpenBlas | null> {
    // its threads spin after a product; keep that as short as possible
    const env = { ...process.env, OPENBLAS_THREAD_TIMEOUT: '4' };
    const child = spawn(
      process.env.CURIO_PYTHON ?? 'python3',
      [fileURLToPath(new URL('./openblas.py', import.meta.url))],
      { stdio: 'pipe', env },
    );
    child.on('error', () => {}); // without Python, the output ends at once
    child.stdin.on('error', () => {});
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const first = await lines.next();
    return first.done ? null : new OpenBlas(child, lines, first.value);
  }

  /** Milliseconds of `count` products of float32 [M, K] and [K, N]. */
  async time([M, N, K]: readonly [number, number, number], count: number): Promise<number> {
    this.child.stdin.write(`${M} ${N} ${K} ${count}\n`);
    const line = await this.lines.next();
    if (line.done)
      throw new Error('bench: the OpenBLAS process ended; run python3 bench/src/openblas.py by hand to see why.');
    await new Promise((wake) => setTimeout(wake, SETTLE_MS));
    return Number(line.value);
  }

  close(): void {
    this.child.kill();
  }
}

/** Opens roofs on a device and, if there is one, a BLAS. */
export function roofsOf(gpu: Gpu, blas: OpenBlas | null): OpenRoof {
  return async (roof) => {
    if (roof.kind === 'copy') return { session: copySession(gpu), work: { bytes: 2 * COPY_BYTES } };
    return blas && blasRoof(blas, roof);
  };
}

function blasRoof(blas: OpenBlas, { size }: Extract<Roof, { kind: 'openblas' }>): { session: Session; work: Work } {
  const [M, N, K] = size;
  return {
    session: { check: async () => null, time: (count) => blas.time(size, count), close: () => {} },
    work: { flops: 2 * M * N * K },
  };
}

function copySession(gpu: Gpu): Session {
  const { record, close } = copyRoof(gpu, COPY_BYTES);
  return {
    check: async () => null,
    async time(count) {
      const began = performance.now();
      for (let i = 0; i < count; i++) record();
      await gpu.synchronize();
      return performance.now() - began;
    },
    close,
  };
}
