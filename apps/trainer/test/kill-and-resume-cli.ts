/**
 * Kills a training N times (default 100) and compares it with one that was never stopped; the exit code is 1 where they
 * differ. The second argument is the seed of the moments.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../../scripts/workspace.mjs';
import { killAndResume } from './kill-and-resume.ts';

build('@curio/trainer');
const folder = mkdtempSync(join(tmpdir(), 'curio-kill-'));
const wanted = Number(process.argv[2] ?? 100);
const seed = Number(process.argv[3] ?? 1);
const { kills, runs, differences } = await killAndResume({ folder, kills: wanted, seed, say: console.log });
console.log(
  `${kills} kills in ${runs} runs, ${differences.length} differences.${differences.map((line) => `\n  ${line}`)}`,
);
rmSync(folder, { recursive: true, force: true });
process.exitCode = differences.length > 0 ? 1 : 0;
