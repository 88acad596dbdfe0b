import { cast, linear, openGpu, tensor, type Gpu } from '@curio/engine';
import { beforeAll, expect, test } from 'vitest';
import { init } from '../src/init.ts';
import { encodeSafetensors, joinBytes, openSafetensors } from '../src/files/safetensors.ts';
import {
  decodeFloats,
  encodeFloats,
  memorySource,
  type StoredTensor,
  type TensorMap,
} from '../src/files/tensor-file.ts';
import { Weights } from '../src/weights.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});

const values: Record<string, [number[], number[]]> = {
  'model.layers.0.q_proj.weight': [
    [2, 3],
    [1, 2, 3, 4, 5, 6],
  ],
  'model.norm.weight': [[3], [1.5, -0.25, 8]],
  'model.rotary_emb.inv_freq': [[1], [9]],
  'model.left_over': [[1], [9]],
};
async function file(dtype: 'F32' | 'F16' | 'BF16' = 'F16'): Promise<TensorMap> {
  const tensors = Object.entries(values).map(([name, [shape, data]]) => ({
    name,
    shape,
    dtype,
    data: encodeFloats(Float32Array.from(data), dtype),
  }));
  return (await openSafetensors(memorySource('model.safetensors', joinBytes(encodeSafetensors(tensors))))).tensors;
}

test('scopes give names, files give values, and the rest is reported', async () => {
  const w = new Weights(gpu, {
    parts: [{ at: 'language', tensors: await file(), prefixes: ['x.', ''], ignore: /inv_freq/ }],
  });
  const layer = w.at('language').at('model.layers').at(0).at('q_proj');
  const q = layer.get('weight', [2, 3], init.zeros);
  const norm = w.at('language.model.norm').get('weight', [3]);
  const head = w.at('head').get('weight', [2], init.ones);
  expect(q.name).toBe('language.model.layers.0.q_proj.weight');
  expect([...(await q.read())]).toEqual(Array(6).fill(NaN)); // not loaded yet: a forgotten load must not pass for zeros
  const steps: string[] = [];
  const report = await w.load((done, total) => steps.push(`${done}/${total}`));
  expect([...(await q.read())]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...(await norm.read())]).toEqual([1.5, -0.25, 8]);
  expect([...(await head.read())]).toEqual([1, 1]);
  expect(steps).toEqual(['1/2', '2/2']);
  expect(report).toEqual({
    loaded: [q.name, norm.name],
    initialised: ['head.weight'],
    unexpected: ['model.left_over'],
    zero: [],
    parts: [
      {
        label: 'language',
        used: ['model.layers.0.q_proj.weight', 'model.norm.weight'],
        ignored: ['model.rotary_emb.inv_freq'],
        unexpected: ['model.left_over'],
      },
    ],
  });
  expect(w.at('language').parameters()).toEqual([q, norm]);
  expect([layer.has('weight'), layer.has('bias')]).toEqual([true, false]);
});

test('a parameter of all zeros is reported', async () => {
  const w = new Weights(gpu, {
    parts: [
      {
        tensors: (
          await openSafetensors(
            memorySource(
              'a',
              joinBytes(
                encodeSafetensors([
                  { name: 'b', dtype: 'F32', shape: [2], data: new Float32Array(2) },
                  { name: 'c', dtype: 'F32', shape: [2], data: Float32Array.of(0, -1) },
                ]),
              ),
            ),
          )
        ).tensors,
      },
    ],
  });
  for (const name of ['b', 'c']) w.get(name, [2]);
  expect((await w.load()).zero).toEqual(['b']);
});

test('what is missing in the file is refused, with the nearest name, unless it may be new', async () => {
  const part = { tensors: await file() };
  const strict = new Weights(gpu, { parts: [part] });
  expect(() => strict.at('model.layers.0.k_proj').get('weight', [2, 3], init.zeros)).toThrow(
    "weights: no tensor 'model.layers.0.k_proj.weight' in model.safetensors. Nearest: 'model.layers.0.q_proj.weight'.",
  );
  const loose = new Weights(gpu, { parts: [{ ...part, fresh: /lora_/ }] });
  loose.at('model.layers.0.q_proj').get('lora_B.weight', [2, 1], init.zeros);
  expect(loose.report().initialised).toEqual(['model.layers.0.q_proj.lora_B.weight']);
  expect(() => new Weights(gpu).get('x', [1])).toThrow(
    "weights: no file holds 'x', and it has no initialiser; open a checkpoint that has it.",
  );
});

