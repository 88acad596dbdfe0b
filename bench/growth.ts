/**
 * @file How time grows with the number of tokens: one more must not cost a jump, twice as many only their share.
 * `npx tsx --conditions=source bench/growth.ts`
 */
import { backward, capture, linear, openGpu, Parameter, scaledDotProductAttention } from '@curio/engine';
import type { Tensor } from '@curio/engine';

const [HEADS, WIDTH, HIDDEN, ROUNDS] = [16, 64, 1024, 9];
const gpu = await openGpu();
const weight = new Parameter(gpu, 'weight', [HIDDEN, HIDDEN], new Float32Array(HIDDEN * HIDDEN).fill(0.01));

const attention = capture(gpu, 'attention', ({ q, k, v, dy }: { q: Tensor; k: Tensor; v: Tensor; dy: Tensor }) => {
  for (const x of [q, k, v]) {
    x.requiresGrad = true;
    x.grad = x; // gradients go to the inputs; a timing needs nothing else
  }
  const y = scaledDotProductAttention(q, k, v, { causal: false });
  backward(y, dy);
  return { y };
});
const product = capture(gpu, 'linear', ({ x }: { x: Tensor }) => ({ y: linear(x, weight) }));

/** Kinds of run by their number of tokens; `power`: how the operation count grows with it. */
const KINDS = {
  'attention forward + backward': {
    run: (tokens: number) => {
      const x = { values: new Float32Array(HEADS * tokens * WIDTH).fill(0.1), shape: [1, HEADS, tokens, WIDTH] };
      attention.run({ q: x, k: x, v: x, dy: x });
    },
    power: 2,
  },
  'linear 1024': {
    run: (tokens: number) =>
      void product.run({ x: { values: new Float32Array(tokens * HIDDEN).fill(0.1), shape: [tokens, HIDDEN] } }),
    power: 1,
  },
};

for (const [name, { run, power }] of Object.entries(KINDS)) {
  for (const [small, large] of [
    [576, 577],
    [512, 1024],
  ] as const) {
    const best = [Infinity, Infinity];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, tokens] of [small, large].entries()) {
        const start = performance.now();
        run(tokens);
        await gpu.synchronize();
        if (round > 0) best[i] = Math.min(best[i]!, performance.now() - start);
      }
    }
    const growth = best[1]! / best[0]!;
    const operations = (large / small) ** power;
    console.log(
      `${name}, ${small} → ${large} tokens: ${best[0]!.toFixed(2)} → ${best[1]!.toFixed(2)} ms, ${growth.toFixed(3)} times the time for ${operations.toFixed(3)} times the operations`,
    );
  }
}
gpu.close();
