/**
 * @file SentencePiece's `tokenizer.model`, as far as LLaMA's need it: byte-pair encoding with byte fallback, text taken
 * as it is. Source: https://github.com/google/sentencepiece, sentencepiece_model.proto and bpe_model.cc.
 */
import { DataError } from '@curio/engine';
import { type Fail, fieldsOf } from './protobuf.ts';

/** SentencePiece's visible space. */
export const SPACE = '▁';

/** Kinds of pieces, by the numbers of the file. */
export const NORMAL = 1;
export const UNKNOWN = 2;
export const CONTROL = 3;
export const USER_DEFINED = 4;
export const UNUSED = 5;
export const BYTE = 6;

export interface Piece {
  readonly text: string;
  readonly score: number;
  readonly kind: number;
}

/** Pieces of a file that is LLaMA-shaped; the largest known has 256,000. */
const MOST_PIECES = 1_000_000;
/** Bytes of a piece; SentencePiece's own limit is 16 characters, a space run of LLaMA's has 15. */
const LONGEST_PIECE = 1024;

/** A vocabulary out of a `tokenizer.model`. */
export class SentencePiece {
  /** Tells it from what a tokenizer.json holds, without the class: a page that reads JSON alone does not load it. */
  readonly kind = 'sentence-piece';
  readonly size: number;
  readonly unknown: number;
  /** By id. */
  readonly pieces: readonly Piece[];
  /** Pieces that text can produce, and those it cannot: `<s>`, `<unk>`, `<0x0A>`. */
  readonly #ids = new Map<string, number>();
  readonly #reserved = new Map<string, number>();
  readonly #bytes: readonly number[];
  /** User-defined words by their first character, long ones first. */
  readonly #words = new Map<string, string[]>();

