/**
 * @file Measured choices among variants: the first time a family meets sizes of a new bucket, the static table chooses and the question is queued; `settle` times the
 * candidates on buffers of their own and remembers the fastest. A record of choices is plain data, so that a run can be repeated with the same kernels.
 */
import { ConfigError } from '../errors.ts';
import type { Gpu } from '../gpu.ts';
import type { KernelSource, Tuning } from './kernel.ts';
import type { Block } from '../memory/memory.ts';
import type { Binding, Grid } from '../stream/stream.ts';
import { Timing } from '../stream/timing.ts';
import { VERSION } from '../../version.ts';
import type { Family, Variant } from './variant.ts';

/** Where choices are kept between processes: a file in the user's cache, a database in a browser. */
export interface TuningStore {
  load(key: string): Promise<string | null>;
  save(key: string, record: string): Promise<void>;
}

/** What was chosen on which device, by which version of the engine: another one may have other kernels under the same names. */
export interface TuningRecord {
  readonly engine: string;
  readonly adapter: string;
  /** Variant by family and bucket of sizes. */
  readonly choices: Readonly<Record<string, string>>;
}

/** One dispatch of a candidate. */
export interface Candidate { readonly kernel: KernelSource; readonly entry: string; readonly buffers: Readonly<Record<string, Binding>>; readonly params?: Readonly<Record<string, number>>; readonly grid: Grid; readonly tuning?: Tuning }

interface Question { readonly key: string; readonly candidates: readonly (readonly [name: string, candidate: Candidate])[] }

const MAX_CANDIDATES = 4;
const SAMPLES = 5;
/** One that takes so many times as long at first is not timed again. */
const HOPELESS = 3;

/** Sizes are one bucket between two powers of two; words and switches count as they are. */
function bucketOf(plan: object): string {
  const part = ([name, value]: [string, unknown]): string[] => {
    if (typeof value === 'number') return [`${name}${value > 0 ? Math.ceil(Math.log2(value)) : value}`];
    return typeof value === 'string' || typeof value === 'boolean' ? [`${name}=${value}`] : [];
  };
  return Object.entries(plan).flatMap(part).join(' ');
}

/** Forward and backward of a family are two questions. */
const keyOf = (family: string, entry: string, plan: object): string => `${family} ${entry} | ${bucketOf(plan)}`;

export class Tuner {
  /** Names the device and its driver. */
  readonly adapter: string;
  private readonly choices = new Map<string, string>();
  private readonly questions = new Map<string, Question>();

  constructor(private readonly gpu: Gpu, private readonly store: TuningStore | null) {
    const { vendor, architecture, device, description, features, subgroupSize } = gpu.adapter;
    this.adapter = [vendor, architecture, device, description, `subgroups ${subgroupSize?.min ?? 0} to ${subgroupSize?.max ?? 0}`, ...features].filter(Boolean).join(', ');
  }

  get record(): TuningRecord {
    return { engine: VERSION, adapter: this.adapter, choices: Object.fromEntries([...this.choices].sort(([a], [b]) => (a < b ? -1 : 1))) };
  }

  /** Whether something waits to be timed. */
  get isWaiting(): boolean {
    return this.questions.size > 0;
  }

  /** The variant that was measured best for an entry, where it is known and still fits. */
  chosen<Plan extends object>(family: string, entry: string, table: Family<Plan>, plan: Plan): Variant<Plan> | null {
    const name = this.choices.get(keyOf(family, entry, plan));
    const variant = name === undefined ? undefined : table[name];
    return variant && (variant.fits?.(this.gpu, plan) ?? true) ? variant : null;
  }

  /** Queues the question which variant is fastest, where it is new and there is more than one. */
  consider<Plan extends object>(family: string, entry: string, table: Family<Plan>, plan: Plan, first: Variant<Plan>, candidateOf: (variant: Variant<Plan>) => Candidate): void {
    const key = keyOf(family, entry, plan);
    if (this.choices.has(key) || this.questions.has(key)) return;
    const all = Object.entries(table).filter(([, variant]) => !variant.needsTexels && (variant === first || (variant.fits?.(this.gpu, plan) ?? true)));
    const tuned = all.filter(([name, variant]) => name !== 'naive' || variant === first);
    const fitting = tuned.length > 1 ? tuned : all;
    const ordered = [...fitting.filter(([, variant]) => variant === first), ...fitting.filter(([, variant]) => variant !== first)].slice(0, MAX_CANDIDATES);
    if (ordered.length < 2) return;
    this.questions.set(key, { key, candidates: ordered.map(([name, variant]) => [name, candidateOf(variant)]) });
  }

