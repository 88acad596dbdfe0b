/** @file Formats rows for the terminal, as they come, and for docs/benchmarks.md. */
import { CPU_LIBRARY } from './cell.ts';
import type { Row } from './cell.ts';

/** Three significant digits, no exponents. */
export function short(value: number | null, unit = ''): string {
  if (value === null) return '';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 1e-3))));
  return `${value.toFixed(Math.min(digits, 3))}${unit}`;
}

export const COLUMNS = [
  'library',
  'variant',
  'best ms',
  'median ms',
  'GFLOP/s',
  'GB/s',
  '% of roof',
  'best peer',
  'PyTorch on the CPU',
] as const;

/**
 * The cells of a row among `rows` under COLUMNS; the last two: how many times faster than the best peer on the device,
 * and than PyTorch on the processor.
 */
export function cellsOf(row: Row, rows: readonly Row[]): string[] {
  const numbers = row.skipped
    ? [row.skipped, '', '', '', '', '', '']
    : [
        short(row.bestMs),
        short(row.medianMs),
        short(row.gflops),
        short(row.gbps),
        short(row.percentOfRoof),
        against(row, rows, isPeer),
        against(row, rows, isOnCpu),
      ];
  return [row.library, row.variant, ...numbers];
}

const isOnCpu = ({ library }: Row): boolean => library === CPU_LIBRARY;
/** Whether a row is another library's on the same device. */
export const isPeer = (row: Row): boolean => row.library !== 'curio' && !isOnCpu(row);

/** How many times faster a row of ours is than the best of the `others` for its op and shape; empty without one. */
function against({ op, shape, library, bestMs }: Row, rows: readonly Row[], others: (row: Row) => boolean): string {
  const peers = rows.flatMap((row) =>
    row.op === op && row.shape === shape && others(row) && row.bestMs ? [row.bestMs] : [],
  );
  return library === 'curio' && bestMs && peers.length > 0 ? `${short(Math.min(...peers) / bestMs)} ×` : '';
}

/** Header and rows; each of the last two columns only if such a library was measured. */
function linesOf(rows: readonly Row[]): string[][] {
  const lines = [[...COLUMNS], ...rows.map((row) => cellsOf(row, rows))];
  const hidden = [
    rows.some(isPeer) ? null : COLUMNS.indexOf('best peer'),
    rows.some(isOnCpu) ? null : COLUMNS.indexOf('PyTorch on the CPU'),
  ];
  return lines.map((line) => line.filter((_, c) => !hidden.includes(c)));
}

/** Aligned columns, the first two to the left, the rest to the right. Skipped rows end with their reason. */
export function terminalTable(rows: readonly Row[]): string {
  const lines = linesOf(rows);
  const measured = lines.filter((_, i) => i === 0 || !rows[i - 1]!.skipped);
  const widths = lines[0]!.map((_, c) => Math.max(...(c < 2 ? lines : measured).map((line) => line[c]!.length)));
  return lines
    .map((line, i) => {
      const names = line.slice(0, 2).map((text, c) => text.padEnd(widths[c]!));
      const rest =
        i > 0 && rows[i - 1]!.skipped ? [line[2]!] : line.slice(2).map((text, c) => text.padStart(widths[c + 2]!));
      return `  ${[...names, ...rest].join('  ')}`.trimEnd();
    })
    .join('\n');
}

const escape = (text: string): string => text.replaceAll('|', '\\|');

/** One Markdown table with op and shape in front. */
export function markdownTable(rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(' | ')} |`;
  const [head, ...rest] = linesOf(rows);
  return [
    line(['op', 'shape', ...head!]),
    line(['---', '---', ...head!.map((_, c) => (c < 2 ? '---' : '--:'))]),
    ...rest.map((cells, i) => line([rows[i]!.op, rows[i]!.shape, ...cells])),
  ].join('\n');
}
