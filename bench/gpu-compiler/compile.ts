/** @file Compiles kernels for a GPU in a process of its own, since a driver is chosen when a process starts. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { GpuDriver } from './driver.ts';
import { MARK } from './result.ts';
import type { Compiled, Message, PassedOver, Request } from './result.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM = fileURLToPath(new URL('compile-cli.ts', import.meta.url));

/** A GPU that this Mesa can emulate, with matrix units. */
export const USUAL_CHIP = 'navi31';

/** A kernel without figures. */
export interface Refused {
  readonly refused: string;
  readonly why: string;
}

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly lastWords: readonly string[];
}

/** Runs the program once and passes on its output. */
async function* messages(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): AsyncGenerator<Message, End, void> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--conditions=source', PROGRAM, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lastWords: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lastWords.push(line));
  const ended = new Promise<Omit<End, 'lastWords'>>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith(MARK)) yield JSON.parse(line.slice(MARK.length)) as Message;
  return { ...(await ended), lastWords };
}

function whyNothing(chip: string, { code, signal, lastWords }: End): string {
  if (lastWords.some((line) => line.includes('Unknown family')))
    return `gpu compiler: RADV knows no chip '${chip}'; it knows navi10 to navi33, gfx1150, mi100, mi200, vega10, polaris10 and others.`;
  return `gpu compiler: the compiling process ended with ${signal ?? code}: ${lastWords.slice(-12).join('\n')}`;
}

/**
 * Compiles what a request names, line by line. If the compiler crashes its process, another continues after that
 * kernel.
 */
export async function* compileForGpu(
  driver: GpuDriver,
  request: Request,
  chip = USUAL_CHIP,
): AsyncGenerator<Compiled | PassedOver | Refused, void, void> {
  const scratch = mkdtempSync(join(tmpdir(), 'curio-gpu-compiler-'));
  try {
    for (let done = 0, total = 1; done < total; ) {
      const out = join(scratch, `after-${done}`);
      mkdirSync(out);
      const env = { ...driver.env, CURIO_RADV_OUT: out, RADV_FORCE_FAMILY: chip, AMD_FORCE_FAMILY: chip };
      const run = messages([JSON.stringify(request), `${done}`], env);
      let begun: string | null = null;
      let next = await run.next();
      for (; !next.done; next = await run.next()) {
        const message = next.value;
        if ('total' in message) total = message.total;
        else if ('begins' in message) begun = message.begins;
        else {
          done++;
          begun = null;
          yield 'compiled' in message ? message.compiled : message;
        }
      }
      const end = next.value;
      if (end.code === 0) return;
      if (begun === null) throw new Error(whyNothing(chip, end));
      done++;
      yield {
        refused: begun,
        why: `the compiler ended with ${end.signal ?? end.code}: ${end.lastWords.at(-1) ?? 'it said nothing'}`,
      };
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
