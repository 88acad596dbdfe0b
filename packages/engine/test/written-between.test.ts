/**
 * What a backward pass needs and somebody has written over since the forward pass: refused in one sentence, whoever
 * wrote; and nothing else is.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  AdamW,
  add,
  assignSlice,
  backward,
  capture,
  cast,
  checkpoint,
  defineKernel,
  defineOp,
  exp,
  linear,
  lineGrid,
  mul,
  noGrad,
  Parameter,
  relu,
  reshape,
  slice,
  sum,
  tensor,
  transpose,
} from '../src/index.ts';
import type { Gpu, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const row = (...values: number[]): Tensor => tensor(gpu, values);
function leaf(...values: number[]): Tensor {
  const x = row(...values);
  x.requiresGrad = true;
  return x;
}
const parameter = (name: string, ...values: number[]): Parameter =>
  new Parameter(gpu, name, [values.length], Float32Array.from(values));

const changed = (op: string, what: string, writer: string): string =>
  `backward: ${op} needs ${what} as it was, and ${writer} has changed it since; change it after backward, or run the forward pass again.`;

/** A kernel of somebody's own that writes into what it is given. */
const doubling = defineKernel(
  'doubling.wgsl',
  `struct Params { size: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<uniform> params: Params;
@compute @workgroup_size(64)
fn twice(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.size) { x[id.x] = 2.0 * x[id.x]; }
}`,
);
const twiceInPlace = defineOp({
  name: 'twiceInPlace',
  plan: () => ({}),
  forward(run, [x]: readonly [Tensor]) {
    run.dispatch(doubling, 'twice', { buffers: { x }, params: { size: x.size }, grid: lineGrid(1) });
    return { y: x };
  },
});

const WRITERS: readonly [string, string, () => void][] = [
  [
    'a saved operand, from the host',
    changed('mul', 'its f32 [2]', 'write'),
    () => {
      const w = row(2, 3);
      const y = sum(mul(leaf(5, 7), w));
      w.write(Float32Array.of(100, 100));
      backward(y);
    },
  ],
  [
    'a saved operand, on the device',
    changed('mul', 'its f32 [2]', 'assignSlice'),
    () => {
      const w = row(2, 3);
      const y = sum(mul(leaf(5, 7), w));
      assignSlice(w, row(50), { axis: 0, start: 0 });
      backward(y);
    },
  ],
  [
    "an op's own result",
    changed('exp', 'its f32 [2]', 'assignSlice'),
    () => {
      const y = exp(leaf(1, 2));
      const total = sum(y);
      assignSlice(y, row(0, 0), { axis: 0, start: 0 });
      backward(total);
    },
  ],
  [
    'through a view of it',
    changed('mul', 'its f32 [2, 2]', 'write'),
    () => {
      const w = tensor(gpu, [
        [1, 2],
        [3, 4],
      ]);
      const y = sum(mul(leaf(5, 7), w));
      slice(reshape(w, [4]), { axis: 0, start: 2 }).write(Float32Array.of(0, 0));
      backward(y);
    },
  ],
  [
    'what a view of it shows',
    changed('mul', 'its f32 [2, 2]', 'write'),
    () => {
      const w = tensor(gpu, [
        [1, 2],
        [3, 4],
      ]);
      const y = sum(mul(leaf(5, 7), transpose(w)));
      w.write(new Float32Array(4));
      backward(y);
    },
  ],
  [
    'by a kernel of its own',
    changed('mul', 'its f32 [2]', 'twiceInPlace'),
    () => {
      const w = row(2, 3);
      const y = sum(mul(leaf(5, 7), w));
      noGrad(() => twiceInPlace([w]));
      backward(y);
    },
  ],
  [
    'words of a packed weight',
    changed('linear', 'its f16 [2, 2]', 'write'),
    () => {
      const w = cast(
        tensor(gpu, [
          [1, 2],
          [3, 4],
        ]),
        'f16',
      );
      const y = sum(linear(reshape(leaf(5, 7), [1, 2]), w));
      w.write(new Uint32Array(2));
      backward(y);
    },
  ],
  [
    'scales of a packed weight',
    changed('linear', 'its f32 [2, 1]', 'write'),
    () => {
      const w = cast(tensor(gpu, new Float32Array(64).fill(1), [2, 32]), 'int8', { groupSize: 32 });
      const y = sum(linear(mul(leaf(1), tensor(gpu, new Float32Array(32).fill(1), [1, 32])), w));
      const { scales } = w.quantisation!;
      scales.write(new Float32Array(scales.size));
      backward(y);
    },
  ],
  [
    "a checkpoint's input",
    changed('checkpoint', 'its f32 [2]', 'write'),
    () => {
      const x = leaf(5, 7);
      const y = sum(checkpoint((a) => exp(a), x));
      x.write(new Float32Array(2));
      backward(y);
    },
  ],
  [
    'what a checkpoint reads besides, though it is frozen',
    changed('checkpoint', 'its f32 [2]', 'write'),
    () => {
      const w = row(2, 3);
      const y = sum(checkpoint((a) => add(relu(a), mul(relu(w), w)), leaf(5, 7)));
      w.write(new Float32Array(2));
      backward(y);
    },
  ],
];

test.each(WRITERS)('%s is refused', (_, sentence, call) => {
  expect(() => gpu.scope(call)).toThrow(new RegExp(`^${sentence.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`));
});

