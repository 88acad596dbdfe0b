/** Reading what Tint and RADV wrote, on small texts; and one kernel on the way through both, where they can be had. */
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { costOf, needless, overBudget } from '../gpu-compiler/budgets.ts';
import { compileForGpu } from '../gpu-compiler/compile.ts';
import type { Refused } from '../gpu-compiler/compile.ts';
import { buildWrapper, NoGpuCompiler, prepareDriver } from '../gpu-compiler/driver.ts';
import type { GpuDriver } from '../gpu-compiler/driver.ts';
import { hotLoops, hottest, readMachineCode } from '../gpu-compiler/machine-code.ts';
import type { Compiled, PassedOver } from '../gpu-compiler/result.ts';
import { showGpu, valuesIn } from '../gpu-compiler/show.ts';
import { countSpirv } from '../gpu-compiler/spirv.ts';
import { gpuTable, loopLines } from '../gpu-compiler/table.ts';

/** Zeroing, then an outer loop with Tint's counter around an inner one that multiplies. */
const CODE = `
BB0:
	s_load_b128 s[4:7], s[2:3], null  ; f4
BB1:
	ds_store_b128 v0, v[4:7]          ; d8
	s_cbranch_scc0 BB1                ; bf
BB2:
	s_cmp_eq_i32 s9, 0                ; bf
	s_sub_i32 s8, s8, src_scc         ; 81
	s_add_u32 s9, s9, -1              ; 81
	v_min_u32_e32 v5, v5, v8          ; 26
	buffer_load_b128 v[8:11], v7, s[12:15], 0 offen ; e0
BB3:
	s_delay_alu instid0(VALU_DEP_1)   ; bf
	ds_load_2addr_b64 v[0:3], v4      ; d8
	v_dual_fmac_f32 v17, s6, v9 :: v_dual_fmac_f32 v16, s6, v8 ; c8
${'	v_fma_f32 v0, v1, v2, v0          ; d6\n'.repeat(14)}	s_waitcnt lgkmcnt(0)              ; bf
	s_cbranch_scc1 BB3                ; bf
BB4:
	s_branch BB2                      ; bf
BB5:
	s_endpgm                          ; bf
`;

test('machine code: loops without the loops inside them, without zeroing, and what each kind counts', () => {
  const code = readMachineCode(CODE);
  expect(code.loops.map(({ depth, isInnermost, size }) => [depth, isInnermost, size])).toEqual([
    [0, false, 6],
    [1, true, 19],
  ]);
  const [outer, inner] = code.loops;
  expect(outer).toMatchObject({ counters: 1, mins: 1, load: 1, loadDwords: 4, fma: 0, branch: 1 });
  expect(inner).toMatchObject({ counters: 0, fma: 16, sharedRead: 1, sharedReadDwords: 4, wait: 1, hint: 1 });
  expect(hottest(code)).toBe(inner);
  expect(hotLoops(code)).toEqual([inner]);
  expect(readMachineCode('BB0:\n\ts_endpgm').loops).toEqual([]);
  expect(hottest(readMachineCode('BB0:\n\ts_endpgm'))).toBeNull();
  expect(readMachineCode('Shader disassembly is not supported in the driver').isKnown).toBe(false);
});

/** Words of a SPIR-V module: five of a header, then an instruction each. */
function spirv(...instructions: readonly (readonly [op: number, ...args: readonly number[]])[]): Uint8Array {
  const words = [0x07230203, 0x10600, 0, 99, 0];
  for (const [op, ...args] of instructions) words.push(((args.length + 1) << 16) | op, ...args);
  return new Uint8Array(Uint32Array.from(words).buffer);
}

test('SPIR-V: a module in the middle of a buffer, and one that is none', () => {
  const module = spirv([54, 2, 20, 0, 30], [246, 40, 41, 0]);
  const shared = Buffer.alloc(4096, 0xff).fill(module, 64, 64 + module.length);
  const found = countSpirv(shared.subarray(64, 64 + module.length));
  expect(found).toEqual(countSpirv(module));
  expect(found.loops).toBe(1);
  expect(() => countSpirv(new Uint8Array(24))).toThrow(
    'spirv: the instruction at word 5 has no words; it must have at least one.',
  );
});