test('a wrong shape and a name requested twice are errors', async () => {
  const w = new Weights(gpu, { parts: [{ tensors: await file() }] });
  expect(() => w.get('model.norm.weight', [4])).toThrow(
    "weights: 'model.norm.weight' in model.safetensors is [3] and the model needs [4]; the file belongs to another configuration.",
  );
  w.get('model.norm.weight', [3]);
  expect(() => w.at('model').get('norm.weight', [3])).toThrow(
    "weights: 'model.norm.weight' is asked for twice; share the parameter instead.",
  );
});

test('initial values depend on seed and name alone', async () => {
  const draw = async (seed: number, name: string, extra = false): Promise<number[]> => {
    const w = new Weights(gpu, { seed });
    if (extra) w.get('another', [7], init.normal(1));
    return [...(await w.get(name, [2000], init.linear(16)).read())];
  };
  const first = await draw(1, 'a');
  expect(await draw(1, 'a', true)).toEqual(first);
  expect(await draw(2, 'a')).not.toEqual(first);
  expect(await draw(1, 'b')).not.toEqual(first);
  expect(Math.max(...first.map(Math.abs))).toBeLessThanOrEqual(0.25);
  expect(Math.abs(first.reduce((sum, x) => sum + x, 0) / 2000)).toBeLessThan(0.02);
  const normal = [...(await new Weights(gpu).get('n', [4000], init.normal(2)).read())];
  expect(Math.sqrt(normal.reduce((sum, x) => sum + x * x, 0) / 4000)).toBeCloseTo(2, 0);
});

test.each(['f16', 'bf16'] as const)('only matrices of a part are stored as %s, if it says so', async (base) => {
  const w = new Weights(gpu, { parts: [{ tensors: await file('F32'), base }] });
  const q = w.get('model.layers.0.q_proj.weight', [2, 3]);
  const norm = w.get('model.norm.weight', [3]);
  await w.load();
  expect([q.dtype, norm.dtype]).toEqual([base, 'f32']);
  const halves = new Uint16Array((await q.read()).buffer);
  expect([...halves.slice(0, 6)]).toEqual([
    ...(encodeFloats(Float32Array.of(1, 2, 3, 4, 5, 6), base === 'f16' ? 'F16' : 'BF16') as Uint16Array),
  ]);
});

test.each([
  ['F32', '70000'],
  ['BF16', '70144'],
] as const)('a value of %s that f16 cannot hold is named', async (dtype, shown) => {
  const tensors = [{ name: 'w', shape: [1, 1], dtype, data: encodeFloats(Float32Array.of(70000), dtype) }];
  const opened = await openSafetensors(memorySource('x', joinBytes(encodeSafetensors(tensors))));
  const w = new Weights(gpu, { parts: [{ tensors: opened.tensors, base: 'f16' }] });
  w.get('w', [1, 1]);
  await expect(w.load()).rejects.toThrow(
    `weights: 'w' holds ${shown}, and the largest f16 is 65504; store it as bf16 or f32.`,
  );
});

test.each([
  ['F16', 'bf16', [1, -0.3333, 2 ** -24, 65504, Infinity]],
  ['BF16', 'f16', [1, -0.3333, 2 ** -24, 65280, Infinity]],
] as const)('a file of %s is loaded as %s, rounded once', async (dtype, base, values) => {
  const given = encodeFloats(Float32Array.from(values), dtype) as Uint16Array;
  const tensors = [{ name: 'w', shape: [1, 5], dtype, data: given }];
  const opened = await openSafetensors(memorySource('x', joinBytes(encodeSafetensors(tensors))));
  const w = new Weights(gpu, { parts: [{ tensors: opened.tensors, base }] });
  const parameter = w.get('w', [1, 5]);
  await w.load();
  const exact = decodeFloats(new Uint8Array(given.buffer), dtype);
  const want = encodeFloats(exact, base === 'f16' ? 'F16' : 'BF16') as Uint16Array;
  expect([...new Uint16Array((await parameter.read()).buffer)].slice(0, 5)).toEqual([...want]);
});

/** A matrix in a file that counts how it is read; without parts where `whole`. */
async function counted(dtype: 'F32' | 'F16' | 'BF16', values: Float32Array, whole = false) {
  const shape = [values.length / 128, 128];
  const encoded = joinBytes(encodeSafetensors([{ name: 'w', dtype, shape, data: encodeFloats(values, dtype) }]));
  const { tensors } = await openSafetensors(memorySource('x', encoded));
  const reads: number[] = [];
  const { readRange, read, ...stored } = tensors.get('w')!;
  const counting: StoredTensor = {
    ...stored,
    read: () => (reads.push(encoded.length), read()),
    ...(whole ? {} : { readRange: (a: number, b: number) => (reads.push(b - a), readRange!(a, b)) }),
  };
  return { tensors: new Map([['w', counting]]), reads, shape };
}

