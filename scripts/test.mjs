// npm test: sets up what is missing, checks format, lint and types, builds, and runs every test in Node and in a
// headless Chromium. npm test -- <path or vitest flags> runs only those; --node 22 or 24 runs them on that Node.
// npm run test:all adds the Node tests on both, every value of every tunable, subgroups of 4 and 16 lanes, and
// budgets of kernels on a GPU.
import path from 'node:path';
import { nodeBinary, NODES } from './nodes.mjs';
import { build, checkNode, fail, install, root, runNode, say } from './workspace.mjs';
import { chooseDriver, describeDriver } from './vulkan.mjs';

const all = process.argv.includes('--all');
const given = process.argv.slice(2).filter((arg) => arg !== '--all');
const nodeAt = given.indexOf('--node');
const major = nodeAt < 0 ? null : (given.splice(nodeAt, 2)[1] ?? '');
const only = given;
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

/** The binary of another Node; null, with a sentence, where there is none. @param {string} other */
function binaryOf(other) {
  const binary = nodeBinary(other);
  if (!binary)
    say(`tests on Node ${NODES[other]}: SKIPPED, npm gave no binary of it for ${process.platform} ${process.arch}`);
  return binary;
}
let own = process.execPath;
if (major !== null) {
  try {
    own = binaryOf(major) ?? process.exit(1);
  } catch (error) {
    fail(error, 2);
  }
}

if (only.length === 0)
  await stage('lint, format, types and build', async () => {
    const checks = [
      runNode([tool('@biomejs/biome/bin/biome'), 'check', '.']),
      runNode([tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit']),
    ];
    build(); // waits, while the two checks run on the other cores
    const codes = await Promise.all(checks);
    return codes.find((code) => code !== 0);
  });
else build('@curio/trainer'); // tests run the command line as built
/** @param {string[]} args @param {Record<string, string>} [more] @param {string} [node] */
const vitest = (args, more = {}, node = own) => {
  const PATH = `${path.dirname(node)}${path.delimiter}${process.env.PATH}`; // what tests start finds the same Node
  return runNode([tool('vitest/vitest.mjs'), 'run', ...args, ...only], { ...env, ...more, PATH }, node);
};

await stage(major ? `tests on Node ${NODES[major]}` : 'tests', () => vitest([]));
if (all) {
  for (const [other, version] of Object.entries(NODES).filter(
    ([other]) => other !== major && other !== process.versions.node.split('.')[0],
  )) {
    const node = binaryOf(other);
    if (node) await stage(`Node tests on Node ${version}`, () => vitest(['--project', 'node'], {}, node));
  }
  // What Mesa's compiler for AMD makes of the kernels for GPUs; it skips itself where there is none.
  if (only.length === 0)
    await stage('budgets of kernels on a GPU', () =>
      vitest(['--project', 'node', 'bench/test/gpu-budgets.node.test.ts'], { CURIO_GPU_BUDGETS: 'all' }),
    );
  // Values of tunables are tried in the op table alone, and matrix units emulated beside it. A large tile compiles for
  // minutes where subgroups are wide.
  const slow = ['--testTimeout=900000', '--hookTimeout=900000', '--passWithNoTests'];
  const ops =
    only.length === 0 ? ['packages/engine/test/ops.test.ts', 'packages/engine/test/subgroup-matrix.test.ts'] : [];
  await stage('every tuning', () => vitest(['--project', 'node', ...slow, ...ops], { CURIO_TUNINGS: 'all' }));
  await stage('every tuning without subgroups', () =>
    vitest(['--project', 'node-portable', ...slow, ...ops], { CURIO_TUNINGS: 'all' }),
  );
  // Lavapipe takes its subgroup size from the width of its vectors.
  if (isLavapipe)
    for (const lanes of [4, 16])
      await stage(`tests and every tuning at subgroups of ${lanes}`, () =>
        vitest(['--project', 'node', ...slow], { CURIO_TUNINGS: 'all', LP_NATIVE_VECTOR_WIDTH: `${32 * lanes}` }),
      );
  else
    say(
      'tests at subgroups of 4 and 16: SKIPPED, only Lavapipe can be told its subgroup size; on a machine without a real GPU it is what is chosen',
    );
}
