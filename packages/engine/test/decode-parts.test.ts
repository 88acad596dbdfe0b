/** Attention of a decoded token by parts of its keys: its bits, in a recorded step, and under other tunings. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { capture, scaledDotProductAttention, tensor } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

const KEYS = 700;
/** Parts begin at keys 256 and 512. */
const POSITIONS = [0, 254, 255, 256, 511, 512, 699];

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());
afterEach(() => {
  gpu.kernels.forced.clear();
  gpu.kernels.tuned.clear();
});

const draw = (shape: number[], seed: number): Tensor =>
  tensor(
    gpu,
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );

const operands = (width: number): [q: Tensor, k: Tensor, v: Tensor] => [
  draw([1, 4, 1, width], 1),
  draw([1, 2, KEYS, width], 2),
  draw([1, 2, KEYS, width], 3),
];

/** y at a position under a variant. */
async function yOf(variant: string, [q, k, v]: [Tensor, Tensor, Tensor], at: number): Promise<number[]> {
  gpu.kernels.forced.set('attention', variant);
  const position = tensor(gpu, Int32Array.of(at), [1]);
  return [...(await gpu.scope(() => scaledDotProductAttention(q, k, v, { position }).read()))];
}

test.each([32, 64, 128])('one part has the bits of decodeGroups, heads of %i', async (width) => {
  const all = operands(width);
  for (const at of POSITIONS.filter((each) => each < 256))
    expect(await yOf('decodeParts', all, at)).toEqual(await yOf('decodeGroups', all, at));
});

test.each(['64u', '128u', '512u'])('parts of %s keys', async (PART) => {
  const all = operands(32);
  gpu.kernels.tuned.set('attention/decode_parts', { PART });
  for (const at of POSITIONS) {
    const whole = await yOf('decodeGroups', all, at);
    const parts = await yOf('decodeParts', all, at);
    parts.forEach((value, i) => expect(value).toBeCloseTo(whole[i]!, 5));
  }
});

test('a recorded step reads its position as data', async () => {
  const [q, k, v] = operands(64);
  gpu.kernels.forced.set('attention', 'decodeParts');
  const step = capture(gpu, 'decode', ({ position }: { position: Tensor }) => ({
    y: scaledDotProductAttention(q, k, v, { position }),
  }));
  for (const at of POSITIONS) {
    const { y } = step.run({ position: { values: Int32Array.of(at), shape: [1] } });
    const replayed = [...(await y.read())];
    expect(replayed).toEqual(await yOf('decodeParts', [q, k, v], at));
  }
  step.dispose();
});

test('the tuner measures it among the others', async () => {
  const tuned = await openDevice({ tune: 'measured' });
  const inputs = [
    [1, 1, 1, 32],
    [1, 1, 300, 32],
    [1, 1, 300, 32],
  ].map((shape, i) => tensor(tuned, noise(shape[2]! * 32, i), shape));
  const position = tensor(tuned, Int32Array.of(299), [1]);
  const [q, k, v] = inputs as [Tensor, Tensor, Tensor];
  const y = await tuned.scope(() => scaledDotProductAttention(q, k, v, { position }).read());
  expect(tuned.kernels.tuner!.isWaiting).toBe(true);
  await tuned.kernels.tuner!.measure();
  const again = await tuned.scope(() => scaledDotProductAttention(q, k, v, { position }).read());
  again.forEach((value, i) => expect(value).toBeCloseTo(y[i]!, 5));
  tuned.close();
});
