// npm run bench, bench:peers, kernel: sets up what is missing, finds a driver, and runs a measuring program from its
// TypeScript source.
import { checkNode, fail, install, runNode, say } from './workspace.mjs';
import { chooseDriver, describeDriver } from './vulkan.mjs';

const withPeers = process.argv[2] === '--peers';
const [program, ...rest] = process.argv.slice(withPeers ? 3 : 2);
const args = withPeers ? [program, '--peers', ...rest] : [program, ...rest];
checkNode();
install();
if (withPeers && !args.includes('--help')) install('bench/peers', '--ignore-scripts');
/** @type {Record<string, string>} */
let env = {};
if (!args.includes('--help')) {
  try {
    const driver = chooseDriver(say);
    say(describeDriver(driver));
    env = { ...driver.env, CURIO_DRIVER_TEXT: describeDriver(driver) };
  } catch (error) {
    fail(error, 3);
  }
}
// Without --liftoff-only V8 spends half a minute on optimising onnxruntime's WebAssembly.
process.exitCode = await runNode(
  [...(withPeers ? ['--liftoff-only'] : []), '--import', 'tsx', '--conditions=source', ...args],
  env,
);
