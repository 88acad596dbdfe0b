/**
 * @file A pickle interpreter, protocols 2 to 5, as far as dictionaries of tensors need one. It accepts only names that
 * the caller allows, so no code in a file is ever run. Its work is bounded by the file's size: each opcode takes at
 * least a byte, none traverses the objects it holds, and objects, stack and memo have budgets.
 * Source: the opcodes' descriptions in CPython's pickletools.
 */
import { shownText } from './shown.ts';

/** A dictionary from a pickle; its keys may be anything, and repeated keys keep their order. */
export class PickledDict {
  readonly items: [key: unknown, value: unknown][] = [];
}

/** What a GLOBAL may name: a class that is only referred to, or a function that REDUCE calls. */
export class PickledGlobal {
  constructor(
    readonly name: string,
    readonly call: ((args: readonly unknown[]) => unknown) | null = null,
  ) {}
}

export interface PickleRules {
  /** What `module.name` stands for; undefined where it is not allowed. */
  global(module: string, name: string): PickledGlobal | undefined;
  /** What a persistent id stands for. */
  persistent(id: unknown): unknown;
  fail(what: string): never;
}

/** Dictionaries of 30,000 tensors fit; a stack holds one batch of them (2,000 values) and what contains it. */
const MOST_BYTES = 8_000_000;
/** An object takes six bytes at least in what torch.save writes. */
const mostObjects = (bytes: number): number => Math.min(250_000, 1000 + Math.floor(bytes / 3));
const MOST_STACKED = 10_000;

const MARK = Symbol('mark');
const EMPTY: readonly unknown[] = [];

/**
 * The value that a pickle holds: null, booleans, numbers, strings, tuples as arrays, dictionaries as
 * PickledDict, and what the rules give.
 * @throws what `rules.fail` throws, in one sentence, for a truncated or damaged pickle and for whatever tensors do not
 * need
 */
export function unpickle(bytes: Uint8Array, rules: PickleRules): unknown {
  if (bytes.length > MOST_BYTES)
    rules.fail(`its pickle has ${bytes.length} bytes; at most ${MOST_BYTES} are read, enough for 30,000 tensors.`);
  return new Machine(bytes, rules).run();
}

class Machine {
  private readonly view: DataView;
  private readonly stack: unknown[] = [];
  private readonly memo = new Map<number, unknown>();
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  private at = 0;
  private made = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly rules: PickleRules,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  run(): unknown {
    for (;;) {
      const code = this.bytes[this.take(1)];
      if (code === 0x2e) break; // STOP
      const step = STEPS[code];
      if (!step)
        return this.rules.fail(
          `its pickle uses the opcode 0x${code.toString(16).padStart(2, '0')}, which dictionaries of tensors do not need.`,
        );
      step(this);
      if (this.stack.length > MOST_STACKED)
        this.rules.fail(`its pickle stacks more than ${MOST_STACKED} values; no dictionary of tensors needs as many.`);
    }
    const value = this.pop();
    if (this.stack.length > 0) this.damaged(`it ends with ${this.stack.length} values left over`);
    return value;
  }

  damaged(how: string): never {
    return this.rules.fail(`its pickle is damaged: ${how}.`);
  }

  /** Where the next `length` bytes begin; moves past them. */
  take(length: number): number {
    const from = this.at;
    if (from + length > this.bytes.length) this.rules.fail('its pickle is truncated.');
    this.at += length;
    return from;
  }

  u8 = (): number => this.bytes[this.take(1)];
  u16 = (): number => this.view.getUint16(this.take(2), true);
  u32 = (): number => this.view.getUint32(this.take(4), true);
  u64 = (): number => Number(this.view.getBigUint64(this.take(8), true));
  i32 = (): number => this.view.getInt32(this.take(4), true);
  f64 = (): number => this.view.getFloat64(this.take(8), false);

  text(length: number): string {
    const from = this.take(length);
    try {
      return this.decoder.decode(this.bytes.subarray(from, from + length));
    } catch {
      return this.damaged(`the text at byte ${from} is not UTF-8`);
    }
  }

  line(): string {
    const end = this.bytes.indexOf(10, this.at);
    const text = this.text((end < 0 ? this.bytes.length : end) - this.at);
    this.take(1);
    return text;
  }

  /** Little-endian two's complement. */
  long(length: number): number {
    const from = this.take(length);
    if (length > 8) return this.damaged(`an integer of ${length} bytes; sizes take at most 8`);
    let value = 0n;
    for (let i = 0; i < length; i++) value |= BigInt(this.bytes[from + i]) << BigInt(8 * i);
    return Number(BigInt.asIntN(8 * length, value));
  }

  push(value: unknown): void {
    this.stack.push(value);
  }

  private count(): void {
    const most = mostObjects(this.bytes.length);
    if (++this.made > most)
      this.rules.fail(
        `its pickle of ${this.bytes.length} bytes creates more than ${most} objects; no dictionary of tensors needs as many.`,
      );
  }

