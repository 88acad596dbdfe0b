/** @file A profile of one training step, for people: a table for the terminal and a trace for Perfetto. */
import { chromeTrace, summarise } from '@curio/engine';
import type { Profile, ProfileSummary } from '@curio/engine';
import type { RunFolder } from './run-folder.ts';
import type { Speed } from './speed.ts';

/** The step that is timed, counted from 1: by then every kernel is compiled. */
export const PROFILED_STEP = 4;
const ROWS = 24;

/** An aligned table, slowest kernels first; the remaining ones share one row. */
export function profileTable({ kernels, dispatches, busyMs, gapMs }: ProfileSummary): string {
  const number = (value: number | null, digits = 1): string => (value === null ? '' : value.toFixed(digits));
  const shown = kernels.slice(0, ROWS);
  const rest = kernels.slice(ROWS);
  const lines = [
    ['op', 'kernel', 'count', 'ms', '% of busy', 'GFLOP/s', 'GB/s', '% of roof'],
    ...shown.map((each) => [
      each.op ?? '',
      each.label,
      `${each.count}`,
      number(each.ms, 2),
      number(100 * each.share),
      number(each.gflops),
      number(each.gbps),
      number(each.percentOfRoof, 0),
    ]),
    ...(rest.length > 0
      ? [
          [
            '',
            `${rest.length} others`,
            `${rest.reduce((sum, { count }) => sum + count, 0)}`,
            number(
              rest.reduce((sum, { ms }) => sum + ms, 0),
              2,
            ),
            number(100 * rest.reduce((sum, { share }) => sum + share, 0)),
            '',
            '',
            '',
          ],
        ]
      : []),
  ];
  const widths = lines[0]!.map((_, c) => Math.max(...lines.map((line) => line[c]!.length)));
  const table = lines
    .map((line) =>
      `  ${line.map((text, c) => (c < 2 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!))).join('  ')}`.trimEnd(),
    )
    .join('\n');
  return `${table}\n  ${dispatches} dispatches, busy ${number(busyMs)} ms, ${number(gapMs)} ms between them`;
}

/** Writes the trace into the run's folder and returns the text for the terminal. */
export function reportProfile(
  folder: RunFolder,
  stage: string,
  profile: Profile,
  { matmulGflops, copyGigabytes }: Speed,
): string {
  const name = `profile-${stage}.json`;
  folder.write(name, JSON.stringify(chromeTrace(profile)));
  const roofs = `roofs: matmul ${matmulGflops.toFixed(1)} GFLOP/s, read and write ${copyGigabytes.toFixed(1)} GB/s, as curio doctor measures them`;
  return `step ${PROFILED_STEP} of ${stage}, each dispatch in a pass of its own (${roofs})\n${profileTable(summarise(profile, { gflops: matmulGflops, gbps: copyGigabytes }))}\n  ${folder.file(name)} opens in ui.perfetto.dev or chrome://tracing`;
}
