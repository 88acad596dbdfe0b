/** Captured steps against the same steps recorded anew each time: the same bits, no allocation, and clear refusals. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  AdamW,
  add,
  assignSlice,
  backward,
  capture,
  checkpoint,
  crossEntropy,
  dropout,
  gelu,
  keep,
  linear,
  mul,
  openGpu,
  Parameter,
  RandomStream,
  randomUniform,
  relu,
  rotaryEmbedding,
  scaledDotProductAttention,
  softmax,
  sum,
  tensor,
  zeros,
} from '../src/index.ts';
import type { Gpu, HostArray, HostTensor, RecordReport, Tensor } from '../src/index.ts';
import { openDevice } from './device.ts';
import { noise } from './noise.ts';

let gpu: Gpu;
beforeAll(async () => void (gpu = await openDevice()));
afterAll(() => gpu.close());

const [IN, HIDDEN, CLASSES] = [20, 48, 8];
const small = (count: number, seed: number): Float32Array<ArrayBuffer> => noise(count, seed).map((v) => v / 4);

/** A small classifier with dropout inside a checkpoint, its optimizer, and data of each step. */
function classifier() {
  const weights = [
    new Parameter(gpu, 'a.weight', [HIDDEN, IN], small(HIDDEN * IN, 1)),
    new Parameter(gpu, 'b.weight', [HIDDEN, HIDDEN], small(HIDDEN * HIDDEN, 2)),
    new Parameter(gpu, 'c.weight', [CLASSES, HIDDEN], small(CLASSES * HIDDEN, 3)),
  ];
  const [a, b, c] = weights as [Parameter, Parameter, Parameter];
  const optimizer = new AdamW(gpu, weights, { groups: [['weight', 1]], maxGradNorm: 0.5, weightDecay: 0.01 });
  const loss = (x: Tensor, label: Tensor): Tensor => {
    const first = dropout(relu(linear(x, a)), { p: 0.2 });
    const second = checkpoint((h) => dropout(gelu(linear(h, b)), { p: 0.1 }), first);
    return crossEntropy(linear(add(first, second), c), label);
  };
  const step = ({ x, label }: { x: Tensor; label: Tensor }): { loss: Tensor } => {
    optimizer.zeroGrad();
    const value = loss(x, label);
    backward(value);
    optimizer.update();
    return { loss: value };
  };
  const dispose = (): void => {
    optimizer.dispose();
    weights.forEach((w) => w.dispose());
  };
  return { weights, optimizer, loss, step, dispose };
}

function batch(step: number, rows: number): { x: HostTensor; label: HostTensor } {
  const random = new RandomStream(9, step);
  const label = Int32Array.from({ length: rows }, () => random.integer(CLASSES));
  const x = Float32Array.from(
    { length: rows * IN },
    (_, i) => random.uniform(-1, 1) + (i % IN === label[Math.floor(i / IN)] ? 1 : 0),
  );
  return { x: { values: x, shape: [rows, IN] }, label: { values: label, shape: [rows] } };
}

const STEPS = 50;
/** Up, then down by steps: a change that a baked number would miss. */
const rate = (step: number): number => (step < 10 ? 0.001 * (step + 1) : step < 30 ? 0.01 : 0.002);
const rowsOf = (step: number): number => [32, 7, 33][step % 3]!;

/** 50 steps; the bits of every loss, norm and weight. */
async function train(rows: (step: number) => number, captured: boolean) {
  const { weights, optimizer, step, dispose } = classifier();
  const reports: RecordReport[] = [];
  const replayed = capture(gpu, 'classifier', step, { onRecord: (report) => reports.push(report) });
  const losses: Promise<number>[] = [];
  for (let s = 0; s < STEPS; s++) {
    gpu.random.setStep(s, 77);
    optimizer.beginStep(rate(s));
    const data = batch(s, rows(s));
    losses.push(
      captured
        ? replayed.run(data).loss.item()
        : gpu.scope(() =>
            step({ x: tensor(gpu, data.x.values, data.x.shape), label: tensor(gpu, data.label.values) }).loss.item(),
          ),
    );
    losses.push(optimizer.gradNorm.item());
  }
  const numbers = await Promise.all(losses);
  const values = await Promise.all(weights.map((w) => w.read()));
  const live = gpu.memoryReport().liveBuffers;
  replayed.dispose();
  dispose();
  return { numbers, values, reports, live };
}

