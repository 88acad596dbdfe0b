// npm start, npm run curio -- <command>: sets up what is missing, finds a driver, and runs the trainer's command line.
import fs from 'node:fs';
import path from 'node:path';
import { build, checkNode, fail, install, root, runNode, say } from './workspace.mjs';
import { chooseDriver, describeDriver } from './vulkan.mjs';

const began = Date.now();
const args = process.argv.slice(2);
const command = args.find((arg) => !arg.startsWith('-'));
const asksForHelp = !command || command === 'help' || args.includes('--help') || args.includes('-h');

checkNode();
install();
if (!fs.existsSync(path.join(root, 'apps/trainer/dist/cli.js'))) say('building ...');
build('@curio/trainer');

/** @type {Record<string, string>} */
let env = {};
if (!asksForHelp && command !== 'data' && !args.includes('--install')) {
  try {
    const driver = chooseDriver(say);
    env = driver.env;
    say(describeDriver(driver));
  } catch (error) {
    if (command !== 'doctor') fail(error, 3);
  }
}
// The summary of a run states how long the way to it took.
env.CURIO_SETUP_SECONDS = String((Date.now() - began) / 1000);
process.exitCode = await runNode([path.join(root, 'apps/trainer/dist/cli.js'), ...args], env);
