/** @file Runs the cells of a group in turn, round by round, so that what disturbs the machine disturbs all of them. */
import { roofName } from './cell.ts';
import type { Cell, Group, Roof, Row, Session } from './cell.ts';
import { isEnough, MAX_RUN_MS, percentOf, predictMs, rates, repeatsFor, samplesFor, summarise } from './statistics.ts';
import type { Work } from './statistics.ts';

/** A roof measured beside the cells: opens what it times; null where this machine has none. */
export type OpenRoof = (roof: Roof) => Promise<{ readonly session: Session; readonly work: Work } | null>;

interface Runner { readonly work: Work; readonly session: Session; readonly samples: number[]; readonly repeats: number; readonly samplesOfRound: number; rounds: number; spent: number }

/** Best rates of the roofs over the whole run, and what each library and variant needed for its last shape. */
export class Measurements {
  /** GFLOP/s or GB/s by `roofName`. */
  readonly roofs = new Map<string, number>();
  private readonly known = new Map<string, { work: Work; ms: number }>();
  private readonly held: { row: Row; roof: Roof | null }[] = [];

  /** @param roundMs how long a round of a short cell lasts; one sample where it is 0 */
  constructor(private readonly openRoof: OpenRoof, private readonly roundMs = 0) {}

  /** All rows so far, held against the best of each roof in this run. */
  rows(): Row[] {
    return this.held.map(({ row, roof }) => this.judged(row, roof));
  }

  /** Opens, checks and times a group. Rows come in the order of its cells. */
  async measure(group: Group): Promise<Row[]> {
    const runners: Runner[] = [];
    const opened = new Map<Cell, Runner | string>();
    const roof = group.roof && (await this.openRoof(group.roof));
    const roofRunner = roof ? await calibrated(roof.session, roof.work, this.roundMs) : null;
    if (roofRunner) runners.push(roofRunner);
    try {
      for (const cell of group.cells) {
        const outcome = await this.open(group, cell);
        opened.set(cell, outcome);
        if (typeof outcome !== 'string') runners.push(outcome);
      }
      await takeTurns(runners);
    } finally {
      for (const { session } of runners) session.close();
    }
    if (roofRunner) this.raise(group.roof!, roofRunner);
    const rows = group.cells.map((cell) => this.rowOf(group, cell, opened.get(cell)!));
    this.held.push(...rows.map((row) => ({ row, roof: group.roof })));
    return rows.map((row) => this.judged(row, group.roof));
  }

  private async open(group: Group, cell: Cell): Promise<Runner | string> {
    const work = cell.work ?? group.work;
    const predicted = predictMs(work, this.known.get(keyOf(group, cell)));
    if (predicted !== null && predicted > MAX_RUN_MS) return `skipped: predicted ${(predicted / 1000).toFixed(1)} s a run`;
    let session: Session | null = null;
    try {
      session = await cell.open();
      const wrong = await session.check();
      if (!wrong) return await calibrated(session, work, this.roundMs);
      session.close();
      return `wrong: ${wrong}`;
    } catch (error) {
      session?.close();
      return `failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    }
  }

  private rowOf({ op, shape, work }: Group, cell: Cell, outcome: Runner | string): Row {
    const name = { op, shape, library: cell.library, variant: cell.variant };
    if (typeof outcome === 'string') return { ...name, bestMs: null, medianMs: null, gflops: null, gbps: null, percentOfRoof: null, skipped: outcome };
    const { bestMs, medianMs } = summarise(outcome.samples);
    this.known.set(keyOf({ op }, cell), { work: cell.work ?? work, ms: bestMs });
    return { ...name, bestMs, medianMs, ...rates(cell.work ?? work, bestMs), percentOfRoof: null };
  }

  private raise(roof: Roof, { work, samples }: Runner): void {
    const { gflops, gbps } = rates(work, summarise(samples).bestMs);
    const name = roofName(roof);
    this.roofs.set(name, Math.max(this.roofs.get(name) ?? 0, gflops ?? gbps ?? 0));
  }

  private judged(row: Row, roof: Roof | null): Row {
    const best = roof && this.roofs.get(roofName(roof));
    return { ...row, percentOfRoof: percentOf(roof?.kind === 'copy' ? row.gbps : row.gflops, best) };
  }
}

const keyOf = ({ op }: Pick<Group, 'op'>, { library, variant }: Cell): string => `${op}|${library}|${variant}`;

/** One run to warm up, one to see how many make a sample. */
async function calibrated(session: Session, work: Work, roundMs: number): Promise<Runner> {
  const first = await session.time(1);
  const ms = first > 500 ? first : await session.time(1);
  return { work, session, samples: [], repeats: repeatsFor(ms), samplesOfRound: samplesFor(ms, roundMs), rounds: 0, spent: 0 };
}

async function takeTurns(runners: readonly Runner[]): Promise<void> {
  for (let busy = true; busy; ) {
    busy = false;
    for (const runner of runners) {
      if (isEnough(runner.rounds, runner.spent)) continue;
      busy = true;
      for (let i = 0; i < runner.samplesOfRound; i++) {
        const ms = await runner.session.time(runner.repeats);
        runner.samples.push(ms / runner.repeats);
        runner.spent += ms;
      }
      runner.rounds++;
    }
  }
}