test.each([
  ['one shape', () => 32],
  ['three shapes in turn', rowsOf],
] as const)(
  'fifty replayed steps equal fifty recorded ones to the bit, past changes of the rate, with dropout and checkpoint: %s',
  async (_, rows) => {
    const recorded = await train(rows, false);
    const replayed = await train(rows, true);
    expect(replayed.numbers).toEqual(recorded.numbers);
    expect(replayed.values).toEqual(recorded.values);
    expect(recorded.numbers.at(-2)!).toBeLessThan(recorded.numbers[0]!);
    expect(replayed.reports.length).toBe(rows === rowsOf ? 3 : 1);
    expect(replayed.reports[0]!.reason).toBe('first call');
    if (rows === rowsOf) expect(replayed.reports[1]!.reason).toBe('other inputs: x f32[7, 20], label i32[7]');
  },
);

test('a hundred replayed steps allocate nothing, and dispose frees everything', async () => {
  const before = gpu.memoryReport();
  const { step, dispose, optimizer } = classifier();
  const replayed = capture(gpu, 'classifier', step);
  const run = async (s: number): Promise<number> => {
    optimizer.beginStep(0.01);
    return replayed.run(batch(s, 16)).loss.item();
  };
  await run(0);
  const [first, submits] = [gpu.memoryReport(), gpu.stream.counts.submits];
  for (let s = 1; s <= 100; s++) await run(s);
  expect(gpu.memoryReport()).toEqual(first);
  expect(gpu.stream.counts.submits - submits).toBe(100);
  replayed.dispose();
  dispose();
  expect(gpu.memoryReport().liveBuffers).toBe(before.liveBuffers);
});

test('plans of several shapes share their temporaries', () => {
  const { step, dispose } = classifier();
  const replayed = capture(gpu, 'classifier', step);
  const large = replayed.plan(batch(0, 64)).bytes;
  const held = gpu.memoryReport().liveBytes;
  const small = replayed.plan(batch(0, 60)).bytes;
  expect(large.activations).toBeGreaterThan(0);
  expect(large.temporaries).toBeGreaterThan(large.activations);
  expect(gpu.memoryReport().liveBytes - held).toBe(small.fixed);
  replayed.dispose();
  dispose();
});

test('random numbers continue where the previous run stopped, as without capture', async () => {
  const draw = ({ x }: { x: Tensor }) => ({ y: add(dropout(x, { p: 0.5 }), randomUniform(gpu, [64])) });
  const captured = capture(gpu, 'draw', draw);
  const ones = { x: { values: new Float32Array(64).fill(1), shape: [64] } };
  gpu.random.setStep(3, 5);
  const eager = [0, 1, 2].map(() => gpu.scope(() => draw({ x: tensor(gpu, ones.x.values) }).y.read()));
  gpu.random.setStep(3, 5);
  const replayed = [0, 1].map(() => captured.run(ones).y.read());
  replayed.push(gpu.scope(() => draw({ x: tensor(gpu, ones.x.values) }).y.read()));
  expect(await Promise.all(replayed)).toEqual(await Promise.all(eager));
  captured.dispose();
});

test('at most eight plans are kept; the least recently used goes first', () => {
  const reports: RecordReport[] = [];
  const twice = capture(gpu, 'twice', ({ x }: { x: Tensor }) => ({ y: mul(x, 2) }), {
    onRecord: (report) => reports.push(report),
  });
  const run = (n: number) => twice.run({ x: { values: new Float32Array(n), shape: [n] } });
  for (let n = 1; n <= 8; n++) run(n);
  run(1);
  run(9);
  expect(reports.length).toBe(9);
  expect(reports.at(-1)).toMatchObject({ plans: 8, reason: 'other inputs: x f32[9]' });
  run(1);
  expect(reports.length).toBe(9);
  run(2);
  expect(reports.length).toBe(10);
  twice.dispose();
});

