/** @file What a run of the bench leaves: where it ran and the rows, as JSON; and docs/benchmarks.md made from it. */
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import type { AdapterReport } from '@curio/engine';
import type { Row } from './cell.ts';
import { markdownTable, short } from './table.ts';
import { targetsTable } from './targets.ts';

export interface Results {
  readonly adapter: string;
  /** How the driver was found. */
  readonly driver: string;
  readonly processor: string;
  readonly cores: number;
  /** Of Node and of the packages, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** Whose BLAS the roof of products is; null without one. */
  readonly blas: string | null;
  /** Best GFLOP/s (OpenBLAS) or GB/s (copy) of each roof in this run. */
  readonly roofs: Readonly<Record<string, number>>;
  /** The same beside the group where it was slowest. */
  readonly slowestRoofs: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly rows: readonly Row[];
}

const adapterName = ({ vendor, architecture, device, description }: AdapterReport): string =>
  description || [vendor, architecture, device].filter(Boolean).join(' ') || 'unknown adapter';

const versionOf = (name: string): string =>
  (createRequire(import.meta.url)(`${name}/package.json`) as { version: string }).version;

/** Where this process runs. */
export function describePlace(
  adapter: AdapterReport,
  others: readonly { readonly name: string; readonly version: string }[] = [],
): Pick<Results, 'adapter' | 'driver' | 'processor' | 'cores' | 'versions'> {
  return {
    adapter: adapterName(adapter),
    driver: process.env.CURIO_DRIVER_TEXT ?? 'not told',
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    versions: {
      node: process.versions.node,
      webgpu: versionOf('webgpu'),
      ...Object.fromEntries(others.map(({ name, version }) => [name, version])),
    },
  };
}

const HEAD = `# Benchmarks

Made from the JSON of a run by \`npm run bench:docs -- FILE\`; \`npm run bench -- --json FILE\` makes that. Everything in one process, the cells of a group in turn, round by
round, 5 rounds of at least 0.1 seconds or 3 seconds each, in three sittings minutes apart; \`best\` is the least disturbed sample. Each result is compared with
float64 at 256 entries or more, corners included, before it is timed. \`% of roof\`: of OpenBLAS's best rate at the sizes that the group names, or of a 64 MB copy on the
device (bytes read and written), both in the same run.
Operations of attention count as 4·B·H·T²·D forward and 2.5 times that backward, half of it where causal. \`default\` is what the op itself chooses. \`best peer\`: how many times faster than the fastest other library on
the same device. \`PyTorch on the CPU\`: how many times faster than PyTorch on the same processor, without WebGPU; its version and threads stand among the versions. Its
backward rows are the gradients of what learns alone, the forward pass being done, as ours.
`;

const LIMITS = `What limits the rows bound by memory on Lavapipe: it turns each load and store of a kernel into one scalar access a lane, with its own bounds check, and has no contiguous
vector load. What a kernel reaches that reads each element once and writes it once is the row \`neg\`; softmax and the norms need a sum before their first result, so they
read twice, which costs them a third of that or more. Starting a subgroup costs as much as some 60 columns. These rows also depend
on the machine most: where others take a part of the processor, layerNorm took up to 1.8 times as long and the copy 1.2 times, and the copy's best rate was 26.6 GB/s in one
run and 33.2 in the next, which takes a fifth from every share of it. Products and attention read their operands from textures,
which the scalarising does not touch ([why](architecture.md)): what limits them now are one multiplication and one addition where the processor has a fused operation, and
sums kept in memory, blended with the loop's mask each time round.
`;

const GPU = `## On an NVIDIA GPU

[docs/gpu.md](gpu.md) has what an H200 measured, beside PyTorch.
`;

/** The text of docs/benchmarks.md. */
export function benchmarksPage(results: Results): string {
  const { adapter, driver, processor, cores, versions, blas, roofs, slowestRoofs, seconds, rows } = results;
  const slowest = (name: string, rate: number): string =>
    slowestRoofs[name]! < 0.9 * rate ? ` (${short(slowestRoofs[name]!)} while the machine was disturbed)` : '';
  const facts = [
    `- adapter: ${adapter}`,
    `- ${driver}`,
    `- processor: ${processor}, ${cores} cores`,
    `- versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    `- BLAS: ${blas ?? 'none was found, so products have no roof'}`,
    `- roofs: ${
      Object.entries(roofs)
        .map(([name, rate]) => `${name} ${short(rate)} ${name === 'copy' ? 'GB/s' : 'GFLOP/s'}${slowest(name, rate)}`)
        .join(', ') || 'none'
    }`,
    `- the run took ${Math.round(seconds)} s`,
  ];
  return `${HEAD}\n${facts.join('\n')}\n\n## Targets\n\n${targetsTable(rows)}\n\n${LIMITS}\n${GPU}\n## All rows\n\n${markdownTable(rows)}\n`;
}
