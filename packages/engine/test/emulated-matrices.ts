/**
 * A kernel for matrix units as plain WGSL, for adapters without them: a matrix is 8 by 8, and a lane of eight holds a
 * row of it. The matrices of a kernel become places in an array of each lane. Loads, products and stores are recorded
 * as commands, which one loop carries out at the next barrier, so that a driver compiles each once, however many a
 * kernel has: written out they took Lavapipe minutes. All the rest of the kernel, which is nearly all that can be wrong
 * in it, stays as it is.
 *
 * What a kernel must do for this: name its matrix types by `alias`, its matrices by `var` or `let` inside functions,
 * pass buffers of its own as `&name`, and convert to f16 from one f32 or one vector of them.
 */
import type { KernelSource } from '../src/gpu/kernel/kernel.ts';

/** Rows and columns of a matrix, and lanes of a subgroup. */
export const SIDE = 8;

export interface Emulation {
  /**
   * Functions of the kernel's library, called between its matrices, that read what a matrix of their own subgroup was
   * stored to; see `asCommand`.
   */
  readonly deferred?: readonly string[];
  /** Words of the commands between two barriers, at most; where they are more, products are NaN. */
  readonly words?: number;
}

/** What a command has bits for. */
const [MOST_MATRICES, MOST_BUFFERS, MOST_DEFERRED] = [64, 8, 4];

