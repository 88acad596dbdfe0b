/** Rows written at a position that the device knows, alone and in a step that is recorded once. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assignAt, capture, cast, DTypeError, ShapeError, slice, tensor, transpose, zeros } from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openDevice();
});
afterAll(() => gpu.close());

const at = (n: number): Tensor => tensor(gpu, Int32Array.of(n), [1]);
/** Positions that the host does not know. */
const computed = (places: number[]): Tensor => cast(tensor(gpu, places), 'i32');
const numbers = (shape: number[], from = 1): Tensor =>
  tensor(
    gpu,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => from + i),
    shape,
  );

test.each([3, 4, 8])('two of five rows of %i in each of two blocks', async (inner) => {
  const expected = new Float32Array(2 * 5 * inner);
  for (let o = 0; o < 2; o++)
    for (let i = 0; i < 2 * inner; i++) expected[(5 * o + 2) * inner + i] = 1 + 2 * inner * o + i;
  const got = await gpu.scope(() => {
    const to = zeros(gpu, [2, 5, inner]);
    assignAt(to, numbers([2, 2, inner]), { axis: 1, position: at(2) });
    return to.read();
  });
  expect(got).toEqual(expected);
});

test.each([
  [-1, [3, 4, 0, 0, 0, 0]],
  [2, [0, 0, 0, 0, 1, 2]],
  [7, [0, 0, 0, 0, 0, 0]],
  [-9, [0, 0, 0, 0, 0, 0]],
])('rows outside at position %i are left out', async (position, expected) => {
  const got = await gpu.scope(() => {
    const to = zeros(gpu, [3, 2]);
    assignAt(to, numbers([2, 2]), { axis: 0, position: computed([position]) });
    return to.read();
  });
  expect([...got]).toEqual(expected);
});

test.each([2, 4])('each row of the batch at its own position, %i elements wide', async (inner) => {
  const places = [3, 0, 5, -1];
  const expected = new Float32Array(4 * 2 * 5 * inner);
  places.forEach((place, b) => {
    if (place < 0 || place > 4) return;
    for (let h = 0; h < 2; h++)
      for (let c = 0; c < inner; c++) expected[((2 * b + h) * 5 + place) * inner + c] = 1 + (2 * b + h) * inner + c;
  });
  const got = await gpu.scope(() => {
    const to = zeros(gpu, [4, 2, 5, inner]);
    assignAt(to, numbers([4, 2, 1, inner]), { axis: 2, position: computed(places) });
    return to.read();
  });
  expect(got).toEqual(expected);
});

test('values may be a view, and whole numbers', async () => {
  const got = await gpu.scope(() => {
    const to = zeros(gpu, [2, 3], 'i32');
    assignAt(to, transpose(tensor(gpu, Int32Array.of(1, -2, 3, -4), [2, 2])), { axis: 1, position: at(1) });
    return to.read();
  });
  expect([...got]).toEqual([0, 1, 3, 0, -2, -4]);
});

test('a recorded step writes at a different position each time', async () => {
  const to = zeros(gpu, [4, 2]);
  const step = capture(gpu, 'write', ({ x, p }: { x: Tensor; p: Tensor }) => {
    assignAt(to, x, { axis: 0, position: p });
    return {};
  });
  for (const p of [2, 0, 3])
    step.run({
      x: { values: Float32Array.of(p + 1, -p), shape: [1, 2] },
      p: { values: Int32Array.of(p), shape: [1] },
    });
  expect([...(await to.read())]).toEqual([1, -0, 0, 0, 3, -2, 4, -3]);
  step.dispose();
  to.dispose();
});

test('what does not fit is refused', () => {
  gpu.scope(() => {
    const to = zeros(gpu, [4, 2]);
    const row = numbers([1, 2]);
    expect(() => assignAt(to, numbers([1, 3]), { axis: 0, position: at(0) })).toThrow(
      new ShapeError(
        'assignAt: [1, 3] along axis 0 of [4, 2], at a position of shape [1]; all other axes must agree, there must be room, and position must be [1].',
      ),
    );
    expect(() => assignAt(to, numbers([4, 1]), { axis: 1, position: tensor(gpu, Int32Array.of(0, 1), [2]) })).toThrow(
      new ShapeError(
        'assignAt: [4, 1] along axis 1 of [4, 2], at a position of shape [2]; all other axes must agree, there must be room, and position must be [1] or [4].',
      ),
    );
    expect(() => assignAt(slice(to, { axis: 0, start: 1 }), row, { axis: 0, position: at(0) })).toThrow(
      new ShapeError(
        'assignAt: the tensor of shape [3, 2] is a view of strides [2, 1]; it must be dense and start on the binding grid.',
      ),
    );
    expect(() => assignAt(to, row, { axis: 0, position: numbers([1]) })).toThrow(
      new DTypeError(
        'assignAt: the tensor is f32, the values f32 and position f32; the first two must be f32, i32 or u32 alike and position i32.',
      ),
    );
  });
});
