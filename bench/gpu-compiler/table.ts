/** @file One line per compiled entry point. README.md in this folder explains the columns. */
import { hottest } from './machine-code.ts';
import type { Loop } from './machine-code.ts';
import type { Compiled } from './result.ts';

const percent = (part: number, whole: number): string => (whole > 0 ? `${Math.round((100 * part) / whole)}%` : '-');
const pair = (count: number, dwords: number): string => (count > 0 ? `${count}(${dwords})` : '-');
const orNone = (count: number): string => (count > 0 ? `${count}` : '-');

type Column<T> = readonly [name: string, of: (from: T) => string | number];

export const spillsOf = ({ statistics: s }: Compiled): number => s['Spilled VGPRs']! + s['Spilled SGPRs']!;
/** Bytes per lane. */
export const scratchOf = ({ statistics: s }: Compiled): number => s['Scratch size']! / s['Subgroup size']!;

/** Of the whole kernel. */
const KERNEL: readonly Column<Compiled>[] = [
  ['SG', ({ statistics: s }) => s['Subgroup size']!],
  ['clamp', ({ spirv }) => `${spirv.clampsInLoops}/${spirv.clamps}`],
  ['count', ({ spirv }) => `${spirv.countedLoops}/${spirv.loops}`],
  ['init', ({ spirv }) => orNone(spirv.workgroupBytes)],
  ['VGPR', ({ statistics: s }) => s.VGPRs!],
  ['spill', spillsOf],
  ['scr', (each) => orNone(scratchOf(each))],
  ['occ', ({ statistics: s }) => s['Subgroups per SIMD']!],
  ['instr', ({ statistics: s }) => s.Instructions!],
  ['laten', ({ statistics: s }) => s.Latency!],
  ['thru', ({ statistics: s }) => s['Inverse Throughput']!],
];

/** Of the hottest loop. */
const LOOP: readonly Column<Loop>[] = [
  ['| loop', ({ size }) => `| ${size}`],
  ['FMA', ({ fma, matrix }) => (matrix > 0 ? `${matrix}M` : fma)],
  ['fma%', ({ fma, matrix, size }) => percent(fma + matrix, size)],
  ['LDS r(dw)', ({ sharedRead, sharedReadDwords }) => pair(sharedRead, sharedReadDwords)],
  ['LDS w', ({ sharedWrite }) => orNone(sharedWrite)],
  ['load(dw)', ({ load, loadDwords }) => pair(load, loadDwords)],
  ['store', ({ store }) => orNone(store)],
  ['scr', ({ scratch }) => orNone(scratch)],
  ['sld', ({ scalarLoad }) => orNone(scalarLoad)],
  ['valu', ({ vector }) => vector],
  ['min', ({ mins }) => orNone(mins)],
  ['cnt', ({ counters }) => orNone(counters)],
  ['trn', ({ transcendental }) => orNone(transcendental)],
  ['lane', ({ lane }) => orNone(lane)],
  ['salu', ({ scalar, branch }) => scalar + branch],
  ['wait', ({ wait }) => wait],
  ['bar', ({ barrier }) => orNone(barrier)],
];

const NAMES = [...KERNEL.map(([name]) => name), ...LOOP.map(([name]) => name)];

/** The remark at the end of a line. */
function noteOf({ lanes, statistics, code, askedBy }: Compiled): string {
  const size = statistics['Subgroup size'];
  if (!code.isKnown) return 'the driver has no disassembler for this chip';
  if (lanes !== null && lanes !== size) return `written for subgroups of ${lanes}: would not run right so`;
  return askedBy.length > 0 ? askedBy.join(', ') : "used on no GPU; the file's own values";
}

function cellsOf(each: Compiled): string[] {
  const loop = hottest(each.code);
  const ofKernel = KERNEL.map(([, of]) => `${of(each)}`);
  if (!each.code.isKnown) return ofKernel;
  return [...ofKernel, ...(loop ? LOOP.map(([, of]) => `${of(loop)}`) : ['| none'])];
}

/** @param compiled of one chip */
export function gpuTable(chip: string, toggles: readonly string[], compiled: readonly Compiled[]): string {
  const withVersion = ({ label, version }: Compiled): string =>
    version === 'committed' ? `${label} (committed)` : label;
  const first = Math.max(0, ...compiled.map((each) => withVersion(each).length));
  const rows = compiled.map((each) => ({ name: withVersion(each), cells: cellsOf(each), note: noteOf(each) }));
  const widths = NAMES.map((name, i) => Math.max(name.length, ...rows.map(({ cells }) => cells[i]?.length ?? 0)));
  const line = (name: string, cells: readonly string[], note: string): string =>
    `${name.padEnd(first)}  ${NAMES.map((_, i) => (cells[i] ?? '').padStart(widths[i]!)).join(' ')}  ${note}`.trimEnd();
  return [
    `RADV for ${chip}${toggles.length > 0 ? `, Dawn with ${toggles.join(', ')}` : ''}; bench/gpu-compiler/README.md explains the columns`,
    line('kernel:entry', NAMES, 'asked for by GPUs with subgroups'),
    ...rows.map(({ name, cells, note }) => line(name, cells, note)),
  ].join('\n');
}

/** Every loop of one entry, in words. */
export function loopLines({ code }: Compiled): string[] {
  return code.loops.map((loop) => {
    const counts = Object.entries(loop)
      .filter(([name, value]) => typeof value === 'number' && value > 0 && !['size', 'depth', 'hint'].includes(name))
      .map(([name, value]) => `${name} ${value}`);
    return `${'  '.repeat(loop.depth + 2)}loop of ${loop.size}: ${counts.join(', ')}`;
  });
}
