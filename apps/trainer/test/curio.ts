/** The command line as a user runs it, in a folder of the test's own. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
/** The arguments of node that run curio as built, which scripts/test.mjs and vitest.config.ts see to. */
export const CURIO = [join(root, 'apps/trainer/dist/cli.js')];
/** The arguments of node that run TypeScript from the sources, before the file. */
export const TYPESCRIPT = ['--import', import.meta.resolve('tsx'), '--conditions=source'];

/** A run of nine small steps on a few scenes. */
export const TINY = [
  '--data.scenes.stage1=12',
  '--data.scenes.stage2=24',
  '--data.scenes.heldout=22',
  '--data.scenes.heldout-ask=2',
  '--train.stage1.steps=3',
  '--train.stage1.batch=4',
  '--train.stage2.steps=6',
  '--train.stage2.batch=4',
];

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  /** The last line of stderr: the sentence of an error. */
  sentence: string;
}

export type During = (kill: (signal: NodeJS.Signals) => void, said: () => string) => void;

/** Runs a program to its end; `during` may send it a signal and see what it has said so far. */
export function runProgram(
  program: string,
  args: readonly string[],
  cwd: string,
  during?: During,
  env: Record<string, string> = {},
): Promise<Ended> {
  const child = spawn(program, args, { cwd, env: { ...process.env, NO_COLOR: '1', ...env } });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => (said.stdout += text));
  child.stderr.on('data', (text) => (said.stderr += text));
  during?.(
    (signal) => child.kill(signal),
    () => said.stdout,
  );
  return new Promise((done) =>
    child.on('close', (code) => done({ ...said, code, sentence: said.stderr.trim().split('\n').at(-1)! })),
  );
}

/** Runs curio in a folder. */
export const runCurio = (cwd: string, args: readonly string[], during?: During): Promise<Ended> =>
  runProgram(process.execPath, [...CURIO, ...args], cwd, during);

/** Calls `then` once as soon as `is` holds; the result gives up. */
export function whenever(is: () => boolean, then: () => void): () => void {
  const watch = setInterval(() => {
    if (!is()) return;
    clearInterval(watch);
    then();
  }, 5);
  return () => clearInterval(watch);
}

/** Every file of a trained adapter that holds numbers. */
export const ADAPTER = [
  'adapter_model.safetensors',
  'non_lora_trainables.safetensors',
  join('Vit-lora', 'adapter_model.safetensors'),
];

/** The numbers of every step of a run, without the times. */
export const stepsOf = (run: string): object[] =>
  readFileSync(join(run, 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((text) => {
      const { stage, step, loss, lr, gradNorm, tokens, images } = JSON.parse(text);
      return { stage, step, loss, lr, gradNorm, tokens, images };
    });
