import { defineCases } from '../../truth/cases.ts';
import { Array64 } from '../../truth/oracle.ts';
import { RandomStream } from '../../tensor/philox.ts';
import { dropout } from './dropout.ts';

export const dropoutCases = defineCases<{ p: number }>({
  op: 'dropout',
  run([x], { p }) {
    x!.gpu.random.setStep(3, 11);
    return dropout(x!, { p });
  },
  reference([x], { p }) {
    const random = new RandomStream(11, 3, 0);
    return new Array64(
      x!.shape,
      x!.data.map((v) => (random.uniform() >= p ? v / (1 - p) : 0)),
    );
  },
  cases: [
    { label: 'p = 0', inputs: [[33]], attrs: { p: 0 } },
    { inputs: [[1]], attrs: { p: 0.5 } },
    { inputs: [[7, 31]], attrs: { p: 0.1 } },
    { inputs: [[5, 257]], attrs: { p: 0.75 } },
    { inputs: [[0, 3]], attrs: { p: 0.5 } },
  ],
  bench: [{ label: '16384 tokens of width 1024', inputs: [[16384, 1024]], attrs: { p: 0.1 }, bytes: 8 * 16384 * 1024 }],
});
