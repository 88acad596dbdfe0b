import { defineCases } from '../../truth/cases.ts';
import { build } from '../../truth/oracle.ts';
import { copyVariants } from '../../tensor/copy.ts';
import { dense, permute } from './views.ts';

/** Permuted axes, made dense: one copy forward and one backward. */
export const denseCases = defineCases<number[]>({
  op: 'dense',
  run: ([x], order) => dense(permute(x!, order)),
  reference: ([x], order) =>
    build(
      order.map((axis) => x!.shape[axis]!),
      (...at) => x!.at(...x!.shape.map((_, axis) => at[order.indexOf(axis)]!)),
    ),
  families: { copy: copyVariants },
  cases: [
    { inputs: [[3, 2]], attrs: [1, 0] },
    { inputs: [[11, 9]], attrs: [1, 0] },
    { inputs: [[3, 9, 8]], attrs: [1, 0, 2] },
    { inputs: [[3, 9, 11]], attrs: [1, 0, 2] },
    { inputs: [[2, 9, 3, 8]], attrs: [2, 1, 0, 3] },
    { inputs: [[2, 3, 2, 3, 8]], attrs: [3, 0, 2, 1, 4] },
    { inputs: [[2, 3, 2, 3, 2, 8]], attrs: [4, 3, 0, 2, 1, 5] },
    { inputs: [[2, 3, 2, 3, 2, 9]], attrs: [4, 3, 0, 2, 1, 5] },
    { label: 'tiles', inputs: [[37, 70]], attrs: [1, 0] },
    { label: 'tiles of a batch', inputs: [[2, 40, 33]], attrs: [0, 2, 1] },
    { label: 'tiles across two axes', inputs: [[2, 3, 35, 40]], attrs: [1, 3, 0, 2] },
    { label: 'tiles, the first axis last', inputs: [[33, 2, 3, 34]], attrs: [3, 1, 2, 0] },
    { label: 'tiles across three axes', inputs: [[2, 3, 2, 18, 20]], attrs: [2, 0, 4, 1, 3] },
    { label: 'seven axes', inputs: [[2, 2, 2, 3, 2, 2, 3]], attrs: [6, 4, 2, 0, 5, 3, 1] },
    { label: 'eight axes', inputs: [[2, 2, 2, 1, 3, 2, 2, 2, 2]], attrs: [8, 6, 4, 2, 0, 7, 5, 3, 1] },
    { label: 'empty', inputs: [[3, 0, 2]], attrs: [2, 1, 0] },
  ],
  bench: [
    { label: '16 heads of 64, 577 tokens', inputs: [[16, 577, 64]], attrs: [1, 0, 2], bytes: 8 * 16 * 577 * 64 },
    { label: 'a matrix transposed', inputs: [[1024, 4096]], attrs: [1, 0], bytes: 8 * 1024 * 4096 },
  ],
});
