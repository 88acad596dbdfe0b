/** @file AdamW's update, with moments of f32 and of 8 bits. Bytes at minimum traffic. */
import { AdamW, Parameter } from '@curio/engine';
import type { AdamWOptions, Gpu } from '@curio/engine';
import { dynamicMap } from '@curio/engine/check';
import type { Peer } from '../../peers/src/peer.ts';
import type { Cell, Group } from '../cell.ts';
import { session } from '../engine-cells.ts';
import { firstWrong, noise, sampledEntries } from '../numbers.ts';
import { peerCells } from '../peer-cells.ts';

const ADAMW = { lr: 1e-3, weightDecay: 0.01, betas: [0.9, 0.999], eps: 1e-8 } as const;
const roof = { kind: 'copy' } as const;

/** Elements that share the greatest absolute value of an 8-bit moment. */
const BLOCK = 256;

/** One parameter of `size` elements: reads value, gradient and both moments, writes all but the gradient. */
export function adamw(gpu: Gpu, peers: readonly Peer[], size: number): Group {
  const [x, g] = [noise(size, 1), noise(size, 2)];
  const right = (i: number): number => twoSteps(x[i]!, g[i]!, (moments) => moments);
  const others = peerCells(
    peers,
    'adamw',
    [{ shape: [size], values: x }, { shape: [size], values: g }, ADAMW],
    async (job) => {
      await job.read();
      return firstWrong('x', sampledEntries([size]), (await job.read())[0]!, right, 1e-6);
    },
  );
  return {
    op: 'adamw',
    shape: `${size}`,
    label: '28 bytes a parameter',
    roof,
    work: { bytes: 28 * size },
    cells: [{ library: 'curio', variant: 'default', open: opened(gpu, { x, g }, 'f32', right) }, ...others],
  };
}

/** The same with moments of 8 bits. */
export function adamw8bit(gpu: Gpu, size: number): Group {
  const [x, g] = [noise(size, 1), noise(size, 2)];
  const maps = [dynamicMap(true), dynamicMap(false)] as const;
  const right = (i: number): number => {
    const begin = i - (i % BLOCK);
    const most = g.subarray(begin, begin + BLOCK).reduce((top, v) => Math.max(top, Math.abs(v)), 0);
    const greatest = momentsOf(most);
    return twoSteps(x[i]!, g[i]!, (moments) => [
      nearest(maps[0], moments[0] / greatest[0]) * greatest[0],
      nearest(maps[1], moments[1] / greatest[1]) * greatest[1],
    ]);
  };
  return {
    op: 'adamw 8-bit',
    shape: `${size}`,
    label: '16 bytes a parameter',
    roof,
    work: { bytes: 16 * size },
    cells: [{ library: 'curio', variant: 'default', open: opened(gpu, { x, g }, '8bit', right) }],
  };
}

const opened =
  (
    gpu: Gpu,
    { x, g }: Readonly<Record<'x' | 'g', Float32Array<ArrayBuffer>>>,
    moments: AdamWOptions['moments'],
    right: (i: number) => number,
  ): Cell['open'] =>
  () => {
    const parameter = new Parameter(gpu, 'x', [x.length], x);
    const optimizer = new AdamW(gpu, [parameter], { groups: [['x', 1]], moments, ...ADAMW });
    parameter.grad!.write(g);
    const steps = session(
      gpu,
      () => optimizer.step(),
      async () => {
        optimizer.step();
        optimizer.step();
        return firstWrong('x', sampledEntries([x.length]), await parameter.read(), right, 1e-6);
      },
    );
    return { ...steps, record: () => optimizer.update(), close: () => (optimizer.dispose(), parameter.dispose()) };
  };

type Moments = readonly [first: number, second: number];

/** Those after a gradient. */
function momentsOf(g: number, [m, v]: Moments = [0, 0]): Moments {
  const [beta1, beta2] = ADAMW.betas;
  return [beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g];
}

const nearest = (levels: Float32Array, value: number): number =>
  levels.reduce((best, level) => (Math.abs(level - value) < Math.abs(best - value) ? level : best));

/** AdamW from zero moments, twice with the same gradient; `stored` is what is left of the moments in between. */
function twoSteps(x: number, g: number, stored: (moments: Moments) => Moments): number {
  const {
    lr,
    weightDecay,
    betas: [beta1, beta2],
    eps,
  } = ADAMW;
  let value = x;
  let moments: Moments = [0, 0];
  for (let t = 1; t <= 2; t++) {
    moments = momentsOf(g, moments);
    value -= lr * weightDecay * value;
    value -= (lr * (moments[0] / (1 - beta1 ** t))) / (Math.sqrt(moments[1] / (1 - beta2 ** t)) + eps);
    moments = stored(moments);
  }
  return value;
}
