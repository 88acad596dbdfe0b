/** Random small programs, forward and backward, against PyTorch; made by packages/testing/python/random_programs.py. */
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openGolden } from '../src/golden.ts';
import { runProgram, showProgram } from '../src/random-programs.ts';
import type { Program } from '../src/random-programs.ts';

const file = await openGolden('random-programs');
// SwiftShader compiles for a quarter of a second a program, so the browser takes the first third of them.
const isBrowser = 'document' in globalThis;
const programs: Program[] = file.config.programs.slice(0, isBrowser ? 130 : undefined);
let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

test.each(programs.map((program) => [showProgram(program), program] as const))('%s', async (_, program) => {
  expect(await runProgram(gpu, file, program)).toEqual([]);
});