test('the guard records again where something baked in changes', async () => {
  const reasons: string[] = [];
  let factor = 2;
  let other = keep(tensor(gpu, [1, 2, 3, 4]));
  const captured = capture(gpu, 'scaled', ({ x }: { x: Tensor }) => ({ y: add(mul(x, factor), other) }), {
    baked: () => `factor ${factor}`,
    onRecord: ({ reason }) => reasons.push(reason),
  });
  const run = async () =>
    Array.from(await captured.run({ x: { values: Float32Array.of(1, 1, 1, 1), shape: [4] } }).y.read());
  expect(await run()).toEqual([3, 4, 5, 6]);
  other.write(Float32Array.of(5, 5, 5, 5));
  expect(await run()).toEqual([7, 7, 7, 7]);
  factor = 3;
  expect(await run()).toEqual([8, 8, 8, 8]);
  const old = other;
  other = keep(tensor(gpu, [0, 0, 0, 0]));
  old.dispose();
  expect(await run()).toEqual([3, 3, 3, 3]);
  gpu.kernels.forced.set('softmax', 'naive');
  await run();
  gpu.kernels.forced.delete('softmax');
  expect(reasons).toEqual([
    'first call',
    'other inputs: x f32[4], factor 3',
    'a tensor that it uses was freed',
    'other inputs: x f32[4], softmax=naive, factor 3',
  ]);
  captured.dispose();
  other.dispose();
});

test('constants that the step itself changes have their first values in every replay', async () => {
  const counted = capture(gpu, 'counted', ({ x }: { x: Tensor }) => {
    const total = tensor(gpu, [10, 20]);
    const before = add(total, x);
    assignSlice(total, x, { axis: 0, start: 0 });
    return { y: add(before, total) };
  });
  const run = async () => Array.from(await counted.run({ x: { values: Float32Array.of(1, 1), shape: [2] } }).y.read());
  expect(await run()).toEqual([12, 22]);
  expect(await run()).toEqual([12, 22]);
  counted.dispose();
});

test('a table that an op makes and keeps for later steps outlives the plan', async () => {
  const theta = 12345; // of no other test, so that the table is made inside the recording
  const turn = (x: Tensor): Tensor => rotaryEmbedding(x, { theta });
  const turned = capture(gpu, 'turned', ({ x }: { x: Tensor }) => ({ y: turn(x) }));
  const x = { values: small(32, 4), shape: [1, 4, 1, 8] };
  const first = await turned.run({ x }).y.read();
  turned.dispose();
  expect(await gpu.scope(() => turn(tensor(gpu, x.values, x.shape)).read())).toEqual(first);
});

test('a table that an op makes in a step that fails exists for the next one', async () => {
  const theta = 54321; // of no other test
  const x = { values: small(32, 4), shape: [1, 4, 1, 8] };
  const refused = capture(gpu, 'refused', ({ x: input }: { x: Tensor }) => {
    rotaryEmbedding(input, { theta });
    throw new RangeError('no');
  });
  expect(() => refused.run({ x })).toThrow('no');
  const turn = (): Promise<HostArray> =>
    gpu.scope(() => rotaryEmbedding(tensor(gpu, x.values, x.shape), { theta }).read());
  const turned = [...(await turn())];
  const other = await openGpu();
  const expected = [...(await other.scope(() => rotaryEmbedding(tensor(other, x.values, x.shape), { theta }).read()))];
  other.close();
  expect(turned).toEqual(expected);
});

