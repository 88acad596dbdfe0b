/**
 * CONTRIBUTING's recipe for an op, followed in a copy of the repository: three files, one line, codegen; types and the
 * op table then hold the op.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'curio-add-op-')));
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

const INDEX = 'packages/engine/src/index.ts';
const KERNEL = 'kernels/elementwise/softsign.wgsl';

const files: Record<string, string> = {
  [KERNEL]: `// elementwise/softsign: a sigmoid that reaches its ends slowly.
//   forward   y = x / (1 + |x|)
//   backward  dx = dy / (1 + |x|)²
// Shapes: all float[size], dense. Grid: ceil(size / WG) workgroups in a line. Traffic: 8 bytes an element forward, 12
// backward.

struct Params { size: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<f32>;

const WG = 64u;

@compute @workgroup_size(WG)
fn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.size) { y[i] = x[i] / (1.0 + abs(x[i])); }
}

@compute @workgroup_size(WG)
fn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.y * count.x + wg.x) * WG + lane;
  if (i < params.size) {
    let span = 1.0 + abs(x[i]);
    dx[i] = dy[i] / (span * span);
  }
}
`,
  'packages/engine/src/ops/elementwise/softsign.ts': `import { elementwiseSoftsign as kernel } from '@curio/kernels/elementwise_softsign';
import { ceilDiv, lineGrid } from '../../gpu/kernel/grid.ts';
import { defineOp } from '../../tensor/op.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { requireFloat } from '../parts/broadcast.ts';

const op = defineOp({
  name: 'softsign',
  plan([x]: readonly [Tensor], _: undefined) {
    requireFloat('softsign', x);
    return { params: { size: x.size }, grid: lineGrid(ceilDiv(x.size, 64)) };
  },
  forward(run, [x], plan) {
    const y = run.out(x.shape);
    run.dispatch(kernel, 'forward', { buffers: { x, y }, ...plan });
    return { y, saved: { x } };
  },
  backward(run, dy, { x }, plan) {
    const dx = run.out(x.shape);
    run.dispatch(kernel, 'backward', { buffers: { x, dy, dx }, ...plan });
    return [dx];
  },
});

/**
 * y = x / (1 + |x|).
 * @param x float[...]
 * Saves x. Kernel: kernels/elementwise/softsign.wgsl. Throws DTypeError unless x is f32.
 */
export const softsign = (x: Tensor): Tensor => op([x]);
`,
  'packages/engine/src/ops/elementwise/softsign.cases.ts': `import { defineCases } from '../../truth/cases.ts';
import { broadcast } from '../../truth/oracle.ts';
import { softsign } from './softsign.ts';

