/** @file All benchmarks, in the order of the paper's tables. */
import type { Benchmark } from './benchmark.ts';
import { cocoCaptions, conceptual, flickr30k, nocaps } from './benchmarks/captions.ts';
import { gqa } from './benchmarks/gqa.ts';
import { llavaBench } from './benchmarks/llava-bench.ts';
import { mmVet } from './benchmarks/mm-vet.ts';
import { mmbench, mmbenchCn } from './benchmarks/mmbench.ts';
import { pope } from './benchmarks/pope.ts';
import { scienceqa } from './benchmarks/scienceqa.ts';
import { textvqa, textvqaNoOcr } from './benchmarks/textvqa.ts';
import { vizwiz } from './benchmarks/vizwiz.ts';
import { vqav2 } from './benchmarks/vqav2.ts';

// biome-ignore lint/suspicious/noExplicitAny: each benchmark has a kind of entry of its own, and gets only those
type AnyBenchmark = Benchmark<any, string>;

export const benchmarks: readonly AnyBenchmark[] = [
  vqav2,
  gqa,
  vizwiz,
  scienceqa,
  textvqa,
  textvqaNoOcr,
  pope,
  mmVet,
  llavaBench,
  mmbench,
  mmbenchCn,
  cocoCaptions,
  flickr30k,
  nocaps,
  conceptual,
];

/** @throws RangeError for a name that no benchmark has */
export function benchmarkNamed(name: string): AnyBenchmark {
  const found = benchmarks.find((benchmark) => benchmark.name === name);
  if (!found)
    throw new RangeError(
      `eval: there is no benchmark '${name}'; it must be one of ${benchmarks.map((each) => each.name).join(', ')}.`,
    );
  return found;
}
