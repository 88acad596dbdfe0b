/** @file An ablation's tables: mean and spread of each row over its seeds, and how it differs from the first row. */
import { DataError } from '@curio/engine';
import { cellName, TABLES } from './cells.ts';
import type { Table, TableName } from './cells.ts';
import { kindMeasures, measuresOf, readCell, shareOf } from './measures.ts';
import type { CellAnswers, Measure } from './measures.ts';
import { holm, pairedTest, spreadOf } from './paired-test.ts';
import type { Spread } from './paired-test.ts';

/** A figure of a row. */
export interface Figure {
  /** Share, 0…1, over the seeds; null where there was nothing to count. */
  readonly share: Spread | null;
  /** Null in the first row, for unpaired measures, and if the first row is missing. */
  readonly against: {
    /** Difference in share, over the seeds that both rows have. */
    readonly difference: Spread;
    /** Of the paired test over all questions of these seeds. */
    readonly p: number;
    /** Adjusted over all comparisons made together: the rows of a column, and all kinds of question. */
    readonly adjusted: number;
  } | null;
}

export interface ComparedRow {
  readonly label: string;
  readonly seeds: readonly number[];
  /** By name of the measure. */
  readonly figures: ReadonlyMap<string, Figure>;
}

export interface ComparedTable {
  readonly name: TableName;
  readonly title: string;
  readonly rows: readonly ComparedRow[];
  readonly measures: readonly Measure[];
  readonly kinds: readonly Measure[];
}

/**
 * The tables of which two rows or more are finished, with these rows; a table that only repeats rows of those before it
 * is left out. `runs` holds the cells.
 */
export function compareAll(runs: string, seeds: readonly number[]): ComparedTable[] {
  const shown = new Set<string>();
  return TABLES.flatMap((table) => {
    const compared = compareTable(table, runs, seeds);
    const finished = table.rows.filter(({ label }) => compared.rows.some((row) => row.label === label));
    const settings = finished.map(({ setting }) => cellName(setting, 0));
    const isNew = settings.some((setting) => !shown.has(setting));
    if (finished.length < 2 || !isNew) return [];
    for (const setting of settings) shown.add(setting);
    return [compared];
  });
}

interface Cells {
  readonly label: string;
  readonly bySeed: ReadonlyMap<number, CellAnswers>;
}

function compareTable({ name, title, rows }: Table, runs: string, seeds: readonly number[]): ComparedTable {
  const cells = rows.map(({ label, setting }): Cells => {
    const found = seeds.flatMap((seed): [number, CellAnswers][] => {
      const cell = readCell(runs, cellName(setting, seed));
      return cell ? [[seed, cell]] : [];
    });
    return { label, bySeed: new Map(found) };
  });
  const all = cells.flatMap(({ bySeed }) => [...bySeed.values()]);
  const [measures, kinds] = [measuresOf(all), kindMeasures(all)];
  const columns = new Map(
    [...measures.map((measure) => [measure]), kinds].flatMap((family) => {
      const figures = adjusted(family.map((measure) => column(cells, measure)));
      return family.map((measure, i): [string, Figure[]] => [measure.name, figures[i]!]);
    }),
  );
  return {
    name,
    title,
    measures,
    kinds,
    rows: cells.flatMap(({ label, bySeed }, i) =>
      bySeed.size === 0
        ? []
        : [
            {
              label,
              seeds: [...bySeed.keys()],
              figures: new Map([...columns].map(([measure, figures]) => [measure, figures[i]!])),
            },
          ],
    ),
  };
}

/** The figures of all rows by one measure, not yet adjusted. */
function column(cells: readonly Cells[], measure: Measure): Figure[] {
  const shares = cells.map(({ bySeed }) => {
    const values = [...bySeed.values()].flatMap((cell) => shareOf(measure.of(cell)) ?? []);
    return values.length === 0 ? null : spreadOf(values);
  });
  return cells.map((row, i) => {
    const found = i === 0 || !measure.isPaired ? null : compareRows(cells[0]!, row, measure);
    return { share: shares[i]!, against: found && { ...found, adjusted: found.p } };
  });
}

/** Columns whose comparisons are adjusted together. */
function adjusted(columns: readonly Figure[][]): Figure[][] {
  const raised = holm(columns.flat().flatMap(({ against }) => (against ? [against.p] : [])));
  return columns.map((figures) =>
    figures.map(({ share, against }) => ({ share, against: against && { ...against, adjusted: raised.shift()! } })),
  );
}

/** Null if no seed has both. @throws DataError if two cells were asked different things */
function compareRows(first: Cells, row: Cells, measure: Measure): { difference: Spread; p: number } | null {
  const perSeed: number[] = [];
  const differences: number[] = [];
  for (const [seed, cell] of row.bySeed) {
    const base = first.bySeed.get(seed);
    const [before, after] = [base && measure.of(base), measure.of(cell)];
    if (!before || before.size === 0 || after.size === 0) continue;
    const stray = [...after.keys()].find((id) => !before.has(id)) ?? [...before.keys()].find((id) => !after.has(id));
    if (stray !== undefined)
      throw new DataError(
        `ablate: seed ${seed}: only one of '${first.label}' and '${row.label}' answered ${stray}; both must have the same questions, so retrain them with one configuration.`,
      );
    for (const [id, { points }] of after) differences.push(points - before.get(id)!.points);
    const [a, b] = [shareOf(before), shareOf(after)];
    if (a !== null && b !== null) perSeed.push(b - a);
  }
  return perSeed.length === 0 ? null : { difference: spreadOf(perSeed), p: pairedTest(differences) };
}
