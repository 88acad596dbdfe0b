/** An optimizer's file gives back its moments, f32 and 8-bit ones. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdamW, openGpu, Parameter } from '@curio/engine';
import { encodeSafetensors, openSafetensors } from '@curio/nn';
import { expect, test } from 'vitest';
import { encodeOptimizer, momentTensors } from '@curio/model';
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
  expect([...back.moments.keys()].sort()).toEqual(['layer.0.weight', 'layer.1.weight']);
  for (const [name, pair] of state.moments) expect(back.moments.get(name)).toEqual(pair);
  optimizer.load(back);
  const { tensors } = await openSafetensors(fileSource(path));
  const types = (name: string) => [tensors.get(name)?.dtype, tensors.get(name)?.shape];
  expect(types('second.layer.1.weight')).toEqual(['F32', [130]]);
  expect(types('second.layer.0.weight')).toEqual([moments === 'f32' ? 'F32' : 'U8', [4097]]);
  expect(types('second_absmax.layer.0.weight')).toEqual(moments === 'f32' ? [undefined, undefined] : ['F32', [17]]);
  gpu.close();
});

test('codes without their absmax are refused', async () => {
  const moment = { codes: new Uint8Array(4096), absmax: new Float32Array(16) };
  const tensors = momentTensors(new Map([['a', { first: moment, second: moment }]]));
  const rest = tensors.filter(({ name }) => name !== 'second_absmax.a');
  writeFileSync(path, Buffer.concat(encodeSafetensors(rest, { format: 'pt', step: '1' })));
  await expect(optimizerOf(folder)).rejects.toThrow(
    `checkpoint: ${path} has no 'second_absmax.a'; the optimizer's moments are incomplete.`,
  );
});