test('what no backward needs may be written, before and after', async () => {
  const [x, w] = [leaf(5, 7), row(2, 3)];
  gpu.scope(() => {
    const y = sum(mul(x, w));
    backward(y);
    w.write(Float32Array.of(1, 1)); // nobody waits for it any more
    const z = sum(add(mul(x, row(1, 1)), w)); // a sum saves nothing
    x.write(Float32Array.of(1, 2)); // nor is x needed where the other operand is frozen
    w.write(Float32Array.of(9, 9));
    backward(z);
  });
  expect([...(await x.grad!.read())]).toEqual([3, 4]);
  gpu.scope(() => void mul(x, w)); // let go unused with its scope
  w.write(Float32Array.of(4, 4));
  x.dispose();
  w.dispose();
});

test('parameters side by side in a flat buffer are told apart', async () => {
  const [a, b] = [parameter('a', 2, 3), parameter('b', 5, 7)];
  const optimizer = new AdamW(gpu, [a, b]);
  gpu.scope(() => {
    const y = sum(mul(a, a));
    b.write(Float32Array.of(1, 1));
    backward(y);
    const z = sum(mul(b, b));
    b.write(Float32Array.of(2, 2));
    expect(() => backward(z)).toThrow(changed('mul', "'b' f32 [2]", 'write'));
  });
  expect([...(await a.grad!.read())]).toEqual([4, 6]);
  for (const each of [optimizer, a, b]) each.dispose();
});

test('a step between forward and backward is refused, after backward it is not', async () => {
  const [a, x] = [parameter('a', 2, 3), leaf(1, 1)];
  const optimizer = new AdamW(gpu, [a], { lr: 0.5 });
  const loss = (): Tensor => sum(mul(mul(a, a), x));
  gpu.scope(() => {
    optimizer.zeroGrad();
    const [first, second, late] = [loss(), loss(), loss()];
    backward(first);
    backward(second); // two halves of a batch
    optimizer.step();
    expect(() => backward(late)).toThrow(changed('mul', "'a' f32 [2]", 'adamw'));
    const slopes = sum(mul(a.grad!, x));
    optimizer.zeroGrad();
    expect(() => backward(slopes)).toThrow(changed('mul', 'its f32 [2]', 'zeroGrad'));
    backward(loss());
  });
  expect([...(await a.grad!.read())].map(Math.round)).toEqual([3, 5]);
  for (const each of [optimizer, a, x]) each.dispose();
});

test('a parameter that an optimizer has moved since is the same one', async () => {
  const [a, x] = [parameter('a', 2, 3), leaf(1, 1)];
  let optimizer!: AdamW;
  gpu.scope(() => {
    const [y, z] = [sum(mul(x, a)), sum(mul(x, a))];
    optimizer = new AdamW(gpu, [a], { lr: 0.5 });
    backward(y);
    optimizer.step();
    expect(() => backward(z)).toThrow(changed('mul', "'a' f32 [2]", 'adamw'));
  });
  expect([...(await x.grad!.read())]).toEqual([2, 3]);
  for (const each of [optimizer, a, x]) each.dispose();
});

test('a captured step is watched when it is recorded and when it runs', async () => {
  const a = parameter('a', 2, 3);
  const optimizer = new AdamW(gpu, [a], { lr: 0.5 });
  const train = capture(gpu, 'train', ({ x }: { x: Tensor }) => {
    optimizer.zeroGrad();
    const loss = sum(mul(mul(a, a), x));
    backward(loss);
    optimizer.update();
    return { loss };
  });
  const inputs = { x: { values: Float32Array.of(1, 1), shape: [2] } };
  const run = (): Tensor => {
    optimizer.beginStep(0.5);
    return train.run(inputs).loss;
  };
  run();
  gpu.scope(() => {
    const y = sum(mul(a, a));
    run();
    expect(() => backward(y)).toThrow(changed('mul', "'a' f32 [2]", 'a run of train'));
    const z = mul(leaf(1), run());
    run();
    expect(() => backward(sum(z))).toThrow(changed('mul', 'its f32 []', 'a run of train'));
  });
  const wrong = capture(gpu, 'wrong', () => {
    const b = leaf(1, 2);
    const y = exp(b);
    const loss = sum(y);
    assignSlice(y, row(0, 0), { axis: 0, start: 0 });
    backward(loss);
    return { loss };
  });
  expect(() => wrong.run({})).toThrow(changed('exp', 'its f32 [2]', 'assignSlice'));
  for (const each of [train, optimizer, a]) each.dispose();
});

test('gradients under a checkpoint pass where nothing was written', async () => {
  const a = parameter('a', 2, 3);
  const optimizer = new AdamW(gpu, [a], { lr: 0.5 });
  for (let step = 0; step < 2; step++) {
    gpu.scope(() => {
      optimizer.zeroGrad();
      const x = leaf(1, 1);
      for (let half = 0; half < 2; half++)
        backward(sum(checkpoint((v) => checkpoint((u) => mul(mul(u, a), exp(a)), v), x)));
      optimizer.step();
      x.dispose();
    });
  }
  gpu.scope(() => {
    const y = sum(checkpoint((v) => checkpoint((u) => mul(u, exp(a)), v), leaf(1, 1)));
    optimizer.step();
    expect(() => backward(y)).toThrow(changed('checkpoint', "'a' f32 [2]", 'adamw'));
  });
  for (const each of [optimizer, a]) each.dispose();
});
