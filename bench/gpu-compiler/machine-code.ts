/** @file The contents of loops in RADV's machine code. The counts of a loop leave out the loops inside it. */

/** Kinds of instructions; the first that matches counts. */
const KINDS = [
  [
    'hint',
    /^s_(delay_alu|nop|clause|(set_)?inst_prefetch\w*|sendmsg|code_end|endpgm|sethalt|(round|denorm)_mode|sleep|setreg|version|ttrace)/,
  ],
  ['barrier', /^s_barrier/],
  ['wait', /^s_wait/],
  ['branch', /^s_(c?branch|call|setpc|swappc)/],
  ['scalarLoad', /^s_(load|buffer_load|scratch_load)/],
  ['lane', /^(ds_b?permute|ds_swizzle|v_permlane|v_readlane|v_readfirstlane|v_writelane)|_dpp8?\b|\brow_|quad_perm/],
  ['matrix', /^v_(s?wmma|s?mfma)/],
  ['fma', /^v_(dual_)?(pk_)?(fma|fmac|fmaak|fmamk|mad|mac|madak|madmk)(_mix\w*|_legacy)?_f(16|32|64)|^v_(dual_)?dot\d/],
  ['transcendental', /^v_(exp|log|rcp|rsq|sqrt|sin|cos)_/],
  ['sharedRead', /^ds_(load|read)/],
  ['sharedWrite', /^ds_(store|write)/],
  ['atomic', /_atomic|^ds_/],
  ['scratch', /^scratch_/],
  ['load', /^(buffer|tbuffer|global|flat|image)_(load|msaa_load|sample|gather)/],
  ['store', /^(buffer|tbuffer|global|flat|image)_store/],
  ['scalar', /^s_/],
  ['vector', /^v_/],
] as const satisfies readonly (readonly [string, RegExp])[];

export type Kind = (typeof KINDS)[number][0] | 'other';

export type Counts = Readonly<Record<Kind, number>> & {
  /** All instructions but hints. */
  readonly size: number;
  /** Dwords that a lane moves. */
  readonly sharedReadDwords: number;
  readonly loadDwords: number;
  /** `min` of integers: Tint's clamps, and the kernel's own. */
  readonly mins: number;
  /** Tint's loop counters: a borrow out of the lower of two words. */
  readonly counters: number;
};

export interface Loop extends Counts {
  readonly depth: number;
  readonly isInnermost: boolean;
}

export interface MachineCode {
  readonly whole: Counts;
  /** In the order of the text, without the loop in which Mesa zeroes workgroup memory. */
  readonly loops: readonly Loop[];
  /** False for chips that the driver has no disassembler for: all counts are 0. */
  readonly isKnown: boolean;
}

const kindOf = (text: string): Kind => {
  const name = text.split(/\s/, 1)[0]!;
  return KINDS.find(([kind, pattern]) => pattern.test(kind === 'lane' ? text : name))?.[0] ?? 'other';
};

/** 4 of buffer_load_b128, ds_read2_b64 and global_load_dwordx4. */
function dwordsOf(text: string): number {
  const name = text.split(/\s/, 1)[0]!;
  const pieces = /2addr|read2|write2|load2|store2/.test(name) ? 2 : 1;
  const words = /dwordx(\d)/.exec(name)?.[1];
  const bits = /_b(\d+)/.exec(name)?.[1];
  return pieces * (words ? Number(words) : bits ? Math.max(1, Number(bits) / 32) : 1);
}

