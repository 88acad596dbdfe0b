/**
 * @file The other side of teach-bits.browser.test.ts, in Node: the result of `curio train` on the same plan, from the
 * adapter that the page comes with. Prints the losses, and the adapter's files as hashes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SceneSamples } from '@curio/scenes';
import { encodePng } from '../../trainer/src/data/png.ts';
import { ADAPTER, runCurio, stepsOf } from '../../trainer/test/curio.ts';
import { recipeFor } from '../src/learning/recipe.ts';
import { sampleOf } from '../src/learning/lessons.ts';
import { lessonsOfPlan } from '../src/learning/teach.ts';
import { taughtPlan } from './taught-plan.ts';

const demo = resolve(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'curio-teach-'));
try {
  const samples = JSON.parse(readFileSync(join(demo, 'public/scene-samples.json'), 'utf8')) as SceneSamples;
  const plan = taughtPlan(samples);
  const { lessons, draw } = lessonsOfPlan(plan);
  mkdirSync(join(folder, 'images'));
  const entries = lessons.map((lesson, i) => {
    writeFileSync(join(folder, 'images', `${i}.png`), encodePng(draw(lesson)));
    const { id, messages } = sampleOf(lesson, i);
    const from = { human: 'human', gpt: 'gpt' } as Readonly<Record<string, string>>;
    return {
      id,
      image: `${i}.png`,
      conversations: messages.map(({ role, text }) => ({ from: from[role], value: text })),
    };
  });
  writeFileSync(join(folder, 'data.json'), JSON.stringify(entries));
  const trained = JSON.parse(readFileSync(join(demo, 'trained/config.json'), 'utf8'));
  const data = join(folder, 'data.json');
  const config = {
    preset: 'small',
    seed: plan.seed,
    base: { language: 'embedded', vision: 'embedded', adapter: join(demo, 'trained/adapter') },
    data: { scenes: null, stage1: data, stage2: data, heldOut: null, images: join(folder, 'images') },
    model: trained.model,
    train: recipeFor(trained.model, plan.steps),
    run: { questions: 0, askScenes: 0 },
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  const { code, stderr } = await runCurio(folder, ['train', '--config', join(folder, 'config.json')]);
  if (code !== 0) throw new Error(`curio train ended with ${code}: ${stderr}`);
  const run = join(folder, 'runs', readdirSync(join(folder, 'runs'))[0]!);
  const losses = stepsOf(run).map((step) => (step as { loss: number }).loss);
  const hashes = ADAPTER.map((name) => [
    name,
    createHash('sha256')
      .update(readFileSync(join(run, 'adapter', name)))
      .digest('hex'),
  ]);
  console.log(JSON.stringify({ losses, hashes: Object.fromEntries(hashes) }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
