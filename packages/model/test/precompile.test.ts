/** What an answer runs is compiled without the model's values, and the answer is the same. */
import { openGpu, precompile } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import { expect, test } from 'vitest';
import { bareModel } from '../src/checkpoint.ts';
import { Speaker } from '../src/dialogue/speaker.ts';
import { aboutImage } from '../src/dialogue/request.ts';
import type { Reply } from '../src/dialogue/request.ts';
import type { SqLlava } from '../src/sq-llava.ts';
import { config, picture, tinyModel, tokens } from './tiny-speaker.ts';

async function answer(model: SqLlava): Promise<Reply[]> {
  const messages = [
    { role: 'human', text: aboutImage('which digit is red ?') } as const,
    { role: 'gpt', text: null } as const,
  ];
  return new Speaker(model, tokens).write([{ pixels: picture(3), messages }], { maxNewTokens: 6, probability: true });
}

test('an answer compiles nothing after its kernels were compiled from the configuration', async () => {
  const [ahead, plain]: Gpu[] = [await openGpu(), await openGpu()];
  await precompile(ahead!, (dry) => answer(bareModel(dry, config)));
  const { size } = ahead!.pipelines;
  expect(size).toBeGreaterThan(20);
  expect(await answer(tinyModel(ahead!))).toEqual(await answer(tinyModel(plain!)));
  expect(ahead!.pipelines.size).toBe(size);
  expect([...ahead!.pipelines.labels].sort()).toEqual([...plain!.pipelines.labels].sort());
  for (const gpu of [ahead, plain]) gpu!.close();
});