test('SPIR-V: clamps of indices, in loops and in functions that loops call; counters; workgroup memory', () => {
  const [glsl, u32, pair, ones, start, sixteen, array, pointer] = [1, 2, 3, 4, 5, 6, 7, 8];
  const declared = [
    [11, glsl!, 0],
    [21, u32!, 32, 0],
    [23, pair!, u32!, 2],
    [43, u32!, ones!, 0xffffffff],
    [44, pair!, start!, ones!, ones!],
    [43, u32!, sixteen!, 16],
    [71, array!, 6, 4],
    [28, array!, u32!, sixteen!],
    [32, pointer!, 4, array!],
    [59, pointer!, 9, 4],
  ] as const;
  const min = (result: number, bound: number) => [12, u32!, result, glsl!, 38, 50, bound] as const;
  const index = (value: number) => [65, pointer!, 60, 9, value] as const;
  const found = countSpirv(
    spirv(
      ...declared,
      // main: a clamp before the loop, a loop with a counter that calls `helper`, and a min of the kernel's own
      [54, 2, 20, 0, 30],
      min(21, sixteen!),
      index(21),
      [62, 22, start!],
      [246, 40, 41, 0],
      [57, 2, 23, 31],
      min(24, sixteen!),
      [248, 40],
      // helper: its clamp stands in main's loop
      [54, 2, 31, 0, 30],
      min(32, sixteen!),
      index(32),
    ),
  );
  expect(found).toEqual({
    clamps: 2,
    clampsInLoops: 1,
    loops: 1,
    countedLoops: 1,
    workgroupBytes: 64,
    matrixGuards: 0,
  });
});

const compiled = (label: string, text = CODE, statistics: Record<string, number> = {}): Compiled => ({
  label,
  kernel: label.split(':')[0]!,
  entry: 'forward',
  tuning: {},
  version: 'now',
  askedBy: ['fixed 32'],
  lanes: null,
  spirv: countSpirv(spirv()),
  statistics: {
    'Subgroup size': 32,
    VGPRs: 24,
    'Spilled VGPRs': 0,
    'Spilled SGPRs': 0,
    'Scratch size': 0,
    'Subgroups per SIMD': 16,
    Instructions: 30,
    Latency: 100,
    'Inverse Throughput': 50,
    ...statistics,
  },
  code: readMachineCode(text),
});

test('budgets: what is above 0 is reported unless an exception allows it, and so is an unneeded exception', () => {
  const inLoop = CODE.replace('	s_waitcnt', '	v_min_u32_e32 v5, v5, v8\n	s_sub_i32 s8, s8, src_scc\n	s_waitcnt');
  const cost = costOf(compiled('a/b:forward', inLoop, { 'Spilled VGPRs': 3, 'Scratch size': 512 }), null);
  expect(cost).toEqual({ spills: 3, scratch: 16, clamps: 1, counters: 1 });
  expect(costOf(compiled('a/b:forward', inLoop), compiled('a/b:forward', inLoop)).clamps).toBe(0);
  expect(overBudget('a/b:forward', cost, [])).toEqual([
    'a/b:forward: spills 3; at most 0.',
    'a/b:forward: scratch 16; at most 0.',
    'a/b:forward: clamps 1; at most 0.',
    'a/b:forward: counters 1; at most 0.',
  ]);
  const exceptions = [{ of: /^a\/b/, most: { spills: 3, scratch: 32, clamps: 1, counters: 1 }, because: 'a test' }];
  expect(overBudget('a/b:forward', cost, exceptions)).toEqual([]);
  expect(needless(new Map([['a/b:forward', cost]]), exceptions)).toEqual([
    'the exception for /^a\\/b/ allows scratch 32, and 16 is the most now; lower it.',
  ]);
});

test('the table has a line for each entry, under its columns', () => {
  const [title, head, line, other] = gpuTable(
    'navi31',
    ['disable_robustness'],
    [
      compiled('a/b:forward'),
      { ...compiled('a/c:forward', 'BB0:\n\ts_endpgm'), version: 'committed', askedBy: [], lanes: 8 },
    ],
  ).split('\n');
  expect(title).toBe(
    'RADV for navi31, Dawn with disable_robustness; bench/gpu-compiler/README.md explains the columns',
  );
  expect(head).toMatch(/^kernel:entry +SG clamp count init VGPR spill scr occ/);
  expect(line).toMatch(/^a\/b:forward +32 +0\/0 +0\/0 +- +24 +0 +- +16 +30 +100 +50 +\| 19 +16 +84% +1\(4\)/);
  expect(line).toMatch(/fixed 32$/);
  expect(other).toMatch(/^a\/c:forward \(committed\) .* \| none +written for subgroups of 8: would not run right so$/);
  expect(loopLines(compiled('a/b:forward'))[1]).toMatch(/^ {6}loop of 19: .*fma 16/);
});

