/**
 * @file Measured choices among variants: the first time a family meets a new bucket of sizes, the static table decides
 * and a measurement is queued; `measure` times the candidates on buffers of their own and remembers the fastest. A
 * record of choices is plain data, so that a run can be repeated with the same kernels.
 */
import { ConfigError } from '../errors.ts';
import { VERSION } from '../../version.ts';
import type { Binding } from '../memory/block.ts';
import type { Memory } from '../memory/memory.ts';
import { bucketOf } from './bucket.ts';
import type { Replacements } from './replacements.ts';
import type { KernelDevice, Variant } from './variant.ts';

/** Where choices are kept between processes: a file in the user's cache, a database in a browser. */
export interface TuningStore {
  load(key: string): Promise<string | null>;
  save(key: string, record: string): Promise<void>;
}

/**
 * What was chosen on which device, by which version of the engine, since another may have other kernels under the same
 * names.
 */
export interface TuningRecord {
  readonly engine: string;
  readonly adapter: string;
  /** Variant by family and bucket of sizes. */
  readonly choices: Readonly<Record<string, string>>;
}

type Buffers = Readonly<Record<string, Binding>>;

/** Where candidates are timed. */
export interface TuningDevice extends KernelDevice {
  readonly kernels: KernelDevice['kernels'] & { readonly replacements: Replacements };
  readonly memory: Memory;
  readonly stream: { clear(to: Binding, bytes: number): void };
  scope(work: () => void): void;
}

/** Records the work of a candidate over buffers of the same sizes as those that it was asked for. */
interface Candidate {
  readonly name: string;
  readonly record: (buffers: Buffers) => void;
}

interface Question {
  readonly key: string;
  readonly bytes: ReadonlyMap<string, number>;
  readonly candidates: readonly Candidate[];
}

/** What a measurement found. */
export interface Measured {
  /** Family, entry and bucket of sizes. */
  readonly key: string;
  /** Milliseconds by variant, that of the static table first; of one that was hopeless, by a single run. */
  readonly ms: Readonly<Record<string, number>>;
}

const MAX_CANDIDATES = 4;
const SAMPLES = 5;
/** A candidate this many times slower in its first run is not timed again. */
const HOPELESS = 3;

/** Forward and backward of a family are measured separately. */
const keyOf = (gpu: TuningDevice, family: string, entry: string, plan: object): string =>
  `${family} ${entry} | ${bucketOf(gpu, plan)}`;

export class Tuner {
  /** Names the device and its driver. */
  readonly adapter: string;
  private readonly choices = new Map<string, string>();
  private readonly questions = new Map<string, Question>();

  /** @param time milliseconds that the device takes for what is recorded */
  constructor(
    private readonly gpu: TuningDevice,
    private readonly store: TuningStore | null,
    private readonly time: (record: () => void) => Promise<number>,
  ) {
    const { vendor, architecture, device, description, features, subgroupSize } = gpu.adapter;
    this.adapter = [
      vendor,
      architecture,
      device,
      description,
      `subgroups ${subgroupSize?.min ?? 0} to ${subgroupSize?.max ?? 0}`,
      ...features,
    ]
      .filter(Boolean)
      .join(', ');
  }

