/** @file ONNX's operators on windows of pictures [B, C, H, W]. */
import * as c from '@curio/engine';
import type { Tensor } from '@curio/engine';
import { needOption } from './node.ts';
import type { Expressions, Node } from './node.ts';

interface Windows {
  readonly kernel: readonly [number, number];
  readonly stride: number;
  /** Before and after, of height and width. */
  readonly sides: readonly [readonly [number, number], readonly [number, number]];
  /** What a last, incomplete window needs beyond the padding. */
  readonly over: readonly [number, number];
}

/** The windows of a case, whose padding stands in words, in numbers, or follows from rounding up. */
function windowsOf(node: Node, kernel: readonly number[]): Windows {
  const size = node.described(0).shape!.slice(2);
  needOption(size.length === 2, `windows over ${size.length} axes`);
  const strides = node.list('strides') ?? [1, 1];
  needOption(strides[0] === strides[1], 'strides that differ by axis');
  needOption(
    (node.list('dilations') ?? [1]).every((n) => n === 1),
    'dilated windows',
  );
  const stride = strides[0]!;
  const auto = node.text('auto_pad', 'NOTSET');
  const pads = node.list('pads') ?? [0, 0, 0, 0];
  const sides = size.map((n, i): [number, number] => {
    if (!auto.startsWith('SAME')) return auto === 'VALID' ? [0, 0] : [pads[i]!, pads[i + 2]!];
    const total = Math.max((Math.ceil(n / stride) - 1) * stride + kernel[i]! - n, 0);
    const less = Math.floor(total / 2);
    return auto === 'SAME_UPPER' ? [less, total - less] : [total - less, less];
  });
  const over = size.map((n, i) => {
    const [before, after] = sides[i]!;
    if (!node.int('ceil_mode', 0)) return 0;
    const count = Math.ceil((n + before + after - kernel[i]!) / stride) + 1;
    const last = (count - 1) * stride;
    // A window that would begin in the padding after is left out.
    return last >= n + before ? 0 : Math.max(0, last + kernel[i]! - n - before - after);
  });
  return { kernel: kernel as [number, number], stride, sides: sides as never, over: over as never };
}

/** x with the padding of its windows around it. */
const around = (x: Tensor, { sides, over }: Windows, value: number): Tensor =>
  c.pad(
    x,
    sides.map(([before, after], i) => [before, after + over[i]!] as const),
    value,
  );

/** Windows of a pooling, which are square in the engine. */
function square(node: Node): Windows & { readonly side: number } {
  const windows = windowsOf(node, node.list('kernel_shape')!);
  needOption(windows.kernel[0] === windows.kernel[1], 'pooling windows that are not square');
  return { ...windows, side: windows.kernel[0] };
}

function conv(node: Node): Tensor {
  needOption(node.int('group', 1) === 1, 'convolution in groups');
  const windows = windowsOf(node, node.described(1).shape!.slice(2));
  const [height, width] = windows.sides;
  const isEven = [...height, ...width].every((n) => n === height[0]);
  return c.conv2d(
    isEven ? node.float() : around(node.float(), windows, 0),
    node.float(1),
    node.has(2) ? node.float(2) : null,
    {
      stride: windows.stride,
      padding: isEven ? height[0] : 0,
    },
  );
}

function maxPool(node: Node): Tensor {
  needOption(node.outputs === 1, "maxPool2d that gives its elements' places");
  const x = node.float();
  const windows = square(node);
  return c.maxPool2d(around(x, windows, -Infinity), { kernel: windows.side, stride: windows.stride });
}

/** Where padding does not count, the share of each window that is not padding is divided out. */
function averagePool(node: Node): Tensor {
  const x = node.float();
  const windows = square(node);
  const options = { kernel: windows.side, stride: windows.stride };
  const mean = c.avgPool2d(around(x, windows, 0), options);
  const counted = {
    ...windows,
    sides: [
      [0, 0],
      [0, 0],
    ] as const,
  };
  const isPadded = windows.sides.flat().some((n) => n > 0);
  const isOver = windows.over.some((n) => n > 0);
  if (!isOver && (!isPadded || node.int('count_include_pad', 0))) return mean;
  const whole = c.ones(node.gpu, x.shape);
  const inside = node.int('count_include_pad', 0)
    ? around(around(whole, { ...windows, over: [0, 0] }, 1), counted, 0)
    : around(whole, windows, 0);
  return c.div(mean, c.avgPool2d(inside, options));
}

function lpPool(node: Node): Tensor {
  const windows = square(node);
  const p = node.int('p', 2);
  const powers = around(c.pow(c.abs(node.float()), p), windows, 0);
  const mean = c.avgPool2d(powers, { kernel: windows.side, stride: windows.stride });
  return c.pow(c.mul(mean, windows.side ** 2), 1 / p);
}

const overPixels = (f: (x: Tensor, options: { axis: number[]; keepDims: boolean }) => Tensor) => (node: Node) =>
  f(node.float(), {
    axis: node
      .described(0)
      .shape!.map((_, i) => i)
      .slice(2),
    keepDims: true,
  });

export const window: Expressions = {
  AveragePool: averagePool,
  Conv: conv,
  GlobalAveragePool: overPixels(c.mean),
  GlobalMaxPool: overPixels(c.max),
  LpPool: lpPool,
  MaxPool: maxPool,
};