  /** Pushes a value that takes memory of its own. */
  make(value: unknown): void {
    this.count();
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length === 0 || this.stack.at(-1) === MARK) this.damaged('a value is missing');
    return this.stack.pop();
  }

  top(): unknown {
    if (this.stack.length === 0 || this.stack.at(-1) === MARK) this.damaged('a value is missing');
    return this.stack.at(-1);
  }

  mark(): void {
    this.stack.push(MARK);
  }

  toMark(): unknown[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) this.damaged('a mark is missing');
    return this.stack.splice(mark).slice(1);
  }

  tuple(count: number): void {
    const items = this.stack.splice(-count);
    if (items.length < count || items.includes(MARK)) this.damaged('a value is missing');
    this.make(items);
  }

  put(index: number): void {
    if (index >= this.bytes.length) this.damaged(`it has a memo entry ${index} in ${this.bytes.length} bytes`);
    this.memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.memo.size);
  }

  get(index: number): void {
    if (!this.memo.has(index)) this.damaged(`it reads memo entry ${index}, which it did not store`);
    this.push(this.memo.get(index));
  }

  setItems(items: readonly unknown[]): void {
    const target = this.top();
    if (!(target instanceof PickledDict) || items.length % 2 !== 0) return this.damaged('entries without a dictionary');
    for (let i = 0; i < items.length; i += 2) {
      this.count();
      target.items.push([items[i], items[i + 1]]);
    }
  }

  persistent(id: unknown): unknown {
    return this.rules.persistent(id);
  }

  global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string') return this.damaged('a name that is not a string');
    const found = this.rules.global(module, name);
    if (!found)
      return this.rules.fail(
        `it names ${shownText(`${module}.${name}`)}, which is not allowed; only tensors and dictionaries are read from it.`,
      );
    this.push(found);
  }

  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof PickledGlobal) || !callee.call)
      return this.damaged('it calls something that is not a function');
    if (!Array.isArray(args)) return this.damaged(`it calls ${callee.name} without a tuple`);
    this.make(callee.call(args));
  }

  /** Attributes of a dictionary: `_metadata`, the versions of modules, is all that state dictionaries carry. */
  build(): void {
    const state = this.pop();
    const target = this.top();
    const plain =
      target instanceof PickledDict &&
      state instanceof PickledDict &&
      state.items.every(([name]) => name === '_metadata');
    if (!plain) this.rules.fail('it sets attributes other than the _metadata of a dictionary; only tensors are read.');
  }
}

const STEPS: Readonly<Record<number, (m: Machine) => void>> = {
  // PROTO
  0x80: (m) => {
    const version = m.u8();
    if (version < 2 || version > 5) m.damaged(`it is of protocol ${version}; 2 to 5 are read`);
  },
  0x95: (m) => void m.u64(), // FRAME: the bytes until the next one, useful only when reading in pieces
  0x63: (m) => m.global(m.line(), m.line()), // GLOBAL
  // STACK_GLOBAL
  0x93: (m) => {
    const name = m.pop();
    m.global(m.pop(), name);
  },
  0x58: (m) => m.make(m.text(m.u32())), // BINUNICODE
  0x8c: (m) => m.make(m.text(m.u8())), // SHORT_BINUNICODE
  0x8d: (m) => m.make(m.text(m.u64())), // BINUNICODE8
  0x4b: (m) => m.push(m.u8()), // BININT1
  0x4d: (m) => m.push(m.u16()), // BININT2
  0x4a: (m) => m.push(m.i32()), // BININT
  0x8a: (m) => m.push(m.long(m.u8())), // LONG1
  0x8b: (m) => m.push(m.long(m.u32())), // LONG4
  0x47: (m) => m.push(m.f64()), // BINFLOAT
  0x71: (m) => m.put(m.u8()), // BINPUT
  0x72: (m) => m.put(m.u32()), // LONG_BINPUT
  0x94: (m) => m.memoize(), // MEMOIZE
  0x68: (m) => m.get(m.u8()), // BINGET
  0x6a: (m) => m.get(m.u32()), // LONG_BINGET
  0x28: (m) => m.mark(), // MARK
  0x29: (m) => m.push(EMPTY), // EMPTY_TUPLE
  0x74: (m) => m.make(m.toMark()), // TUPLE
  0x85: (m) => m.tuple(1), // TUPLE1
  0x86: (m) => m.tuple(2), // TUPLE2
  0x87: (m) => m.tuple(3), // TUPLE3
  0x7d: (m) => m.make(new PickledDict()), // EMPTY_DICT
  0x4e: (m) => m.push(null), // NONE
  0x88: (m) => m.push(true), // NEWTRUE
  0x89: (m) => m.push(false), // NEWFALSE
  0x51: (m) => m.make(m.persistent(m.pop())), // BINPERSID
  0x52: (m) => m.reduce(), // REDUCE
  // SETITEM
  0x73: (m) => {
    const value = m.pop();
    m.setItems([m.pop(), value]);
  },
  0x75: (m) => m.setItems(m.toMark()), // SETITEMS
  0x62: (m) => m.build(), // BUILD
};