  get record(): TuningRecord {
    return {
      engine: VERSION,
      adapter: this.adapter,
      choices: Object.fromEntries([...this.choices].sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  }

  /** Whether a measurement is queued. */
  get isWaiting(): boolean {
    return this.questions.size > 0;
  }

  /** The variant that was measured best for an entry, where it is known and still fits. */
  chosen<V extends Variant<Plan>, Plan extends object>(
    family: string,
    entry: string,
    table: Readonly<Record<string, V>>,
    plan: Plan,
  ): V | null {
    const name = this.choices.get(keyOf(this.gpu, family, entry, plan));
    const variant = name === undefined ? undefined : table[name];
    return variant && (variant.fits?.(this.gpu, plan) ?? true) ? variant : null;
  }

  /**
   * Queues a measurement of the fastest variant, if it is new and there is more than one.
   * @param first what runs now; nothing is queued where it is not in the table, as the user's own variants
   * @param record the whole work of a variant, copies of its operands too
   */
  consider<V extends Variant<Plan>, Plan extends object>(
    family: string,
    entry: string,
    table: Readonly<Record<string, V>>,
    plan: Plan,
    {
      first,
      buffers,
      record,
    }: { first: Variant<Plan>; buffers: Buffers; record: (variant: V, buffers: Buffers) => void },
  ): void {
    const key = keyOf(this.gpu, family, entry, plan);
    if (this.choices.has(key) || this.questions.has(key) || !Object.values<Variant<Plan>>(table).includes(first))
      return;
    const all = Object.entries(table).filter(
      ([, variant]) => variant === first || (variant.fits?.(this.gpu, plan) ?? true),
    );
    const tuned = all.filter(([name, variant]) => name !== 'naive' || variant === first);
    const fitting = tuned.length > 1 ? tuned : all;
    const ordered = [
      ...fitting.filter(([, variant]) => variant === first),
      ...fitting.filter(([, variant]) => variant !== first),
    ].slice(0, MAX_CANDIDATES);
    if (ordered.length < 2) return;
    const bytes = new Map(Object.entries(buffers).map(([name, binding]) => [name, binding.bytes]));
    this.questions.set(key, {
      key,
      bytes,
      candidates: ordered.map(([name, variant]) => ({ name, record: (own) => record(variant, own) })),
    });
  }

  /**
   * Reads the choices of an earlier process. A record of another device or engine, or an unreadable one, is ignored.
   */
  async open(): Promise<void> {
    const text = await this.store?.load(this.adapter);
    if (!text) return;
    try {
      const record = JSON.parse(text) as TuningRecord;
      if (record.engine === VERSION && record.adapter === this.adapter) this.take(record);
    } catch {
      // a broken cache must cost only a measurement
    }
  }

  /**
   * Takes the choices of a record, as a resumed run does with its own.
   * @throws ConfigError where it is of another device or engine
   */
  load(record: TuningRecord): void {
    if (record.adapter !== this.adapter)
      throw new ConfigError(
        `tuning: the record was made on '${record.adapter}' and this is '${this.adapter}'; delete the record, or resume the run on that device.`,
      );
    if (record.engine !== VERSION)
      throw new ConfigError(
        `tuning: the record was made by engine ${record.engine ?? 'before 0.1.0'} and this is ${VERSION}; delete the record, or resume the run with that version.`,
      );
    this.choices.clear();
    this.take(record);
  }

  private take({ choices }: TuningRecord): void {
    for (const [key, name] of Object.entries(choices)) this.choices.set(key, name);
    this.gpu.kernels.replacements.revision++;
  }

  /**
   * Times the queued candidates. Captured steps are recorded again where a choice changed. Must not be called while a
   * step is being recorded.
   * @returns the times, for a report
   */
  async measure(): Promise<readonly Measured[]> {
    if (this.questions.size === 0) return [];
    const waiting = [...this.questions.values()];
    this.questions.clear();
    const found: Measured[] = [];
    for (const question of waiting) {
      const ms = await this.timesOf(question);
      const best = Object.keys(ms).reduce((a, b) => (ms[b]! < ms[a]! ? b : a));
      found.push({ key: question.key, ms });
      this.choices.set(question.key, best);
      if (best !== question.candidates[0]!.name) this.gpu.kernels.replacements.revision++;
    }
    await this.store?.save(this.adapter, JSON.stringify(this.record));
    return found;
  }

  private async timesOf({ bytes, candidates }: Question): Promise<Record<string, number>> {
    const { gpu } = this;
    const ms: Record<string, number> = {};
    let best = Infinity;
    for (const { name, record } of candidates) {
      const buffers: Record<string, Binding> = {};
      for (const [binding, size] of bytes) {
        const block = gpu.memory.acquire(size);
        gpu.stream.clear({ block, offset: 0, bytes: block.bytes }, block.bytes);
        buffers[binding] = { block, offset: 0, bytes: Math.min(size, block.bytes) };
      }
      const time = (): Promise<number> => this.time(() => gpu.scope(() => record(buffers)));
      await time(); // compiles
      const samples = [await time()];
      while (samples.length < SAMPLES && samples[0]! < HOPELESS * best) samples.push(await time());
      ms[name] = samples.sort((a, b) => a - b)[samples.length >> 1]!;
      best = Math.min(best, ms[name]);
      for (const { block } of Object.values(buffers)) gpu.memory.release(block);
    }
    return ms;
  }
}