test('values of tunables, and what is not one', () => {
  expect(valuesIn(['T=4u,8u', 'SG=32u', 'T=8u'])).toEqual({ T: ['4u', '8u'], SG: ['32u'] });
  expect(() => valuesIn(['T'])).toThrow("kernel: --set was given 'T'; it takes NAME=VALUE or NAME=VALUE,VALUE.");
});

function driverOrWhy(): GpuDriver | string {
  try {
    return prepareDriver(console.log);
  } catch (error) {
    if (error instanceof NoGpuCompiler) return error.message;
    throw error;
  }
}

test('without a C compiler, or without Vulkan, a sentence', () => {
  const built = (stderr: string, error?: Error) =>
    (() => ({ status: 1, stderr, error })) as unknown as Parameters<typeof buildWrapper>[1];
  const cure =
    'on Debian and Ubuntu, apt-get install --no-install-recommends gcc libc6-dev libvulkan-dev brings what it needs.';
  const where = 'gpu compiler: the wrapper around RADV could not be built: ';
  const cache = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = `/tmp/curio-gpu-compiler-test-${process.pid}`; // where none was built yet
  try {
    expect(() => buildWrapper('no-cc', built('', new Error('ENOENT')))).toThrow(
      `${where}there is no C compiler 'no-cc'; ${cure}`,
    );
    expect(() => buildWrapper('cc', built('a.c:1:10: fatal error: vulkan/vulkan.h: No such file'))).toThrow(
      `${where}Vulkan's headers are missing; ${cure}`,
    );
  } finally {
    rmSync(process.env.XDG_CACHE_HOME, { recursive: true, force: true });
    if (cache === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = cache;
  }
});

test('every entry of a kernel is compiled, by one process', async ({ skip }) => {
  const driver = driverOrWhy();
  if (typeof driver === 'string') return skip(driver);
  const found: (Compiled | PassedOver | Refused)[] = [];
  const request = { kernels: ['rows/norm_columns_shared'], values: {}, toggles: [], withText: false };
  for await (const each of compileForGpu(driver, request)) found.push(each);
  expect(found.filter((each) => 'refused' in each)).toEqual([]);
  expect(found.map((each) => 'label' in each && each.label)).toEqual([
    'rows/norm_columns_shared:layer',
    'rows/norm_columns_shared:rms',
  ]);
});

test('a kernel goes through Tint and RADV, under the tunings that GPUs get', async ({ skip }) => {
  const driver = driverOrWhy();
  if (typeof driver === 'string') return skip(driver);
  expect(existsSync(dirname(driver.env.VK_DRIVER_FILES!))).toBe(true);
  const found: Compiled[] = [];
  const request = { kernels: ['rows/softmax_subgroup'], entry: 'forward', values: {}, toggles: [], withText: true };
  for await (const each of compileForGpu(driver, request)) if ('label' in each) found.push(each);
  expect(found.map(({ label }) => label)).toContain('rows/softmax_subgroup:forward SG=32u');
  const [first] = found;
  expect(first!.askedBy).toEqual(['fixed 32']);
  expect(first!.statistics['Subgroup size']).toBe(32);
  expect(first!.code.whole.load).toBeGreaterThan(0);
  expect(first!.text).toContain('s_endpgm');

  const lines: string[] = [];
  expect(
    await showGpu(['rows/softmax_subgroup'], { entry: 'forward', set: ['WG=9u'] }, (text) => lines.push(text)),
  ).toBe(false);
  expect(lines.join('\n')).toContain('tunable WG is 9u; allowed are');
  lines.length = 0;
  expect(await showGpu(['matmul/subgroup_nn'], {}, (text) => lines.push(text))).toBe(true);
  expect(lines).toEqual([
    'not for GPUs, written for subgroups of 8 as software adapters have them: matmul/subgroup_nn:multiply',
  ]);
  await expect(showGpu(['rows/softmax_subgroup'], { entry: 'none' }, () => {})).rejects.toThrow(
    "kernel: none of rows/softmax_subgroup has an entry 'none'.",
  );
  await expect(showGpu(['rows/softmax_subgroup'], { chip: 'navi99' }, () => {})).rejects.toThrow(
    "gpu compiler: RADV knows no chip 'navi99'; it knows navi10 to navi33,",
  );
});
