/**
 * @file The overhead of a replayed step of the small SQ-LLaVA: JavaScript per dispatch, submits, and the step's time
 * over the sum of its dispatches' times, each measured as a hundredth of 100 runs in one pass. `npx tsx
 * --conditions=source bench/replay.ts`
 */
import { openGpu } from '@curio/engine';
import { openSmallStep } from './small-step.ts';

const ROUNDS = 40;
const gpu = await openGpu();
const { step, optimizer, inputs } = openSmallStep(gpu);
const batch = inputs(80, 1);
const { dispatches } = step.plan(batch);
const best = (values: readonly number[]): string => {
  const sorted = [...values].sort((a, b) => a - b);
  return `${sorted[0]!.toFixed(2)} / ${sorted[sorted.length >> 1]!.toFixed(2)}`;
};
const [encode, submit, wall, submits]: number[][] = [[], [], [], []];
for (let round = 0; round < ROUNDS; round++) {
  const { submits: before } = gpu.stream.counts;
  const start = performance.now();
  optimizer.beginStep(1e-4);
  const { loss } = step.run(batch);
  const encoded = performance.now();
  const read = loss.item();
  gpu.stream.flush();
  const submitted = performance.now();
  await read;
  if (round < 3) continue;
  encode!.push((1000 * (encoded - start)) / dispatches);
  submit!.push((1000 * (submitted - encoded)) / dispatches);
  wall!.push(performance.now() - start);
  submits!.push(gpu.stream.counts.submits - before);
}
console.log(`best / median of ${ROUNDS} steps of ${dispatches} dispatches, ${Math.max(...submits!)} submit`);
console.log(`JavaScript per dispatch ${best(encode!)} µs, finish and submit ${best(submit!)} µs`);
const times = await step.plan(batch).timeDispatches(100);
const sum = 1000 * times.reduce((total, { seconds }) => total + seconds, 0);
console.log(
  `a step ${best(wall!)} ms; its dispatches alone ${sum.toFixed(2)} ms; ${(Math.min(...wall!) / sum).toFixed(3)} times`,
);
gpu.close();
