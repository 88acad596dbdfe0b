/** An optimizer's file gives back its moments, f32 and 8-bit ones. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdamW, openGpu, Parameter } from '@curio/engine';
import { type ByteSource, encodeSafetensors, joinBytes, memorySource, openSafetensors } from '@curio/nn';
import { expect, test } from 'vitest';
import { encodeOptimizer, momentTensors, openOptimizer, readOptimizer } from '@curio/model';
import { optimizerOf } from '../src/train/checkpoint.ts';
import { fileSource } from '../src/run/files.ts';

const folder = mkdtempSync(join(tmpdir(), 'curio-moments-'));
const path = join(folder, 'optimizer.safetensors');

test.each(['f32', '8bit'] as const)('%s moments are restored exactly, at sizes that fill no word', async (moments) => {
  const gpu = await openGpu();
  const parameters = [4097, 130].map(
    (size, i) => new Parameter(gpu, `layer.${i}.weight`, [size], new Float32Array(size).fill(i)),
  );
  const optimizer = new AdamW(gpu, parameters, { moments });
  for (const p of parameters)
    p.grad!.write(Float32Array.from({ length: p.size }, (_, i) => Math.sin(i) * 10 ** -(i % 7)));
  optimizer.step();
  const state = await optimizer.readState();
  writeFileSync(path, Buffer.concat(encodeOptimizer(state)));
  const back = (await optimizerOf(folder))!;
  expect(back.step).toBe(1);
  for (const [name, pair] of state.moments) expect(await back.momentsOf(name)).toEqual(pair);
  expect(await back.momentsOf('layer.2.weight')).toBeUndefined();
  expect(await readOptimizer(fileSource(path))).toEqual(state);
  optimizer.step();
  await optimizer.loadStored(back);
  expect(await optimizer.readState()).toEqual(state);
  const { tensors } = await openSafetensors(fileSource(path));
  const types = (name: string) => [tensors.get(name)?.dtype, tensors.get(name)?.shape];
  expect(types('second.layer.1.weight')).toEqual(['F32', [130]]);
  expect(types('second.layer.0.weight')).toEqual([moments === 'f32' ? 'F32' : 'U8', [4097]]);
  expect(types('second_absmax.layer.0.weight')).toEqual(moments === 'f32' ? [undefined, undefined] : ['F32', [17]]);
  gpu.close();
});

test('a run resumes with the moments of one parameter in memory at a time', async () => {
  const gpu = await openGpu();
  const sizes = [8192, 4096, 65_536, 300];
  const make = () =>
    new AdamW(
      gpu,
      sizes.map((size, i) => new Parameter(gpu, `p${i}`, [size], new Float32Array(size))),
      { moments: '8bit' },
    );
  const whole = memorySource('x', joinBytes(encodeOptimizer(await make().readState())));
  let [held, most, sum] = [0, 0, 0];
  const counted: ByteSource = {
    ...whole,
    read: async (offset, length) => {
      held += length;
      sum += length;
      most = Math.max(most, held);
      await new Promise((wake) => setTimeout(wake, 1));
      held -= length;
      return whole.read(offset, length);
    },
  };
  const stored = await openOptimizer(counted);
  [most, sum] = [0, 0];
  await make().loadStored(stored);
  const bytes = sizes.map((size) => (size < 4096 ? 8 * size : 2 * size + (8 * size) / 256));
  expect(sum).toBe(bytes.reduce((a, b) => a + b, 0));
  expect(most).toBeLessThanOrEqual(Math.max(...bytes));
  gpu.close();
});

test('codes without their absmax are refused', async () => {
  const moment = { codes: new Uint8Array(4096), absmax: new Float32Array(16) };
  const tensors = momentTensors(new Map([['a', { first: moment, second: moment }]]));
  const rest = tensors.filter(({ name }) => name !== 'second_absmax.a');
  writeFileSync(path, Buffer.concat(encodeSafetensors(rest, { format: 'pt', step: '1' })));
  await expect((await optimizerOf(folder))!.momentsOf('a')).rejects.toThrow(
    `checkpoint: ${path} has no 'second_absmax.a'; the optimizer's moments are incomplete.`,
  );
});
