/** @file Runs the cells of a group in turn, round by round, so that disturbances of the machine affect all of them. */
import { roofName } from './cell.ts';
import type { Cell, Group, Roof, Row, Session } from './cell.ts';
import {
  isEnough,
  MAX_ROUNDS,
  MAX_RUN_MS,
  percentOf,
  predictMs,
  rates,
  repeatsFor,
  samplesFor,
  summarise,
} from './statistics.ts';
import type { Work } from './statistics.ts';

/** Opens a roof to time along with the cells; null if this machine has none. */
export type OpenRoof = (roof: Roof) => Promise<{ readonly session: Session; readonly work: Work } | null>;

/** A cell and the results of its rounds. */
interface Held {
  readonly name: Pick<Row, 'op' | 'shape' | 'library' | 'variant'>;
  readonly work: Work;
  readonly roof: Roof | null;
  readonly samples: number[];
  rounds: number;
  spent: number;
  /** Why it is skipped. */
  skipped: string | null;
}

/** What takes a turn: an open cell, or the roof. */
interface Runner {
  readonly held: Pick<Held, 'samples' | 'rounds' | 'spent'>;
  readonly session: Session;
  readonly repeats: number;
  readonly samplesOfRound: number;
}

/** Best rates of the roofs over the run, and the time that each library and variant took for its last shape. */
export class Measurements {
  /** GFLOP/s or GB/s by `roofName`. */
  readonly roofs = new Map<string, number>();
  /** The same during the group in which it was slowest: how much the machine was disturbed. */
  readonly slowestRoofs = new Map<string, number>();
  private readonly known = new Map<string, { work: Work; ms: number }>();
  private readonly held = new Map<string, Held>();

  /** @param roundMs how long a round of a short cell lasts; 0: one sample */
  constructor(
    private readonly openRoof: OpenRoof,
    private readonly roundMs = 0,
  ) {}

  /** All rows so far, relative to the best of each roof in this run. */
  rows(): Row[] {
    return [...this.held.values()].map((held) => this.rowOf(held));
  }

  /** Opens, checks and times a group. Rows are in the order of its cells. */
  async measure(group: Group, rounds = MAX_ROUNDS): Promise<Row[]> {
    for (const cell of group.cells) this.held.delete(rowKey(group, cell));
    return this.sit(group, rounds);
  }

  /**
   * Gives the cells of a measured group more rounds, up to a total; null if all have had theirs.
   */
  async measureAgain(group: Group, rounds = MAX_ROUNDS): Promise<Row[] | null> {
    const isDone = (cell: Cell): boolean => {
      const held = this.held.get(rowKey(group, cell));
      return !held || hadEnough(held, rounds);
    };
    return group.cells.every(isDone) ? null : this.sit(group, rounds);
  }

  private async sit(group: Group, rounds: number): Promise<Row[]> {
    const runners: Runner[] = [];
    const roof = group.roof && (await this.openRoof(group.roof));
    const roofHeld = { samples: [], rounds: 0, spent: 0 };
    try {
      if (roof) runners.push(await calibrated(roof.session, roofHeld, this.roundMs));
      for (const cell of group.cells) {
        const runner = await this.open(group, cell, rounds);
        if (runner) runners.push(runner);
      }
      await takeTurns(runners, rounds);
    } finally {
      for (const { session } of runners) session.close();
    }
    if (roof) this.raise(group.roof!, roof.work, roofHeld.samples);
    return group.cells.map((cell) => {
      const held = this.held.get(rowKey(group, cell))!;
      if (held.skipped === null)
        this.known.set(keyOf(group, cell), { work: held.work, ms: summarise(held.samples).bestMs });
      return this.rowOf(held);
    });
  }

  /** A cell to time, checked before its first round; null if it has had enough rounds or cannot be timed. */
  private async open(group: Group, cell: Cell, rounds: number): Promise<Runner | null> {
    const known = this.held.get(rowKey(group, cell));
    if (known && hadEnough(known, rounds)) return null;
    const { op, shape, roof } = group;
    const work = cell.work ?? group.work;
    const held: Held = known ?? {
      name: { op, shape, library: cell.library, variant: cell.variant },
      work,
      roof,
      samples: [],
      rounds: 0,
      spent: 0,
      skipped: null,
    };
    this.held.set(rowKey(group, cell), held);
    const predicted = predictMs(work, this.known.get(keyOf(group, cell)));
    if (predicted !== null && predicted > MAX_RUN_MS)
      held.skipped = `skipped: predicted ${(predicted / 1000).toFixed(1)} s a run`;
    if (held.skipped !== null) return null;
    let session: Session | null = null;
    try {
      session = await cell.open();
      const wrong = known ? null : await session.check();
      if (!wrong) return await calibrated(session, held, this.roundMs);
      held.skipped = `wrong: ${wrong}`;
    } catch (error) {
      held.skipped = `failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    }
    session?.close();
    return null;
  }

  private raise(roof: Roof, work: Work, samples: readonly number[]): void {
    const { gflops, gbps } = rates(work, summarise(samples).bestMs);
    const name = roofName(roof);
    const rate = gflops ?? gbps ?? 0;
    this.roofs.set(name, Math.max(this.roofs.get(name) ?? 0, rate));
    this.slowestRoofs.set(name, Math.min(this.slowestRoofs.get(name) ?? Infinity, rate));
  }

  private rowOf({ name, work, roof, samples, skipped }: Held): Row {
    if (skipped !== null)
      return { ...name, bestMs: null, medianMs: null, gflops: null, gbps: null, percentOfRoof: null, skipped };
    const { bestMs, medianMs } = summarise(samples);
    const { gflops, gbps } = rates(work, bestMs);
    return {
      ...name,
      bestMs,
      medianMs,
      gflops,
      gbps,
      percentOfRoof: percentOf(roof?.kind === 'copy' ? gbps : gflops, roof && this.roofs.get(roofName(roof))),
    };
  }
}

const keyOf = ({ op }: Pick<Group, 'op'>, { library, variant }: Cell): string => `${op}|${library}|${variant}`;
const rowKey = (group: Group, cell: Cell): string => `${keyOf(group, cell)}|${group.shape}`;

/** Whether a cell must not be opened again. */
const hadEnough = ({ skipped, rounds, spent }: Held, most: number): boolean =>
  skipped !== null || isEnough(rounds, spent, most);

/** One run to warm up, one to find how many make a sample. */
async function calibrated(session: Session, held: Runner['held'], roundMs: number): Promise<Runner> {
  const first = await session.time(1);
  const ms = first > 500 ? first : await session.time(1);
  return { held, session, repeats: repeatsFor(ms), samplesOfRound: samplesFor(ms, roundMs) };
}

async function takeTurns(runners: readonly Runner[], rounds: number): Promise<void> {
  for (let busy = true; busy; ) {
    busy = false;
    for (const { held, session, repeats, samplesOfRound } of runners) {
      if (isEnough(held.rounds, held.spent, rounds)) continue;
      busy = true;
      for (let i = 0; i < samplesOfRound; i++) {
        const ms = await session.time(repeats);
        held.samples.push(ms / repeats);
        held.spent += ms;
      }
      held.rounds++;
    }
  }
}
