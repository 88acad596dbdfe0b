/** The maps of 8-bit moments are bitsandbytes' to the bit, and each step from its state is its step. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AdamW, openGpu, Parameter } from '@curio/engine';
import type { Gpu, QuantisedMoment } from '@curio/engine';
import { dynamicMap } from '../../engine/src/optim/dynamic-map.ts';
import { openGolden } from '../src/golden.ts';
import { parity } from '../src/parity.ts';
import type { GoldenFile } from '../src/golden.ts';

let gpu: Gpu;
let golden: GoldenFile;
beforeAll(async () => {
  gpu = await openGpu();
  golden = await openGolden('adamw-8bit');
});
afterAll(() => gpu.close());

const NAMES = ['first', 'second'] as const;
const floats = (name: string): Float32Array<ArrayBuffer> => Float32Array.from(golden.floats(name));
const momentOf = (step: number, name: string): QuantisedMoment => ({
  codes: Uint8Array.from(golden.bytes(`${step}.${name}`)),
  absmax: floats(`${step}.${name}_absmax`),
});
const levels = (map: Float32Array, { codes, absmax }: QuantisedMoment): Float64Array<ArrayBuffer> =>
  Float64Array.from(codes, (code, i) => map[code]! * absmax[i >> 8]!);

test('the maps have the same bits', () => {
  expect(dynamicMap(true)).toEqual(floats('map.signed'));
  expect(dynamicMap(false)).toEqual(floats('map.unsigned'));
});

/**
 * On the CPU bitsandbytes finds a level through a table of 32,768 steps over [-1, 1] or less, so that it may take one
 * that is 2 / 2^16 farther than the nearest.
 */
const STEP = 2 / 2 ** 16;

test('each of three steps, from the state before it', async () => {
  const { lr, beta1, beta2, eps, weightDecay, steps } = golden.config;
  const maps = { first: floats('map.signed'), second: floats('map.unsigned') };
  const start = floats('in.x');
  const x = new Parameter(gpu, 'x', [start.length], start);
  const optimizer = new AdamW(gpu, [x], { lr, betas: [beta1, beta2], eps, weightDecay, moments: '8bit' });
  const before = { first: new Float64Array(start.length), second: new Float64Array(start.length) };
  const updated = parity('8-bit AdamW: parameters after a step', 'bitsandbytes');
  for (let step = 0; step < steps; step++) {
    const g = floats(`${step}.g`);
    x.grad!.write(g);
    optimizer.step();
    updated.close(await x.read(), floats(`${step}.x`), 1e-6, `x after step ${step}`, 1);
    const mine = (await optimizer.readState()).moments.get('x')!;
    const exact = {
      first: before.first.map((m, i) => beta1 * m + (1 - beta1) * g[i]!),
      second: before.second.map((v, i) => beta2 * v + (1 - beta2) * g[i]! ** 2),
    };
    for (const name of NAMES) {
      const [ours, theirs] = [mine[name] as QuantisedMoment, momentOf(step, name)];
      theirs.absmax.forEach((value, i) => expect(Math.abs(ours.absmax[i]! - value)).toBeLessThanOrEqual(1e-6 * value));
      const [a, b] = [levels(maps[name], ours), levels(maps[name], theirs)];
      exact[name].forEach((value, i) => {
        const allowed = STEP * theirs.absmax[i >> 8]!;
        expect(Math.abs(a[i]! - b[i]!), `${name}[${i}]`).toBeLessThanOrEqual(2 * Math.abs(a[i]! - value) + allowed);
      });
      before[name] = b;
    }
    const last = new Map([['x', { first: momentOf(step, 'first'), second: momentOf(step, 'second') }]]);
    x.write(floats(`${step}.x`));
    optimizer.load({ step: step + 1, moments: last });
  }
  optimizer.dispose();
  x.dispose();
});
