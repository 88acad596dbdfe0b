/** @file What is changed for the length of a call is as before after it, when it throws too. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Arena } from '../src/gpu/memory/arena.ts';
import type { CommandQueue, Recorder } from '../src/gpu/stream/commands.ts';
import { Stream } from '../src/gpu/stream/stream.ts';
import type { Timing } from '../src/gpu/stream/timing.ts';
import { add, capture, openGpu, profile, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

const fail = (): never => {
  throw new Error('inside');
};

test('the recorder, nested too', () => {
  const [outer, inner] = [{}, {}] as [Recorder, Recorder];
  const { stream } = gpu;
  const seen = stream.recordInto(outer, () => {
    expect(() => stream.recordInto(inner, fail)).toThrow('inside');
    const between = stream.recorder;
    return [between, stream.recordInto(null, () => stream.recorder), stream.recorder];
  });
  expect(seen).toEqual([outer, null, outer]);
  expect(seen[0]).toBe(outer);
  expect(stream.recorder).toBeNull();
  expect(() => stream.recordInto(outer, fail)).toThrow('inside');
  expect(stream.recorder).toBeNull();
});

test('the arena', () => {
  const [before, other] = [gpu.arena, new Arena()];
  expect(gpu.withArena(other, () => gpu.arena)).toBe(other);
  expect(() => gpu.withArena(other, fail)).toThrow('inside');
  expect(gpu.arena).toBe(before);
  expect(() => gpu.withArena(other, async () => {})).toThrow(
    'withArena: the function is async, and withArena ends at its first await; record in a plain function and await what it returns.',
  );
});

test('the number of random streams drawn', () => {
  gpu.random.setStep(3);
  gpu.random.draw(4);
  expect(gpu.random.drawnFrom(1, () => [gpu.random.draw(), gpu.random.counter])).toEqual([1, 2]);
  expect(() => gpu.random.drawnFrom(9, fail)).toThrow('inside');
  expect(gpu.random.counter).toBe(4);
});

test('timing, in any order of ending', () => {
  const told: (Timing | null)[] = [];
  const stream = new Stream({ timeInto: (timing) => void told.push(timing) } as CommandQueue, false);
  const [a, b] = [{ name: 'a' }, { name: 'b' }] as unknown as [Timing, Timing];
  const [endA, endB] = [stream.timed(a), stream.timed(b)];
  endB();
  endB();
  expect(stream.isTimed).toBe(true);
  endA();
  expect(told).toEqual([a, b, a, a, null]);
  const [firstA, thenB] = [stream.timed(a), stream.timed(b)];
  firstA();
  thenB();
  expect(told.slice(5)).toEqual([a, b, b, null]);
  expect(stream.isTimed).toBe(false);
});

test('all of them, after a recorded step or a profile that throws', async () => {
  const { arena } = gpu;
  const x = tensor(gpu, [1, 2]);
  let fails = true;
  const step = capture(gpu, 'step', ({ x: given }: { x: Tensor }) => {
    const y = add(given, given);
    return fails ? fail() : { y };
  });
  expect(() => step.run({ x: { values: new Float32Array([1, 2]), shape: [2] } })).toThrow('inside');
  expect(gpu.arena).toBe(arena);
  expect(gpu.stream.recorder).toBeNull();
  fails = false;
  expect([...(await step.run({ x: { values: new Float32Array([1, 2]), shape: [2] } }).y.read())]).toEqual([2, 4]);
  expect([...(await gpu.scope(() => add(x, x).read()))]).toEqual([2, 4]);
  if (!gpu.device.features.has('timestamp-query')) return;
  await expect(profile(gpu, fail)).rejects.toThrow('inside');
  expect(gpu.stream.isTimed).toBe(false);
});