/** f16 as f32 rounded alike. */
const inFloats = (text: string): string =>
  text
    .replace(/^enable f16;/m, '')
    .replaceAll(/bitcast<vec4<f16>>\((\w+)\.(\w)(\w)\)/g, 'vec4f(unpack2x16float($1.$2), unpack2x16float($1.$3))')
    .replaceAll(/bitcast<vec4<f16>>\((\w+)\)/g, 'vec4f(unpack2x16float($1.x), unpack2x16float($1.y))')
    .replaceAll(/(vec[234])<f16>\(\)/g, '$1f()')
    .replaceAll(/(?:vec[234]<f16>|\bf16)\(/g, 'quantizeToF16(')
    .replaceAll(/(vec[234])<f16>/g, '$1f')
    .replaceAll(/\bf16\b/g, 'f32');

/** A buffer that matrices are loaded from or stored to. */
interface Tile {
  readonly name: string;
  readonly isVector: boolean;
}

/** Gives buffers and matrices their numbers as it meets them in the text. */
class Places {
  readonly read: Tile[] = [];
  readonly written: Tile[] = [];
  matrices = 0;
  /** Names of the kernel's matrix types, for a pattern. */
  readonly types: string;

  constructor(private readonly text: string) {
    this.types = Array.from(text.matchAll(/alias (\w+) = subgroup_matrix_/g), ([, alias]) => alias).join('|');
  }

  matrix(): string {
    if (this.matrices === MOST_MATRICES) throw new Error(`more than ${MOST_MATRICES} matrices`);
    return `${this.matrices++}u`;
  }

  /** Arguments that say which buffer, and how many floats one of its elements has. */
  buffer(name: string, among: Tile[]): string {
    if (!among.some((tile) => tile.name === name)) {
      const element = new RegExp(`var<[^>]+> ${name}: array<(\\w+)`).exec(this.text)?.[1];
      if (element !== 'f32' && element !== 'vec4f') throw new Error(`${name}: is no array of f32 or vec4f`);
      if (among.length === MOST_BUFFERS) throw new Error(`more than ${MOST_BUFFERS} buffers of matrices`);
      among.push({ name, isVector: element === 'vec4f' });
    }
    const at = among.findIndex((tile) => tile.name === name);
    return `${at}u, ${among[at]!.isVector ? 4 : 1}u`;
  }
}

/** The text with numbers for matrices, and with calls that record what is to be done with them. */
function withCommands(text: string, places: Places): string {
  const loaded = /((?:var|let) )?(\w+)(?:: \w+)?\s*=\s*subgroupMatrixLoad<\w+, (row|col)_major>\(\s*&(\w+),/g;
  return text
    .replaceAll(new RegExp(`\\bvar (\\w+): (${places.types})(?: = \\2\\(\\))?;`, 'g'), (_, name) => {
      return `let ${name} = ${places.matrix()}; clear(${name});`;
    })
    .replaceAll(new RegExp(`(\\w+) = (?:${places.types})\\(\\);`, 'g'), 'clear($1);')
    .replaceAll(loaded, (_, declares, name, major, buffer) => {
      const isNew = declares ? `let ${name} = ${places.matrix()}; ` : '';
      return `${isNew}load(${name}, ${places.buffer(buffer, places.read)}, ${major === 'row'},`;
    })
    .replaceAll(/subgroupMatrixStore<(row|col)_major>\(\s*&(\w+),/g, (_, major, buffer) => {
      return `store(${places.buffer(buffer, places.written)}, ${major === 'row'},`;
    })
    .replaceAll(/(\w+)\s*=\s*subgroupMatrixMultiplyAccumulate\(/g, 'multiply_accumulate($1, ')
    .replaceAll(/^(.*\b(?:workgroupBarrier|workgroupUniformLoad)\()/gm, 'carry_out(); $1');
}

/** Loop bounds come from a variable, which no compiler knows, so that it unrolls nothing. */
const bounded = (text: string): string =>
  text.replaceAll(/for \(var (\w+) = (\d+u); \1 < ([^;(]+); \1\+\+\)/g, 'for (var $1 = $2; $1 < bounded($3); $1++)');

/**
 * What lanes do to chunks c0 to c7, written out because of NVIDIA's compiler, as a loop again: the lines must be the
 * first one with another number.
 */
function rolledUp(text: string): string {
  const chunks = /^ {2}(.*\bc0\b.*)\n((?: {2}if \((\w+) > \du\) \{ .* \}\n)+)/gm;
  return text
    .replaceAll(/\{ c0: (\w+),(?:\s*c\d: \1,?)+\s*\}/g, (all, type) => {
      return `{ c: array<${type}, ${all.split(':').length - 1}> }`;
    })
    .replaceAll(chunks, (all, first: string, rest: string, each: string) => {
      const count = rest.split('\n').length;
      const at = (i: number): string => (i === 1 ? 'lane + LANES' : `lane + ${i}u * LANES`);
      const line = (i: number): string => {
        return `  if (${each} > ${i}u) { ${first.replace('c0', `c${i}`).replace('lane,', `${at(i)},`)} }\n`;
      };
      const written = Array.from({ length: count - 1 }, (_, i) => line(i + 1)).join('');
      if (rest !== written) throw new Error(`these lines are not alike:\n${all}`);
      const once = first.replace('c0', 'c[i]').replace('lane,', 'lane + i * LANES,');
      return `  for (var i = 0u; i < bounded(min(${each}, ${count}u)); i++) { ${once} }\n`;
    });
}

/**
 * Calls of a function of the kernel's library as commands, too: what it does between matrices, in their order, and
 * compiled once. It takes up to six whole numbers below 65,536 and may not need other subgroups; its barriers go.
 */
function asCommand(lib: string, name: string, kind: number): { lib: string; record: string; carryOut: string } {
  const [all, list, body] = new RegExp(`\\nfn ${name}\\(([^)]*)\\) \\{\\n(.*?\\n)\\}\\n`, 's').exec(lib)!;
  const names = list!.split(',').map((param) => param.trim().replace(/: u32$/, ''));
  const pairs = Array.from({ length: Math.ceil(names.length / 2) }, (_, i) => [
    names[2 * i]!,
    names[2 * i + 1] ?? '0u',
  ]);
  const words = pairs.map(([low, high]) => `record(${low} | (${high} << 16u));`);
  const given = names.map((_, i) => `commands[i + ${1 + (i >> 1)}u] ${i % 2 ? '>> 16u' : '% 65536u'}`);
  return {
    lib: lib.replace(all!, `\nfn ${name}_now(${list}) {\n${body!.replaceAll(/^\s*workgroupBarrier\(\);\n/gm, '')}}\n`),
    record: `fn ${name}(${list}) { record(${kind}u); ${words.join(' ')} }`,
    carryOut: `case ${kind}u: { ${name}_now(${given.join(', ')}); i += ${words.length}u; }`,
  };
}

const reading = ({ name, isVector }: Tile, i: number): string =>
  `case ${i}u: { return ${name}[${isVector ? 'at / 4u][at % 4u' : 'at'}]; }`;
const writing = ({ name, isVector }: Tile, i: number): string =>
  `case ${i}u: { ${name}[${isVector ? 'at / 4u][at % 4u' : 'at'}] = value; }`;

/**
 * A command is a word: its kind in three bits, then matrices in six each, or a matrix, a buffer, the order and the
 * stride; a second word says where.
 */
const machine = (
  { read, written, matrices }: Places,
  words: number,
  more: readonly { record: string; carryOut: string }[],
): string => `
var<private> commands: array<u32, ${words}>;
var<private> waiting: u32;
var<private> held: array<f32, ${SIDE * matrices}>;
var<private> own_row: u32;
var<private> side: u32;

fn bounded(count: u32) -> u32 { return count + side - ${SIDE}u; }

fn record(word: u32) { commands[waiting] = word; waiting++; }
fn clear(matrix: u32) { record(0u | (matrix << 3u)); }
fn multiply_accumulate(result: u32, left: u32, right: u32, sums: u32) {
  record(1u | (result << 3u) | (left << 9u) | (right << 15u) | (sums << 21u));
}
fn load(matrix: u32, buffer: u32, per: u32, is_row: bool, at: u32, stride: u32) {
  record(2u | (matrix << 3u) | (buffer << 9u) | (u32(is_row) << 12u) | ((stride * per) << 13u));
  record(at * per);
}
fn store(buffer: u32, per: u32, is_row: bool, at: u32, matrix: u32, stride: u32) {
  record(3u | (matrix << 3u) | (buffer << 9u) | (u32(is_row) << 12u) | ((stride * per) << 13u));
  record(at * per);
}
${more.map(({ record }) => record).join('\n')}

fn element(buffer: u32, at: u32) -> f32 {
  switch buffer {
    ${read.map(reading).join('\n    ')}
    default: { return 0.0; }
  }
}
fn put(buffer: u32, at: u32, value: f32) {
  switch buffer {
    ${written.map(writing).join('\n    ')}
    default: {}
  }
}

fn carry_out() {
  for (var i = 0u; i < waiting; i++) {
    let word = commands[i];
    let own = ${SIDE}u * ((word >> 3u) % 64u);
    let stride = word >> 13u;
    let is_row = ((word >> 12u) & 1u) == 1u;
    let buffer = (word >> 9u) % 8u;
    let first = commands[i + 1u] + own_row * select(1u, stride, is_row);
    let step = select(stride, 1u, is_row);
    switch word % 8u {
      case 0u: {
        for (var n = 0u; n < side; n++) { held[own + n] = 0.0; }
      }
      case 1u: {
        let left = ${SIDE}u * ((word >> 9u) % 64u);
        let right = ${SIDE}u * ((word >> 15u) % 64u);
        let sums = ${SIDE}u * ((word >> 21u) % 64u);
        for (var n = 0u; n < side; n++) {
          let column = held[right + n];
          var sum = bitcast<f32>(select(bitcast<u32>(held[sums + n]), 0x7fc00000u, waiting > ${words}u));
          for (var k = 0u; k < side; k++) { sum += held[left + k] * subgroupShuffle(column, k); }
          held[own + n] = sum;
        }
      }
      case 2u: {
        for (var n = 0u; n < side; n++) { held[own + n] = element(buffer, first + n * step); }
        i++;
      }
      case 3u: {
        for (var n = 0u; n < side; n++) { put(buffer, first + n * step, held[own + n]); }
        i++;
      }
      ${more.map(({ carryOut }) => carryOut).join('\n      ')}
      default: {}
    }
  }
  waiting = 0u;
}
`;

/** Each entry under its name, which sets up the machine, calls the kernel's own and carries out what is left. */
function aroundEntries(code: string, param: string): string {
  const entry = /@compute @workgroup_size\(([^)]*)\)\s*fn (\w+)\(((?:@builtin\(\w+\)|[^()])*)\) \{/g;
  return code.replaceAll(entry, (_, size, name, list) => {
    const names = list.replaceAll(/@builtin\(\w+\)\s*/g, '');
    const lane = /@builtin\(local_invocation_index\)\s*(\w+)/.exec(list)![1];
    const given = names.split(',').map((one: string) => one.split(':')[0]!.trim());
    return [
      `@compute @workgroup_size(${size}) fn ${name}(${list}) { own_row = ${lane} % ${SIDE}u;`,
      `side = ${SIDE}u + (params.${param} >> 31u); ${name}_body(${given.join(', ')}); carry_out(); }`,
      `fn ${name}_body(${names}) {`,
    ].join(' ');
  });
}

/** The kernel in plain WGSL, under its own name and with its own tunables. */
export function emulateMatrices(kernel: KernelSource, { deferred = [], words = 256 }: Emulation = {}): KernelSource {
  if (deferred.length > MOST_DEFERRED) throw new Error(`more than ${MOST_DEFERRED} functions to defer`);
  let [code, lib] = [inFloats(kernel.code), inFloats(kernel.lib)];
  const places = new Places(code + lib);
  const commands = deferred.map((name, i) => {
    const command = asCommand(lib, name, 4 + i);
    lib = command.lib;
    return command;
  });
  code = bounded(withCommands(code, places))
    .replace('enable chromium_experimental_subgroup_matrix;', '')
    .replace('diagnostic(off, chromium.subgroup_matrix_uniformity);', 'diagnostic(off, subgroup_uniformity);')
    .replaceAll(/alias (\w+) = subgroup_matrix_.*/g, 'alias $1 = u32;');
  code = aroundEntries(code, kernel.params.find(({ type }) => type === 'u32')!.name);
  lib = bounded(withCommands(rolledUp(lib), places));
  return { ...kernel, code, lib: lib + machine(places, words, commands) };
}