export const softsignCases = defineCases({
  op: 'softsign',
  run: ([x]) => softsign(x!),
  reference: ([x]) => broadcast([x!], (v) => v / (1 + Math.abs(v))),
  cases: [{ inputs: [[1]] }, { inputs: [[65]] }, { inputs: [[3, 5, 7]] }, { inputs: [[0, 4]] }],
});
`,
};
const LINE = "export { softsign } from './ops/elementwise/softsign.ts';\n";

/** Code outside the engine, which reaches the op by the export line and its truth by the register. */
const USER = `import { openGpu, softsign, tensor } from '@curio/engine';
import { opTable } from '@curio/engine/check';
const gpu = await openGpu();
const y = await softsign(tensor(gpu, [-3, 0, 1])).read();
console.log(JSON.stringify({ y: [...y], cases: opTable('softsign').cases.length }));
gpu.close();
`;

const write = (file: string, text: string): void => fs.writeFileSync(path.join(folder, file), text);

/** Runs a script of the copy. What vitest tells its own workers is kept from a vitest within. */
function node(...args: string[]): { status: number | null; out: string; err: string } {
  const ofWorkers = /^(VITEST|TINYPOOL|VITE_|NODE_ENV$|TEST$|CURIO_(FEATURES|TUNINGS)$)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofWorkers.test(name)));
  const done = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: { ...env, SEED: '1' } });
  return { status: done.status, out: done.stdout, err: done.stderr };
}
const codegen = (...flags: string[]) => node('node_modules/tsx/dist/cli.mjs', 'kernels/codegen.ts', ...flags);

interface Row {
  title: string;
  status: 'passed' | 'failed' | 'pending' | 'skipped';
  failureMessages: string[];
}

/** What the op table says of the op, and of its own register; the rows of other ops are left out. */
function opTable(): { passed: string[]; failed: string[]; messages: string[] } {
  const report = path.join(folder, 'report.json');
  fs.rmSync(report, { force: true });
  const only = ['--project', 'node', '-t', 'softsign|every table is in the register'];
  const { out, err } = node(
    'node_modules/vitest/vitest.mjs',
    'run',
    'packages/engine/test/ops.test.ts',
    ...only,
    '--reporter',
    'json',
    '--outputFile',
    report,
  );
  expect(fs.existsSync(report), out + err).toBe(true);
  const { testResults } = JSON.parse(fs.readFileSync(report, 'utf8')) as { testResults: { assertionResults: Row[] }[] };
  const rows = testResults.flatMap((file) => file.assertionResults);
  const titles = (wanted: Row['status']): string[] =>
    rows.filter(({ status }) => status === wanted).map(({ title }) => title);
  return {
    passed: titles('passed'),
    failed: titles('failed'),
    messages: rows.flatMap((row) => row.failureMessages ?? []),
  };
}

beforeAll(() => {
  const needed = ['package.json', 'tsconfig.base.json', 'vitest.config.ts', 'scripts', 'kernels'];
  const ofEngine = ['package.json', 'src', 'test/ops.test.ts', 'test/asked-kernels.ts', 'test/device.ts'].map(
    (each) => `packages/engine/${each}`,
  );
  const isOurs = (file: string): boolean => !/[/\\](node_modules|dist|\.turbo)$/.test(path.relative(root, file));
  for (const each of [...needed, ...ofEngine])
    fs.cpSync(path.join(root, each), path.join(folder, each), { recursive: true, filter: isOurs });
  // Packages from npm are linked, ours are those of the copy.
  const link = (target: string, name: string): void =>
    fs.symlinkSync(target, path.join(folder, 'node_modules', name), 'junction');
  fs.mkdirSync(path.join(folder, 'node_modules/@curio'), { recursive: true });
  for (const name of fs.readdirSync(path.join(root, 'node_modules')))
    if (!/^(\.|@curio$)/.test(name)) link(path.join(root, 'node_modules', name), name);
  link(path.join(folder, 'kernels'), '@curio/kernels');
  link(path.join(folder, 'packages/engine'), '@curio/engine');
});

test('three files and one line are an op', () => {
  expect(codegen('--check')).toEqual({ status: 0, out: '', err: '' });
  for (const [file, text] of Object.entries(files)) write(file, text);
  fs.appendFileSync(path.join(folder, INDEX), LINE);
  const generated = [
    'kernels/README.md',
    'kernels/gen/elementwise_softsign.ts',
    'packages/engine/src/check/case-modules.ts',
  ];
  const stale = codegen('--check');
  expect([stale.status, stale.err.trim().split('\n').sort()]).toEqual([
    1,
    generated.map((file) => `${file} is stale; run: npm run codegen`),
  ]);
  const { status, out } = codegen();
  expect([status, out.trim().split('\n').sort()]).toEqual([0, generated.map((file) => `codegen: ${file}`)]);

  write('user.ts', USER);
  write(
    'tsconfig.user.json',
    JSON.stringify({
      extends: './tsconfig.base.json',
      files: ['user.ts', 'packages/engine/src/ops/elementwise/softsign.cases.ts'],
    }),
  );
  expect(node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.user.json')).toEqual({ status: 0, out: '', err: '' });
  const user = node('--import', 'tsx', '--conditions=source', 'user.ts');
  expect(user.status, user.err).toBe(0);
  expect(JSON.parse(user.out)).toEqual({ y: [-0.75, 0, 0.5], cases: 4 });
});

const REGISTER = 'every table is in the register that benches and users read';

test('its cases run in the op table', () => {
  expect(opTable()).toEqual({ passed: [REGISTER, '[1]', '[65]', '[3, 5, 7]', '[0, 4]'], failed: [], messages: [] });
});

test.each([
  ['forward', '(1.0 + abs(x[i]))', '(1.5 + abs(x[i]))', /^AssertionError: y\[\d+\] is .*; repeat with SEED=1/],
  ['backward', '(span * span)', 'span', /^AssertionError: gradient of input 0.* is .*; repeat with SEED=1/],
])('and catch a mistake in its kernel, %s', (_, right, wrong, sentence) => {
  expect(files[KERNEL]).toContain(right);
  write(KERNEL, files[KERNEL].replace(right, wrong));
  expect(codegen().status).toBe(0);
  const { passed, failed, messages } = opTable();
  expect({ passed, failed }).toEqual({ passed: [REGISTER, '[0, 4]'], failed: ['[1]', '[65]', '[3, 5, 7]'] });
  for (const message of messages) expect(message).toMatch(sentence);
});