test('a plan refuses other shapes, names and sizes, and what only recording would do', async () => {
  const { step, dispose } = classifier();
  const captured = capture(gpu, 'classifier', step);
  const plan = captured.plan(batch(0, 8));
  const { x, label } = batch(0, 8);
  expect(() => plan.run(batch(0, 9))).toThrow(
    "classifier: input 'x' is f32[9, 20] and was recorded as f32[8, 20]; record another plan for it.",
  );
  expect(() => plan.run({ x: { values: label.values, shape: [8] }, label })).toThrow(
    "classifier: input 'x' is i32[8] and was recorded as f32[8, 20]; record another plan for it.",
  );
  expect(() => plan.run({ x } as never)).toThrow(
    "classifier: input 'label' was recorded and not given; a plan takes x, label.",
  );
  expect(() => captured.run({ x: { values: x.values, shape: [4, 3] }, label })).toThrow(
    "classifier: input 'x' has 160 values for shape [4, 3]; it needs 12.",
  );
  dispose();
  expect(() => plan.run({ x, label })).toThrow(
    'classifier: a tensor that it uses was freed since the step was recorded; record it again.',
  );
  captured.dispose();
  const once = (f: (x: Tensor) => Tensor) => () =>
    void capture(gpu, 'bad', ({ x }: { x: Tensor }) => ({ y: f(x) })).run({
      x: { values: new Float32Array(4), shape: [4] },
    });
  const outside = keep(zeros(gpu, [4]));
  expect(once((x) => (outside.write(new Float32Array(4)), x))).toThrow(
    'capture: the step writes 16 bytes from the host to a tensor made outside the step, which a replay would not do; make it an input, or write before the step.',
  );
  let read: Promise<unknown> | undefined;
  once((x) => ((read = softmax(x).read()), x))();
  await expect(read).rejects.toThrow(
    'capture: the step reads 16 bytes back, which a replay would not do; return the tensor and read it after the step.',
  );
  expect(once((x) => (void keep(mul(x, 2)), x))).toThrow(
    "capture: the step keeps a tensor of 256 bytes that it computes, and every replay would write it anew; make it before the step (a parameter's gradient by an optimizer), or return it.",
  );
  expect(once((x) => capture(gpu, 'inner', () => ({ y: sum(x) })).run({}).y)).toThrow(
    'capture: a step is being recorded already; call the inner one as a plain function.',
  );
  expect(Array.from(await gpu.scope(() => mul(tensor(gpu, [1, 2]), 3).read()))).toEqual([3, 6]);
  outside.dispose();
});

test('a larger shape after a smaller one lays out both again, and the smaller one still gives its bits', async () => {
  const { step, dispose, optimizer } = classifier();
  const captured = capture(gpu, 'classifier', step);
  const run = (rows: number): Promise<number> => {
    gpu.random.setStep(0, 1);
    return captured.run(batch(0, rows)).loss.item();
  };
  optimizer.beginStep(0);
  const before = await run(9);
  const small = gpu.memoryReport().byPurpose.step;
  const large = await run(200);
  const both = gpu.memoryReport().byPurpose.step;
  expect(await Promise.all([run(9), run(200), run(9)])).toEqual([before, large, before]);
  captured.dispose();
  const alone = capture(gpu, 'classifier', step);
  const held = gpu.memoryReport().byPurpose.step;
  alone.plan(batch(0, 200));
  expect(both - held).toBeLessThan((gpu.memoryReport().byPurpose.step - held) * 1.1 + 20_000);
  expect(small).toBeGreaterThan(held);
  alone.dispose();
  dispose();
});

test('what attention keeps and needs grows with the tokens, not with their square', async () => {
  const dry = await openGpu({ dryRun: true });
  const [heads, width] = [8, 64];
  const attend = capture(dry, 'attention', ({ q, k, v }: { q: Tensor; k: Tensor; v: Tensor }) => {
    for (const x of [q, k, v]) x.requiresGrad = true;
    const y = scaledDotProductAttention(q, k, v, { causal: true });
    const weights = [q, k, v].map((x) => (x.grad = zeros(dry, x.shape)));
    backward(y, mul(y, 2));
    return { dq: weights[0]!, dk: weights[1]!, dv: weights[2]! };
  });
  const bytes = [512, 1024, 2048].map((tokens) => {
    const x = { values: new Float32Array(heads * tokens * width), shape: [1, heads, tokens, width] };
    const { activations, temporaries } = attend.plan({ q: x, k: x, v: x }).bytes;
    attend.dispose();
    return activations + temporaries;
  });
  expect(bytes[1]! / bytes[0]!).toBeLessThan(2.1);
  expect(bytes[2]! / bytes[1]!).toBeLessThan(2.1);
  dry.close();
});
