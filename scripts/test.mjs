// npm test: sets up what is missing, then checks types, builds, and runs every test in Node and in a headless Chromium.
// npm test -- <path or vitest flags> runs only those tests. npm run test:all adds every value of every tunable, and subgroups of 4 and 16 lanes.
import path from 'node:path';
import { build, checkNode, fail, install, root, runNode, say } from './workspace.mjs';
import { chooseDriver, describeDriver } from './vulkan.mjs';

const all = process.argv.includes('--all');
const only = process.argv.slice(2).filter((arg) => arg !== '--all');
const tool = (/** @type {string} */ file) => path.join(root, 'node_modules', file);

/** @param {string} what @param {() => unknown} work */
async function stage(what, work) {
  const began = Date.now();
  say(`${what} ...`);
  const code = (await work()) ?? 0;
  say(`${what}: ${code === 0 ? 'done' : 'FAILED'} after ${((Date.now() - began) / 1000).toFixed(1)} s`);
  if (code !== 0) process.exit(Number(code));
}

checkNode();
install();
/** @type {Record<string, string>} */
let env = {};
let isLavapipe = false;
try {
  const driver = chooseDriver(say);
  say(describeDriver(driver));
  env = driver.env;
  isLavapipe = /llvmpipe|lavapipe/i.test(driver.adapter.description);
} catch (error) {
  fail(error, 3);
}

if (only.length === 0) {
  await stage('types', () => runNode([tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit']));
  await stage('build', () => build());
}
/** @param {string[]} args @param {Record<string, string>} [more] */
const vitest = (args, more = {}) => runNode([tool('vitest/vitest.mjs'), 'run', ...args, ...only], { ...env, ...more });

await stage('tests', () => vitest([]));
if (all) {
  // Values of tunables are tried in the op table alone, and matrix units emulated beside it. A large tile compiles for minutes where subgroups are wide.
  const slow = ['--testTimeout=900000', '--hookTimeout=900000', '--passWithNoTests'];
  const ops = only.length === 0 ? ['packages/engine/test/ops.test.ts', 'packages/engine/test/subgroup-matrix.test.ts'] : [];
  await stage('every tuning', () => vitest(['--project', 'node', ...slow, ...ops], { CURIO_TUNINGS: 'all' }));
  await stage('every tuning without subgroups', () => vitest(['--project', 'node-portable', ...slow, ...ops], { CURIO_TUNINGS: 'all' }));
  // Lavapipe takes its subgroup size from the width of its vectors.
  if (isLavapipe) for (const lanes of [4, 16]) await stage(`tests and every tuning at subgroups of ${lanes}`, () => vitest(['--project', 'node', ...slow], { CURIO_TUNINGS: 'all', LP_NATIVE_VECTOR_WIDTH: `${32 * lanes}` }));
  else say('tests at subgroups of 4 and 16: SKIPPED, only Lavapipe can be told its subgroup size; on a machine without a real GPU it is what is chosen');
}
