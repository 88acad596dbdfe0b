/**
 * @file Opens a data-set file of any size: every entry is looked at once, and an index of them is kept; samples are
 * read from the file on demand.
 */
import type { ByteSource } from '@curio/nn';
import { modalityLength, type ImageSource, type Sample, type Samples } from '../data/dataset.ts';
import { factsOf, type SampleFacts } from '../data/trainable-sample.ts';
import type { Entries, VisitEntry } from './entries.ts';
import { jsonEntries, scanJson, type JsonPlaces } from './json-entries.ts';
import { isParquet, openParquet } from './parquet-entries.ts';
import { embeddedAt, embeddedBytes, FAULTS, isFault, NOTES, readEntry } from './read-entry.ts';
import type { EntryFault, Fault, Note } from './read-entry.ts';
import { readIndex, writeIndex, type IndexStore, type SampleIndex } from './sample-index.ts';

export interface OpenSamplesOptions {
  /** Where pictures are looked for; left out, they are taken to be there. */
  readonly images?: Pick<ImageSource, 'name' | 'has'>;
  /** Where the index is stored; without it, the file is scanned each time. */
  readonly index?: IndexStore;
  /** Called during a scan with the bytes (for Parquet, rows) done and the total. */
  readonly progress?: (done: number, total: number) => void;
}

/**
 * Opens a JSON array, JSON Lines or Parquet, distinguished by their first bytes.
 * @param file how errors call it
 * @throws DataError for a broken file, with line and entry; `fault` describes entries that cannot be used
 */
export async function openSamples(
  file: string,
  source: ByteSource,
  { images, index: store, progress }: OpenSamplesOptions = {},
): Promise<EntrySamples> {
  const parquet = (await isParquet(source)) ? await openParquet(file, source) : null;
  const kept = await store?.load();
  const known = kept && readIndex(kept, store!.stamp);
  if (known) {
    const samples = new EntrySamples(parquet ?? jsonEntries(file, source, known.places!), known, images);
    await samples.lookAgain();
    return samples;
  }
  const draft = new IndexDraft(images);
  const visit: VisitEntry = (value, entry) => draft.add(value, entry);
  const places = parquet
    ? (await parquet.scan(visit, progress), null)
    : await scanJson(file, source, visit, { progress: (done) => progress?.(done, source.size) });
  const index = draft.finish(places);
  await store?.save(writeIndex(index, store.stamp));
  return new EntrySamples(parquet ?? jsonEntries(file, source, places!), index, images);
}

const NOT_FOUND = 1 + FAULTS.indexOf('picture not found');

/** The entries of a file that can be used, as samples; and what is wrong with the others. */
export class EntrySamples implements Samples {
  private good: Uint32Array;
  lengths: Int32Array;

  constructor(
    private readonly entries: Entries,
    private readonly index: SampleIndex,
    private readonly images?: Pick<ImageSource, 'name' | 'has'>,
  ) {
    [this.good, this.lengths] = this.choose();
  }

  get file(): string {
    return this.entries.file;
  }

  /** Entries of the file, those among them that cannot be used too. */
  get entryCount(): number {
    return this.entries.count;
  }

  get length(): number {
    return this.good.length;
  }

  async read(index: number): Promise<Sample> {
    return this.sampleOf(this.good[index]!);
  }

  /** The place in the file of a sample. */
  entryOf(index: number): number {
    return this.good[index]!;
  }

  /** What the index knows of a sample, without reading it. */
  facts(index: number): SampleFacts {
    const entry = this.good[index]!;
    return { questionBytes: this.index.questions[entry]!, isCaption: this.index.captions[entry] === 1 };
  }

  /** The entry as it is in the file. */
  value(entry: number): Promise<unknown> {
    return this.entries.read(entry);
  }

  /** Entries that cannot be used, by what is wrong. */
  faultCounts(): Map<Fault, number> {
    const counts = new Map<Fault, number>();
    for (const fault of this.index.faults)
      if (fault > 0) counts.set(FAULTS[fault - 1]!, 1 + (counts.get(FAULTS[fault - 1]!) ?? 0));
    return counts;
  }

  /** Entries that are unusual, by how. */
  noteCounts(): Map<Note, number> {
    return new Map(NOTES.map((note, i) => [note, this.index.notes[i]!] as const).filter(([, count]) => count > 0));
  }

