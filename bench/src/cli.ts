/** @file npm run bench: measures kernels and whole steps against their rooflines. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openGpu } from '@curio/engine';
import type { Gpu } from '@curio/engine';
import type { Peer } from '../peers/src/peer.ts';
import type { Group } from './cell.ts';
import { describePlace } from './results.ts';
import type { Results } from './results.ts';
import { OpenBlas, roofsOf } from './roof.ts';
import { Measurements } from './rounds.ts';
import { attentionGroups } from './shapes/attention.ts';
import { loraGroups } from './shapes/lora.ts';
import { productGroups } from './shapes/products.ts';
import { prototypeGroups } from './shapes/prototypes.ts';
import { rowGroupsOf } from './shapes/rows.ts';
import { stepGroups } from './shapes/steps.ts';
import { ROUND_MS, SITTINGS } from './statistics.ts';
import { short, terminalTable } from './table.ts';

const HELP = `npm run bench -- [--only PATTERN] [--budget SECONDS] [--dawn TOGGLES] [--json FILE]          npm run bench:peers -- … the same beside tfjs, jax-js, onnxruntime-web and PyTorch on the CPU

  --only PATTERN   a regular expression over 'op shape', such as 'matmul 1024' or attention
  --budget SECONDS no group is begun after that; what is left out is named
  --dawn TOGGLES   toggles of Dawn with commas between, such as disable_robustness: what its guards cost, beside a run without
  --json FILE      write adapter, versions, roofs and rows to FILE
  CURIO_PYTHON     a python with numpy, for the OpenBLAS roof, and with torch, for PyTorch beside the peers (default python3)
`;

/** Groups are created one by one, so that only one group's inputs are on the host at a time. */
const allGroups = (gpu: Gpu, peers: readonly Peer[]): (() => Group[])[] => [
  ...productGroups(gpu, peers),
  ...loraGroups(gpu),
  ...attentionGroups(gpu, peers),
  ...prototypeGroups(gpu),
  ...rowGroupsOf(gpu, peers),
  ...stepGroups(gpu, peers),
];

async function bench(
  only: RegExp | null,
  file: string | undefined,
  withPeers: boolean,
  budget: number,
  dawnToggles: string[],
): Promise<void> {
  const began = performance.now();
  const gpu = await openGpu({ dawnToggles });
  const peers = withPeers ? await (await import('../peers/src/open.ts')).openPeers(console.log) : [];
  const blas = await OpenBlas.start();
  if (!blas)
    console.log(
      'bench: no python3 with numpy was found, so products have no roof; CURIO_PYTHON=/path/to/python names one.',
    );
  const measurements = new Measurements(roofsOf(gpu, blas), ROUND_MS);
  const leftOut: string[] = [];
  for (const [sitting, rounds] of SITTINGS.entries()) {
    for (const make of allGroups(gpu, peers)) {
      for (const group of make()) {
        const { op, shape, label } = group;
        if (only && !only.test(`${op} ${shape}`)) continue;
        if (performance.now() - began > 1000 * budget) {
          if (sitting === 0) leftOut.push(`${op} ${shape}`);
          continue;
        }
        gpu.arena.open();
        const rows =
          sitting === 0 ? await measurements.measure(group, rounds) : await measurements.measureAgain(group, rounds);
        gpu.arena.close();
        gpu.trim();
        if (rows)
          console.log(
            `\n${op} ${shape}${label ? `   ${label}` : ''}${sitting === 0 ? '' : `, best of ${sitting + 1} sittings`}\n${terminalTable(rows)}`,
          );
      }
    }
  }
  const seconds = (performance.now() - began) / 1000;
  const results: Results = {
    ...describePlace(gpu.adapter, peers),
    blas: blas?.version ?? null,
    roofs: Object.fromEntries(measurements.roofs),
    slowestRoofs: Object.fromEntries(measurements.slowestRoofs),
    seconds,
    rows: measurements.rows(),
  };
  console.log(
    `\nroofs: ${
      Object.entries(results.roofs)
        .map(([name, rate]) => `${name} ${short(rate)}`)
        .join(', ') || 'none'
    }; ${Math.round(seconds)} s`,
  );
  if (leftOut.length > 0) console.log(`skipped after ${budget} s: ${leftOut.join(', ')}`);
  if (file) writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  blas?.close();
  for (const peer of peers) peer.close?.();
  gpu.close();
  if (results.rows.some((row) => row.library === 'curio' && /^(wrong|failed)/.test(row.skipped ?? '')))
    process.exitCode = 1;
  if (peers.length > 0) process.exit(); // their devices stay open
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'string' },
    peers: { type: 'boolean', default: false },
    budget: { type: 'string', default: 'Infinity' },
    dawn: { type: 'string', default: '' },
    help: { type: 'boolean' },
  },
});
if (values.help) console.log(HELP);
else
  await bench(
    values.only ? new RegExp(values.only) : null,
    values.json,
    values.peers,
    Number(values.budget),
    values.dawn.split(',').filter(Boolean),
  );
