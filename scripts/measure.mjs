// npm run bench, npm run kernel: sets up what is missing, finds a driver, and runs a measuring program from its TypeScript source.
import { checkNode, fail, install, runNode, say } from './workspace.mjs';
import { chooseDriver, describeDriver } from './vulkan.mjs';

const args = process.argv.slice(2);
checkNode();
install();
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
process.exitCode = await runNode(['--import', 'tsx', '--conditions=source', ...args], env);
