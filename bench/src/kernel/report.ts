/** @file The workbench's lines and its compact table. */
import { short } from '../table.ts';
import type { Timing } from './judge.ts';

const HEAD = ['', 'forward ms', 'GFLOP/s', 'GB/s', '% of roof', 'backward ms', 'against committed'];

const against = (ms: number | null | undefined, committed: number | null | undefined): string | null =>
  ms && committed ? `${(committed / ms).toFixed(2)} ×` : null;

const speeds = ({ forward, backward }: Timing, held: Timing): string =>
  [against(forward?.bestMs, held.forward?.bestMs), against(backward?.bestMs, held.backward?.bestMs)]
    .filter(Boolean)
    .join(' / ');

/** The table of a bench shape. All rows are compared with the first, the committed code: 1.10 × is a tenth faster. */
export function timingTable(title: string, timings: readonly Timing[]): string {
  const rows = timings.map((timing, i) => {
    const { what, forward, backward } = timing;
    if (forward?.skipped) return [what, forward.skipped];
    const numbers = [forward?.bestMs, forward?.gflops, forward?.gbps, forward?.percentOfRoof, backward?.bestMs].map(
      (value) => short(value ?? null),
    );
    return [what, ...numbers, i === 0 ? '' : speeds(timing, timings[0]!)];
  });
  const lines = [[title, ...HEAD.slice(1)], ...rows];
  const full = lines.filter((line) => line.length === HEAD.length);
  const widths = HEAD.map((_, c) => Math.max(...(c === 0 ? lines : full).map((line) => line[c]!.length)));
  const isEmpty = HEAD.map((_, c) => c > 0 && full.slice(1).every((line) => line[c] === ''));
  return lines
    .map((line) =>
      `  ${line
        .map((text, c) =>
          isEmpty[c]
            ? null
            : c === 0
              ? text.padEnd(widths[c]!)
              : text.padStart(line.length === HEAD.length ? widths[c]! : 0),
        )
        .filter((text) => text !== null)
        .join('  ')}`.trimEnd(),
    )
    .join('\n');
}

/** `4 cases, worst error 0.12 of what is allowed`. */
export const rightness = (checked: number, worst: number): string =>
  `${checked} ${checked === 1 ? 'case' : 'cases'}, worst error ${worst.toFixed(2)} of what is allowed`;

/** One line for a tuning other than the table's own. */
export const tuningLine = (label: string, shape: string, asChosen: Timing, tuned: Timing): string =>
  `${label}   ${[tuned.forward, tuned.backward].flatMap((row) => (row?.bestMs ? `${short(row.bestMs)} ms` : [])).join(' / ')} at ${shape}, ${speeds(tuned, asChosen)} against the tuning that is chosen`;