  /** Reads what an earlier process found out. A record of another device or engine, or one that does not read, is passed over. */
  async open(): Promise<void> {
    const text = await this.store?.load(this.adapter);
    if (!text) return;
    try {
      const record = JSON.parse(text) as TuningRecord;
      if (record.engine === VERSION && record.adapter === this.adapter) this.take(record);
    } catch {
      // a broken cache costs a measurement, not a run
    }
  }

  /** Takes the choices of a record, as a resumed run does with its own. @throws ConfigError where it is of another device or engine */
  load(record: TuningRecord): void {
    if (record.adapter !== this.adapter) throw new ConfigError(`tuning: the record is of '${record.adapter}' and this is '${this.adapter}'; leave it out, or go on with the run where it began.`);
    if (record.engine !== VERSION) throw new ConfigError(`tuning: the record is of engine ${record.engine ?? 'before 0.1.0'} and this is ${VERSION}; leave it out, or go on with the run under that version.`);
    this.choices.clear();
    this.take(record);
  }

  private take({ choices }: TuningRecord): void {
    for (const [key, name] of Object.entries(choices)) this.choices.set(key, name);
    this.gpu.replacements.revision++;
  }

  /** Times what waits. Captured steps are recorded anew where a choice changed. Not while a step is being recorded. */
  async settle(): Promise<void> {
    if (this.questions.size === 0) return;
    const waiting = [...this.questions.values()];
    this.questions.clear();
    for (const { key, candidates } of waiting) {
      const best = await this.fastest(candidates);
      this.choices.set(key, best);
      if (best !== candidates[0]![0]) this.gpu.replacements.revision++;
    }
    await this.store?.save(this.adapter, JSON.stringify(this.record));
  }

  private async fastest(candidates: Question['candidates']): Promise<string> {
    const { gpu } = this;
    let best = { name: candidates[0]![0], ms: Infinity };
    for (const [name, candidate] of candidates) {
      const blocks: Block[] = [];
      const buffers = Object.fromEntries(Object.entries(candidate.buffers).map(([binding, { bytes }]): [string, Binding] => {
        const block = gpu.memory.acquire(bytes);
        gpu.stream.clear({ block, offset: 0, bytes: block.bytes }, block.bytes);
        blocks.push(block);
        return [binding, { block, offset: 0, bytes: Math.min(bytes, block.bytes) }];
      }));
      const run = (): void => gpu.dispatch(candidate.kernel, candidate.entry, { ...candidate, buffers });
      await this.time(run); // compiles
      const samples = [await this.time(run)];
      while (samples.length < SAMPLES && samples[0]! < HOPELESS * best.ms) samples.push(await this.time(run));
      const ms = samples.sort((a, b) => a - b)[samples.length >> 1]!;
      if (ms < best.ms) best = { name, ms };
      for (const block of blocks) gpu.memory.release(block);
    }
    return best.name;
  }

  /** Milliseconds of one dispatch: by timestamps where the device has them, else until the device has done it. */
  private async time(run: () => void): Promise<number> {
    const { gpu } = this;
    const hasTimestamps = gpu.device.features.has('timestamp-query') && !gpu.stream.timing;
    await gpu.synchronize();
    const timing = hasTimestamps ? (gpu.stream.timing = new Timing(gpu.device)) : null;
    const began = performance.now();
    try {
      run();
      gpu.stream.flush();
    } finally {
      if (timing) gpu.stream.timing = null;
    }
    await gpu.synchronize();
    const wall = performance.now() - began;
    if (!timing) return wall;
    const [timed] = await timing.read();
    return timed && timed.endNs > timed.startNs ? (timed.endNs - timed.startNs) / 1e6 : wall;
  }
}
