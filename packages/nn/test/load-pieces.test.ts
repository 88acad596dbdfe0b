/** Pieces on their way to the device share two places in memory, and no byte of one is taken for another's. */
import { openGpu } from '@curio/engine';
import { expect, test } from 'vitest';
import { encodeSafetensors, joinBytes, openSafetensors } from '../src/files/safetensors.ts';
import { memorySource, type ByteSource, type NamedTensor } from '../src/files/tensor-file.ts';
import { init } from '../src/init.ts';
import { Weights } from '../src/weights.ts';

test.each(['f32', 'bf16', 'int8'] as const)('every piece is read into one of two buffers: %s', async (base) => {
  const gpu = await openGpu({ bindingLimit: 64 * 1024 });
  const tensors = [40_960, 512, 40_960, 20_480].map((size, i): NamedTensor => {
    const values = Float32Array.from({ length: size }, (_, at) => Math.sin(at + 10_000 * i));
    return { name: `w${i}`, dtype: 'F32', shape: [size / 64, 64], data: values };
  });
  const whole = memorySource('x', joinBytes(encodeSafetensors(tensors)));
  const places: ArrayBufferLike[] = [];
  const reused: ByteSource = {
    ...whole,
    read: async (offset, length, into) => {
      const bytes = await whole.read(offset, length);
      if (!into) return bytes;
      places.push(into.buffer);
      into.set(bytes);
      await new Promise((wake) => setTimeout(wake, 2)); // the piece before is uploaded meanwhile
      return into.subarray(0, length);
    },
  };
  const load = async (source: ByteSource) => {
    const w = new Weights(gpu, { parts: [{ tensors: (await openSafetensors(source)).tensors, base }] });
    const parameters = tensors.map(({ name, shape }) => w.get(name, shape));
    await w.load();
    return Promise.all(parameters.map(async (each) => [await each.read(), await each.quantisation?.scales.read()]));
  };
  const want = await load(whole);
  expect(await load(reused)).toEqual(want);
  expect(places.length).toBeGreaterThan(7);
  expect(new Set(places).size).toBe(2);
  gpu.close();
});

test.each(['linear', 'normal', 'ones'] as const)('values drawn in pieces are those drawn at once: %s', async (kind) => {
  const draw = { linear: init.linear(7), normal: init.normal(0.5), ones: init.ones }[kind];
  const lengths: number[] = [];
  const values = async (bindingLimit?: number) => {
    const gpu = await openGpu({ bindingLimit });
    const drawn = new Weights(gpu, { seed: 3 }).get('a', [101, 203], (out, random) => {
      lengths.push(out.length);
      draw(out, random);
    });
    const read = await drawn.read();
    gpu.close();
    return read;
  };
  expect(await values(16 * 1024)).toEqual(await values());
  expect(lengths).toEqual([4096, 4096, 4096, 4096, 4096, 23, 20503]);
});
