/**
 * Dropout on the LoRA branch: the same bits as dropping by hand, gradients too, and none of it reaches the frozen path.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  add,
  backward,
  capture,
  dropout,
  linear,
  loraLinear,
  mul,
  openGpu,
  Parameter,
  RandomStream,
  sum,
  tensor,
  zeros,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openGpu()));
afterAll(() => gpu.close());

function run(forward: (x: Tensor, w: Tensor, a: Tensor, b: Tensor) => Tensor) {
  const random = new RandomStream(5);
  const make = (shape: number[], trains: boolean): Tensor => {
    const x = tensor(gpu, noise(shape[0]! * shape[1]!, random), shape);
    x.requiresGrad = trains;
    return x;
  };
  gpu.random.setStep(3, 7);
  return gpu.scope(() => {
    const [x, w, a, b] = [make([33, 16], true), make([12, 16], false), make([4, 16], true), make([12, 4], true)];
    const y = forward(x, w, a, b);
    const values = y.read();
    backward(
      y,
      tensor(
        gpu,
        Float32Array.from({ length: y.size }, (_, i) => Math.sin(i)),
        y.shape,
      ),
    );
    return Promise.all([values, x.grad!.read(), a.grad!.read(), b.grad!.read()]);
  });
}

test('equals a branch dropped by hand', async () => {
  const fused = await run((x, w, a, b) => loraLinear(x, w, null, { a, b, scale: 2, dropout: 0.4 }));
  const apart = await run((x, w, a, b) =>
    add(linear(x, w, null), mul(linear(linear(dropout(x, { p: 0.4 }), a, null), b, null), 2)),
  );
  fused.forEach((values, i) => values.forEach((v, k) => expect(v).toBeCloseTo(apart[i]![k]!, 3)));
  const kept = await run((x, w, a, b) => loraLinear(x, w, null, { a, b, scale: 2 }));
  expect(fused[0]).not.toEqual(kept[0]);
});

test('what is kept for the gradients is x, once for all layers that drop parts of it', () => {
  const kept = (p: number): number => {
    const random = new RandomStream(6);
    const make = (shape: number[], trains: boolean): Parameter => {
      const x = new Parameter(gpu, 'p', shape, noise(shape[0]! * shape[1]!, random));
      x.requiresGrad = trains;
      if (trains) x.grad = zeros(gpu, shape);
      return x;
    };
    const layers = [0, 1, 2].map(() => [make([512, 512], false), make([4, 512], true), make([512, 4], true)] as const);
    const step = capture(gpu, 'kept', ({ input }: { input: Tensor }) => {
      const x = mul(input, 2);
      const y = layers.map(([w, a, b]) => loraLinear(x, w, null, { a, b, scale: 2, dropout: p }));
      const loss = sum(y.reduce((left, right) => add(left, right)));
      backward(loss);
      return { loss };
    });
    const { bytes } = step.plan({ input: { values: noise(512 * 512, random), shape: [512, 512] } });
    step.dispose();
    return bytes.activations;
  };
  const plain = kept(0);
  expect(plain).toBeGreaterThanOrEqual(4 * 512 * 512);
  expect(kept(0.1)).toBe(plain);
});
