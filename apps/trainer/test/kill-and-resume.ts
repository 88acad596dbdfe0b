/**
 * Trains once undisturbed and once killed with SIGKILL at random moments, each time going on with what is on the disk;
 * says where adapter or metrics differ. By hand: node scripts/measure.mjs apps/trainer/test/kill-and-resume-cli.ts 100
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RandomStream } from '@curio/engine';
import { ADAPTER, runCurio, stepsOf } from './curio.ts';

/** Longer than `TINY`, and a checkpoint after every other step: most kills meet some file being written. */
const SETTINGS = [
  '--data.scenes.stage1=48',
  '--data.scenes.stage2=48',
  '--data.scenes.heldout=0',
  '--data.scenes.heldout-ask=0',
  '--train.stage1.steps=24',
  '--train.stage1.batch=4',
  '--train.stage2.steps=24',
  '--train.stage2.batch=4',
  '--run.checkpointEvery=2',
];

export interface KillOptions {
  /** Holds the runs. */
  readonly folder: string;
  /** Least number of kills; the run that they end in is brought to its end. */
  readonly kills: number;
  readonly seed: number;
  readonly say?: (line: string) => void;
}

export async function killAndResume({ folder, kills: wanted, seed, say = () => {} }: KillOptions): Promise<{
  kills: number;
  runs: number;
  differences: string[];
}> {
  const random = new RandomStream(seed);
  const begin = (name: string): string[] => ['train', '--preset', 'small', '--name', name, ...SETTINGS];
  const whole = await runCurio(folder, begin('whole'));
  if (whole.code !== 0) throw new Error(`the undisturbed run failed: ${whole.stderr}`);
  const [reference, run] = [join(folder, 'runs', 'whole'), join(folder, 'runs', 'killed')];
  const metrics = join(run, 'metrics.jsonl');
  const differences: string[] = [];
  let [kills, runs] = [0, 0];
  while (kills < wanted) {
    rmSync(run, { recursive: true, force: true });
    runs++;
    let finished = false;
    while (!finished) {
      // With config.json there the run can be gone on with, before that it begins anew under its name.
      const args = existsSync(join(run, 'config.json')) ? ['train', '--resume', 'runs/killed'] : begin('killed');
      const size = (): number => (existsSync(metrics) ? readFileSync(metrics).length : 0);
      const before = size();
      // Some while it starts, most within the steps, down to the moment after a line was written.
      const early = random.uniform() < 0.1;
      const delay = early ? random.uniform(0, 3000) : random.uniform(0, 700);
      let watch: NodeJS.Timeout | undefined;
      const { code, stderr } = await runCurio(folder, args, (kill) => {
        const later = (): void => void (watch = setTimeout(() => kill('SIGKILL'), delay));
        if (kills >= wanted) return;
        if (early) return later();
        watch = setInterval(() => {
          if (size() === before) return;
          clearInterval(watch);
          later();
        }, 2);
      });
      clearInterval(watch);
      clearTimeout(watch);
      finished = code === 0;
      if (!finished && code !== null) throw new Error(`going on failed: ${stderr}`);
      if (!finished) kills++;
      if (!finished && kills % 10 === 0) say(`${kills} kills, ${differences.length} differences`);
    }
    const numbers = (path: string): string => JSON.stringify(stepsOf(path));
    if (numbers(run) !== numbers(reference)) differences.push(`metrics.jsonl of run ${runs}`);
    for (const file of ADAPTER)
      if (!readFileSync(join(run, 'adapter', file)).equals(readFileSync(join(reference, 'adapter', file))))
        differences.push(`${file} of run ${runs}`);
  }
  return { kills, runs, differences };
}