  /** What is wrong with every entry that cannot be used, in the order of the file. */
  async *faults(): AsyncGenerator<EntryFault & { entry: number }> {
    for (let entry = 0; entry < this.entryCount; entry++) {
      const fault = this.index.faults[entry] ? await this.fault(entry) : null;
      if (fault) yield { ...fault, entry };
    }
  }

  /** What is wrong with an entry now; null where nothing is. */
  async fault(entry: number): Promise<EntryFault | null> {
    const read = readEntry(await this.entries.read(entry), entry);
    return isFault(read) ? read : missing(read.sample, this.images);
  }

  /** Bytes of a picture stored in the data itself; null for any other path. */
  async embedded(path: string): Promise<Uint8Array | null> {
    const at = embeddedAt(path);
    return at && (embeddedBytes(await this.entries.read(at.entry), at.k) ?? null);
  }

  /** Pictures that were not found when the index was made may be there now. */
  async lookAgain(): Promise<void> {
    const { faults } = this.index;
    let mended = false;
    for (let entry = 0; entry < faults.length; entry++)
      if (faults[entry] === NOT_FOUND && !(await this.fault(entry))) {
        faults[entry] = 0;
        mended = true;
      }
    if (mended) [this.good, this.lengths] = this.choose();
  }

  private async sampleOf(entry: number): Promise<Sample> {
    const read = readEntry(await this.entries.read(entry), entry);
    if (isFault(read)) throw new Error(`entry ${entry} was good when it was indexed`);
    return read.sample;
  }

  private choose(): [Uint32Array, Int32Array] {
    const { faults, lengths } = this.index;
    const good = Uint32Array.from(faults.keys()).filter((entry) => faults[entry] === 0);
    return [good, Int32Array.from(good, (entry) => lengths[entry]!)];
  }
}

function missing(sample: Sample, images: OpenSamplesOptions['images']): EntryFault | null | Promise<EntryFault | null> {
  for (const image of images ? sample.images : []) {
    if (embeddedAt(image)) continue;
    const found = images!.has(image);
    const reason = `image '${image}' not found under ${images!.name}`;
    const fault: EntryFault = { kind: 'picture not found', id: sample.id, reason };
    if (found === false) return fault;
    if (found !== true)
      return found.then((is) =>
        is ? missing({ ...sample, images: sample.images.slice(sample.images.indexOf(image) + 1) }, images) : fault,
      );
  }
  return null;
}

/** Collects the facts of each entry during a scan. */
class IndexDraft {
  private count = 0;
  private lengths = new Int32Array(1024);
  private questions = new Uint32Array(1024);
  private captions = new Uint8Array(1024);
  private faults = new Uint8Array(1024);
  private readonly notes = NOTES.map(() => 0);

  constructor(private readonly images: OpenSamplesOptions['images']) {}

  add(value: unknown, entry: number): void | Promise<void> {
    if (entry === this.lengths.length) this.grow();
    this.count = entry + 1;
    const read = readEntry(value, entry);
    if (isFault(read)) {
      this.faults[entry] = 1 + FAULTS.indexOf(read.kind);
      return;
    }
    const { sample, notes } = read;
    this.lengths[entry] = modalityLength(sample);
    const facts = factsOf(sample);
    this.questions[entry] = facts.questionBytes;
    this.captions[entry] = Number(facts.isCaption);
    for (const note of notes) this.notes[NOTES.indexOf(note)]!++;
    const fault = missing(sample, this.images);
    if (fault instanceof Promise) return fault.then((found) => this.mark(entry, found));
    this.mark(entry, fault);
  }

  finish(places: JsonPlaces | null): SampleIndex {
    const { count, notes } = this;
    return {
      places,
      lengths: this.lengths.slice(0, count),
      questions: this.questions.slice(0, count),
      captions: this.captions.slice(0, count),
      faults: this.faults.slice(0, count),
      notes,
    };
  }

  private mark(entry: number, fault: EntryFault | null): void {
    if (fault) this.faults[entry] = 1 + FAULTS.indexOf(fault.kind);
  }

  private grow(): void {
    const size = 2 * this.lengths.length;
    const larger = <A extends Int32Array | Uint32Array | Uint8Array>(array: A): A => {
      const out = new (array.constructor as new (size: number) => A)(size);
      out.set(array);
      return out;
    };
    this.lengths = larger(this.lengths);
    this.questions = larger(this.questions);
    this.captions = larger(this.captions);
    this.faults = larger(this.faults);
  }
}
