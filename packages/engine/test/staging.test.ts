/** Buffers through which values come back from the device: few are in use at a time, and few are kept. */
import { expect, test } from 'vitest';
import { AdamW } from '../src/optim/adamw.ts';
import { Parameter } from '../src/tensor/parameter.ts';
import { openDevice } from './device.ts';

/** Bytes of such buffers that exist now, and the most so far. */
function countStaging(device: GPUDevice): { now: number; most: number } {
  const count = { now: 0, most: 0 };
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    if (!(descriptor.usage & GPUBufferUsage.MAP_READ)) return buffer;
    count.now += descriptor.size;
    count.most = Math.max(count.most, count.now);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      count.now -= descriptor.size;
      return destroy();
    };
    return buffer;
  };
  return count;
}

test.each(['f32', '8bit'] as const)("an optimizer's state is read one segment after the other: %s", async (moments) => {
  const gpu = await openDevice({ bindingLimit: 2 ** 18 });
  const size = 2 ** 16; // of a parameter, and so of a segment
  const parameters = Array.from({ length: 8 }, (_, i) => new Parameter(gpu, `p${i}`, [size], null));
  const optimizer = new AdamW(gpu, parameters, { moments });
  const count = countStaging(gpu.device);
  const state = await optimizer.readState();
  expect(state.moments.size).toBe(8);
  expect(count.most).toBe(moments === 'f32' ? 8 * size : 2 * size + (8 * size) / 256);
  gpu.close();
});

test('of the buffers of many reads at once 64 MiB are kept', async () => {
  const gpu = await openDevice();
  const parameters = Array.from({ length: 20 }, (_, i) => new Parameter(gpu, `p${i}`, [2 ** 20], null));
  const count = countStaging(gpu.device);
  await Promise.all(parameters.map((each) => each.read()));
  expect(count).toEqual({ now: 2 ** 26, most: 20 * 2 ** 22 });
  await Promise.all(parameters.slice(0, 16).map((each) => each.read()));
  expect(count).toEqual({ now: 2 ** 26, most: 20 * 2 ** 22 });
  gpu.close();
});