  private constructor(pieces: readonly Piece[], byteFallback: boolean, fail: Fail) {
    this.pieces = pieces;
    this.size = pieces.length;
    const unknown: number[] = [];
    const bytes = new Map<number, number>();
    for (const [id, { text, kind }] of pieces.entries()) {
      const map = kind === NORMAL || kind === USER_DEFINED || kind === UNUSED ? this.#ids : this.#reserved;
      if (this.#ids.has(text) || this.#reserved.has(text))
        fail(`pieces ${this.#ids.get(text) ?? this.#reserved.get(text)} and ${id} are the same; they must differ.`);
      map.set(text, id);
      if (kind === UNKNOWN) unknown.push(id);
      if (kind === BYTE) {
        const byte = /^<0x([0-9A-F]{2})>$/.exec(text)?.[1] ?? fail(`piece ${id} is a byte and not written <0x0A>.`);
        bytes.set(Number.parseInt(byte, 16), id);
      }
    }
    if (unknown.length !== 1) fail(`it has ${unknown.length} pieces for what is unknown; it must have 1.`);
    this.unknown = unknown[0];
    if (byteFallback && bytes.size !== 256) fail(`it has ${bytes.size} pieces for bytes; byte fallback needs 256.`);
    this.#bytes = byteFallback ? Array.from({ length: 256 }, (_, byte) => bytes.get(byte)!) : [];
    const words = pieces.filter(({ kind }) => kind === USER_DEFINED).map(({ text }) => text);
    for (const word of words.sort((a, b) => b.length - a.length)) {
      const others = this.#words.get(word[0]);
      if (others) others.push(word);
      else this.#words.set(word[0], [word]);
    }
  }

  /**
   * Reads a file.
   * @throws DataError if it is damaged, or is not a BPE model without text normalisation
   */
  static read(file: Uint8Array, name = 'tokenizer.model'): SentencePiece {
    const fail: Fail = (what) => {
      throw new DataError(`${name}: ${what}`);
    };
    const pieces: Piece[] = [];
    let trainer: Uint8Array | undefined;
    let normalizer: Uint8Array | undefined;
    for (const [number, value] of fieldsOf(file, fail)) {
      if (number < 1 || number > 3) continue;
      if (!(value instanceof Uint8Array)) return fail(`field ${number} is a number; it must be a message.`);
      if (number === 1) {
        if (pieces.length === MOST_PIECES) fail(`it has more than ${MOST_PIECES} pieces.`);
        pieces.push(readPiece(value, pieces.length, fail));
      } else if (number === 2) trainer = value;
      else normalizer = value;
    }
    if (pieces.length === 0 || !trainer || !normalizer)
      return fail('it lacks pieces, a trainer or a normalizer; it is no SentencePiece model.');
    const byteFallback = checkTrainer(trainer, fail);
    checkNormalizer(normalizer, fail);
    return new SentencePiece(pieces, byteFallback, fail);
  }

  /** The piece of an id; undefined beyond the vocabulary. */
  piece(id: number): string | undefined {
    return this.pieces[id]?.text;
  }

  /** The id of a piece, including reserved ones; undefined if there is none. */
  id(piece: string): number | undefined {
    return this.#reserved.get(piece) ?? this.#ids.get(piece);
  }

  /**
   * Ids of a text, spaces as `▁`, without a dummy prefix: the adjacent pair whose piece has the best score is merged,
   * the leftmost among equals, until no pair is a piece; anything that is not a piece then becomes its bytes.
   */
  encode(text: string): number[] {
    const symbols = this.#cut(text.replaceAll(' ', SPACE));
    const ids: number[] = [];
    for (const symbol of this.#merge(symbols)) {
      const id = this.id(symbol) ?? this.unknown;
      if (id !== this.unknown) ids.push(id);
      else if (this.#bytes.length > 0) for (const byte of ENCODER.encode(symbol)) ids.push(this.#bytes[byte]);
      // Adjacent unknown pieces become one.
      else if (ids.at(-1) !== this.unknown) ids.push(this.unknown);
    }
    return ids;
  }

  /**
   * Text of ids, `▁` as spaces but for the one that begins it; bytes that are not UTF-8 become U+FFFD each, control
   * pieces nothing.
   */
  decode(ids: readonly number[]): string {
    let text = '';
    let begun = false;
    let run: number[] = [];
    for (const id of ids) {
      const piece = this.pieces[id];
      if (piece?.kind === BYTE) {
        run.push(Number.parseInt(piece.text.slice(3, 5), 16));
        begun = true;
        continue;
      }
      text += decodeBytes(run);
      run = [];
      if (piece === undefined || piece.kind === CONTROL) continue;
      const bare = !begun && piece.text.startsWith(SPACE) ? piece.text.slice(1) : piece.text;
      begun = true;
      text += piece.kind === UNKNOWN ? ' ⁇ ' : bare.replaceAll(SPACE, ' ');
    }
    return text + decodeBytes(run);
  }

  /** Characters, and the words that the user defined, which stay whole. */
  #cut(text: string): Chain {
    const texts: string[] = [];
    const frozen: boolean[] = [];
    for (let at = 0; at < text.length; ) {
      const word = this.#words.get(text[at])?.find((each) => text.startsWith(each, at));
      const symbol = word ?? String.fromCodePoint(text.codePointAt(at)!);
      texts.push(symbol);
      frozen.push(word !== undefined);
      at += symbol.length;
    }
    return { texts, frozen };
  }

  #merge({ texts, frozen }: Chain): string[] {
    const next = texts.map((_, i) => (i + 1 < texts.length ? i + 1 : -1));
    const before = texts.map((_, i) => i - 1);
    const agenda = new Agenda();
    const halves = new Map<string, readonly [string, string]>();
    const consider = (left: number, right: number): void => {
      if (left < 0 || right < 0 || frozen[left] || frozen[right]) return;
      const piece = texts[left] + texts[right];
      const id = this.#ids.get(piece);
      if (id === undefined) return;
      const { score, kind } = this.pieces[id];
      agenda.push({ left, right, score, length: piece.length });
      // An unused piece is only an intermediate step, and is split again at the end.
      if (kind === UNUSED) halves.set(piece, [texts[left], texts[right]]);
    };
    for (let i = 1; i < texts.length; i++) consider(i - 1, i);
    for (let pair = agenda.pop(); pair; pair = agenda.pop()) {
      const { left, right, length } = pair;
      // One of the two has been merged with another meanwhile.
      if (texts[left] === '' || texts[right] === '' || texts[left].length + texts[right].length !== length) continue;
      texts[left] += texts[right];
      texts[right] = '';
      next[left] = next[right];
      if (next[right] >= 0) before[next[right]] = left;
      consider(before[left], left);
      consider(left, next[left]);
    }
    const out: string[] = [];
    const apart = (symbol: string): void => {
      const id = this.#ids.get(symbol);
      const pair = id !== undefined && this.pieces[id].kind === UNUSED ? halves.get(symbol) : undefined;
      if (pair) pair.forEach(apart);
      else out.push(symbol);
    };
    for (const symbol of texts) if (symbol !== '') apart(symbol);
    return out;
  }
}