function count(instructions: readonly string[]): Counts {
  // Two at once: v_dual_… :: v_dual_…
  const single = instructions.flatMap((text) => text.split('::').map((half) => half.trim()));
  const kinds = single.map((text) => ({ text, kind: kindOf(text) }));
  const of = (kind: Kind) => kinds.filter((each) => each.kind === kind);
  const dwords = (kind: Kind): number => of(kind).reduce((sum, { text }) => sum + dwordsOf(text), 0);
  const names = [...KINDS.map(([kind]) => kind), 'other' as const];
  return {
    ...(Object.fromEntries(names.map((kind) => [kind, of(kind).length])) as Record<Kind, number>),
    size: kinds.length - of('hint').length,
    sharedReadDwords: dwords('sharedRead'),
    loadDwords: dwords('load'),
    mins: single.filter((text) => /^[vs]_min3?_u(16|32)/.test(text)).length,
    counters: single.filter((text) => /^s_sub_i32 .*\bsrc_scc$/.test(text)).length,
  };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Spans of loops: a backward branch closes one; further ones to the same target extend it. */
function spansOf(instructions: readonly string[], labels: ReadonlyMap<string, number>): Span[] {
  const ends = new Map<number, number>();
  instructions.forEach((text, at) => {
    const target = /^s_c?branch\S*\s+(BB\d+)/.exec(text)?.[1];
    const start = target === undefined ? undefined : labels.get(target);
    if (start !== undefined && start <= at) ends.set(start, at);
  });
  return [...ends].map(([start, end]) => ({ start, end })).sort((a, b) => a.start - b.start);
}

const isWithin = (inner: Span, outer: Span): boolean =>
  inner !== outer && inner.start >= outer.start && inner.end <= outer.end;

/** Mesa zeroes workgroup memory before the kernel begins. */
const isZeroing = ({ sharedWrite, load, scalarLoad, sharedRead, fma, matrix, barrier, size }: Counts): boolean =>
  sharedWrite > 0 && load + scalarLoad + sharedRead + fma + matrix + barrier === 0 && size < 24;

/** @param text RADV's disassembly */
export function readMachineCode(text: string): MachineCode {
  const labels = new Map<string, number>();
  const instructions: string[] = [];
  for (const line of text.split('\n')) {
    const label = /^(BB\d+):/.exec(line)?.[1];
    if (label) labels.set(label, instructions.length);
    else if (/^\t[a-z]/.test(line)) instructions.push(line.split(';')[0]!.trim());
  }
  const spans = spansOf(instructions, labels);
  const loops = spans.map((span): Loop => {
    const inside = spans.filter((other) => isWithin(other, span));
    const own = instructions.filter(
      (_, at) => at >= span.start && at <= span.end && !inside.some(({ start, end }) => at >= start && at <= end),
    );
    return {
      ...count(own),
      depth: spans.filter((other) => isWithin(span, other)).length,
      isInnermost: inside.length === 0,
    };
  });
  return {
    whole: count(instructions),
    loops: loops.filter((loop) => !isZeroing(loop)),
    isKnown: !text.startsWith('Shader disassembly is not supported'),
  };
}

/** What an iteration of a loop multiplies; a matrix counts as many. */
const products = ({ fma, matrix }: Counts): number => fma + 64 * matrix;

/**
 * From this many multiplications per iteration on, a loop is where the kernel spends its time, whatever else it
 * contains.
 */
const MANY_PRODUCTS = 16;

function weigh(loop: Loop): number {
  const many = products(loop) >= MANY_PRODUCTS ? products(loop) : 0;
  const reads = loop.load + loop.sharedRead + loop.scalarLoad;
  return 1e9 * many + (loop.isInnermost ? 1e8 : 0) + 1e6 * loop.fma + 1e3 * reads + loop.size;
}

/**
 * The loop in which most of the work is likely done: the one with most multiplications, else an inner one with most
 * loads. Null where there is no loop.
 */
export const hottest = ({ loops }: MachineCode): Loop | null =>
  loops.reduce<Loop | null>((best, loop) => (best === null || weigh(loop) > weigh(best) ? loop : best), null);

/** The hottest loop, and, if it multiplies much, those that multiply at least a quarter as much per iteration. */
export function hotLoops(code: MachineCode): Loop[] {
  const best = hottest(code);
  if (best === null || products(best) < MANY_PRODUCTS) return best ? [best] : [];
  return code.loops.filter((loop) => products(loop) >= products(best) / 4);
}
