// npm test: sets up what is missing, then checks types, builds, and runs every test in Node and in a headless Chromium.
// npm test -- <path or vitest flags> runs only those tests. npm run test:all adds subgroups of 16.
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
try {
  const driver = chooseDriver(say);
  say(describeDriver(driver));
  env = driver.env;
} catch (error) {
  fail(error, 3);
}

if (only.length === 0) {
  await stage('types', () => runNode([tool('typescript/bin/tsc'), '-p', 'tsconfig.json', '--noEmit']));
  await stage('build', () => build());
}
await stage('tests', () => runNode([tool('vitest/vitest.mjs'), 'run', ...only], env));
if (all) {
  // Lavapipe takes its subgroup size from the width of its vectors; at 16 it compiles a large tile for minutes.
  await stage('tests at subgroup size 16', () =>
    runNode([tool('vitest/vitest.mjs'), 'run', '--project', 'node', '--testTimeout=900000', ...only], { ...env, LP_NATIVE_VECTOR_WIDTH: '512' }));
}