interface Chain {
  readonly texts: string[];
  readonly frozen: readonly boolean[];
}
interface Pair {
  readonly left: number;
  readonly right: number;
  readonly score: number;
  readonly length: number;
}

/** Pairs by score, the leftmost of equals first: a binary heap. */
class Agenda {
  readonly #heap: Pair[] = [];

  push(pair: Pair): void {
    const heap = this.#heap;
    let at = heap.push(pair) - 1;
    for (let up = (at - 1) >> 1; at > 0 && goesFirst(pair, heap[up]); up = (at - 1) >> 1) {
      heap[at] = heap[up];
      at = up;
    }
    heap[at] = pair;
  }

  pop(): Pair | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (!last || heap.length === 0) return first;
    let at = 0;
    for (let down = 1; down < heap.length; down = 2 * at + 1) {
      if (down + 1 < heap.length && goesFirst(heap[down + 1], heap[down])) down++;
      if (!goesFirst(heap[down], last)) break;
      heap[at] = heap[down];
      at = down;
    }
    heap[at] = last;
    return first;
  }
}

const goesFirst = (a: Pair, b: Pair): boolean => a.score > b.score || (a.score === b.score && a.left < b.left);

const ENCODER = new TextEncoder();
const STRICT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** UTF-8 as SentencePiece reads it: each invalid byte becomes one U+FFFD. */
function decodeBytes(bytes: readonly number[]): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] < 0x80 ? 1 : bytes[at] < 0xe0 ? 2 : bytes[at] < 0xf0 ? 3 : 4;
    try {
      text += STRICT.decode(Uint8Array.from(bytes.slice(at, at + length)));
      at += length;
    } catch {
      text += '\ufffd';
      at++;
    }
  }
  return text;
}

function readPiece(message: Uint8Array, index: number, fail: Fail): Piece {
  let text: string | undefined;
  let [score, kind] = [0, NORMAL];
  for (const [number, value] of fieldsOf(message, fail)) {
    if (number === 1 && value instanceof Uint8Array) {
      if (value.length > LONGEST_PIECE)
        fail(`piece ${index} has ${value.length} bytes; at most ${LONGEST_PIECE} are read.`);
      try {
        text = STRICT.decode(value);
      } catch {
        fail(`piece ${index} is not UTF-8; it is damaged.`);
      }
    } else if (number === 2 && typeof value === 'number') score = value;
    else if (number === 3 && typeof value === 'number') kind = value;
    else if (number <= 3) fail(`field ${number} of piece ${index} is of another type; it is damaged.`);
  }
  if (!text) return fail(`piece ${index} is empty; it is damaged.`);
  if (!Number.isFinite(score)) fail(`piece ${index} has a score that is not a finite number; it is damaged.`);
  if (kind < NORMAL || kind > BYTE) fail(`piece ${index} is of kind ${kind}; 1 to 6 are known.`);
  return { text, score, kind };
}

const MODEL_TYPES = ['none', 'unigram', 'BPE', 'word', 'character'];

/** Whether it falls back to bytes. */
function checkTrainer(message: Uint8Array, fail: Fail): boolean {
  let type = 1;
  let byteFallback = false;
  for (const [number, value] of fieldsOf(message, fail)) {
    if (number === 3) type = Number(value);
    if (number === 24 && value) fail('it writes spaces behind words; LLaMA writes them before.');
    if (number === 35) byteFallback = value === 1;
  }
  if (type !== 2) fail(`it is a ${MODEL_TYPES[type] ?? 'strange'} model; only BPE, as LLaMA's is, can be read.`);
  return byteFallback;
}

function checkNormalizer(message: Uint8Array, fail: Fail): void {
  let collapses = true;
  for (const [number, value] of fieldsOf(message, fail)) {
    if (number === 2 && value instanceof Uint8Array && value.length > 0)
      fail(`it normalises text by a table of ${value.length} bytes; only models that take text as it is can be read.`);
    if (number === 3 && value === 0) fail('it puts no space before a text; LLaMA does.');
    if (number === 4) collapses = value !== 0;
    if (number === 5 && value === 0) fail('it does not write spaces as ▁; LLaMA does.');
  }
  if (collapses) fail('it collapses spaces; only models that take text as it is can be read.');
}