test('a tensor larger than a piece is read in parts, each once, with the same result', async () => {
  const small = await openGpu({ bindingLimit: 2 ** 16 });
  const host = Float32Array.from({ length: 300 * 128 }, (_, i) => Math.fround(Math.sin(i) * 3));
  for (const [dtype, base] of [
    ['F32', 'f32'],
    ['F32', 'nf4'],
    ['F16', 'f16'],
    ['F16', 'bf16'],
    ['F16', 'f32'],
    ['F16', 'int8'],
    ['BF16', 'f16'],
    ['BF16', 'bf16'],
    ['BF16', 'int4'],
  ] as const) {
    const loaded = async (device: Gpu, whole: boolean) => {
      const { tensors, reads, shape } = await counted(dtype, host, whole);
      const w = new Weights(device, { parts: [{ tensors, base }] });
      const p = w.get('w', shape);
      await w.load();
      const scales = p.quantisation ? [...(await p.quantisation.scales.read())] : null;
      const words = [...new Uint32Array((await p.read()).buffer)];
      p.dispose();
      return { words, scales, reads };
    };
    const parts = await loaded(small, false);
    const once = await loaded(gpu, false);
    const fallback = await loaded(small, true);
    const size = dtype === 'F32' ? 4 : 2;
    expect(parts.reads, dtype).toEqual([16384 * size, 16384 * size, 5632 * size]);
    expect([once.reads.length, fallback.reads.length]).toEqual([1, 1]);
    expect([parts.words, parts.scales], `${dtype} as ${base}`).toEqual([once.words, once.scales]);
    expect([fallback.words, fallback.scales], `${dtype} as ${base}`).toEqual([once.words, once.scales]);
  }
  small.close();
});

test('nf4-dq is nf4 whose scales take 8 bits: loaded, counted, bound in shards', async () => {
  const shape = [192, 256];
  const host = Float32Array.from({ length: 192 * 256 }, (_, i) => Math.sin(i) * (1 + ((i >> 6) % 5)));
  const encoded = joinBytes(encodeSafetensors([{ name: 'w', dtype: 'F32', shape, data: host }]));
  const { tensors } = await openSafetensors(memorySource('x', encoded));
  const small = await openGpu({ bindingLimit: 12 * 1024 });
  const dry = await openGpu({ dryRun: true });
  const x = Float32Array.from({ length: 5 * 256 }, (_, i) => Math.cos(i));
  const loaded = async (device: Gpu) => {
    const w = new Weights(device, { parts: [{ tensors, base: 'nf4-dq' }] });
    const p = w.get('w', shape);
    await w.load();
    const y = await device.scope(() => linear(tensor(device, x, [5, 256]), p)).read();
    return { p, y: [...y] };
  };
  const [whole, shards] = [await loaded(gpu), await loaded(small)];
  expect(shards.y).toEqual(whole.y);
  const made = gpu.scope(() => cast(cast(tensor(gpu, host, shape), 'nf4', { nested: true }), 'f32'));
  expect([...(await gpu.scope(() => cast(whole.p, 'f32')).read())]).toEqual([...(await made.read())]);
  const { scales, blocks } = whole.p.quantisation!;
  expect([scales.dtype, scales.size, blocks!.shape]).toEqual(['int8', 768, [3, 2]]);
  new Weights(dry, { bare: () => 'nf4-dq' }).get('w', shape);
  expect(dry.memoryReport().byPurpose.weights).toBe(small.memoryReport().byPurpose.weights);
  for (const device of [small, dry]) device.close();
});

test('f16 and bf16 of the same type go to the device bit for bit', async () => {
  const bits = Uint16Array.of(0x0001, 0x8001, 0x7c00, 0xfc00, 0x7e01, 0x7bff, 0x0400, 0);
  const file = joinBytes(encodeSafetensors([{ name: 'w', dtype: 'F16', shape: [2, 4], data: bits }]));
  const opened = await openSafetensors(memorySource('x', file));
  const w = new Weights(gpu, { parts: [{ tensors: opened.tensors, base: 'f16' }] });
  const p = w.get('w', [2, 4]);
  await w.load();
  expect([...new Uint16Array((await p.read()).buffer)]).toEqual([...bits]);
});

test('a read that fails while the previous piece is uploaded fails the load, once', async () => {
  const { tensors, shape } = await counted('F16', new Float32Array(2 ** 10));
  const broken: StoredTensor = { ...tensors.get('w')!, readRange: () => Promise.reject(new Error('cut')) };
  const w = new Weights(gpu, { parts: [{ tensors: new Map([...tensors, ['v', broken]]), base: 'f16' }] });
  w.get('w', shape);
  w.get('v', shape);
  await expect(w.load()).rejects.toThrow('cut');
});
