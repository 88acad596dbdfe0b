/**
 * @file The index of a data set, stored between runs: the place and length of every entry and whether it can be used,
 * in 22 bytes each. A file that has changed has another stamp, and is scanned again.
 */
import { FAULTS, NOTES } from './read-entry.ts';
import type { JsonPlaces } from './json-entries.ts';

/** Where an index is kept, for a file and a stamp of its state. */
export interface IndexStore {
  /** Changes with the file: size, time, some of its bytes. */
  readonly stamp: string;
  /** Null if none is stored. */
  load(): Promise<Uint8Array | null>;
  save(bytes: Uint8Array): Promise<void>;
}

export interface SampleIndex {
  /** Null if the file's own format gives places. */
  readonly places: JsonPlaces | null;
  /** `modalityLength` of each entry. */
  readonly lengths: Int32Array;
  /** UTF-8 bytes of each entry's first question. */
  readonly questions: Uint32Array;
  /** 1 if a sample is an image and its caption, as in `SampleFacts`. */
  readonly captions: Uint8Array;
  /** 0, or 1 + the place in FAULTS. */
  readonly faults: Uint8Array;
  /** How many entries each of NOTES holds for. */
  readonly notes: readonly number[];
}

/** Changes where an entry would be read otherwise than before. */
const VERSION = 1;

interface Head {
  readonly version: number;
  readonly stamp: string;
  readonly count: number;
  readonly hasPlaces: boolean;
  readonly notes: readonly number[];
  /** Of everything behind the head. */
  readonly sum: number;
}

export function writeIndex(index: SampleIndex, stamp: string): Uint8Array {
  const { places, lengths, questions, captions, faults, notes } = index;
  const arrays = [...(places ? [places.offsets, places.sizes] : []), lengths, questions, captions, faults];
  const body = new Uint8Array(arrays.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    body.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  const head: Head = {
    version: VERSION,
    stamp,
    count: faults.length,
    hasPlaces: places !== null,
    notes,
    sum: sumOf(body),
  };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = new Uint8Array(4 + text.length + body.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  bytes.set(body, 4 + text.length);
  return bytes;
}

/** The index written for a stamp, or null if it is for another one or damaged. */
export function readIndex(bytes: Uint8Array, stamp: string): SampleIndex | null {
  if (bytes.length < 4) return null;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  let head: Head;
  try {
    head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))) as Head;
  } catch {
    return null;
  }
  if (head?.version !== VERSION || head.stamp !== stamp || head.notes?.length !== NOTES.length) return null;
  const { count, hasPlaces } = head;
  const body = new Uint8Array(bytes.subarray(4 + length)); // a copy, also of Node's Buffer
  if (body.length !== count * (hasPlaces ? 22 : 10) || sumOf(body) !== head.sum) return null;
  let at = 0;
  const take = (size: number): ArrayBuffer => body.buffer.slice(at, (at += size * count));
  const places = hasPlaces ? { offsets: new Float64Array(take(8)), sizes: new Uint32Array(take(4)) } : null;
  const [lengths, questions] = [new Int32Array(take(4)), new Uint32Array(take(4))];
  const [captions, faults] = [new Uint8Array(take(1)), new Uint8Array(take(1))];
  return faults.some((fault) => fault > FAULTS.length)
    ? null
    : { places, lengths, questions, captions, faults, notes: head.notes };
}

/** Adler-32, against files that were cut or overwritten. */
function sumOf(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 3800);
    for (; at < end; at++) b += a += bytes[at]!;
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}
