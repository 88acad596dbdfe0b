// npm run parity: runs the tests that compare with an oracle and prints what they found as a Markdown table, for
// docs/coverage.md. npm run parity -- <words> takes only the files whose path has one of them.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { chooseDriver, describeDriver } from './vulkan.mjs';
import { checkNode, fail, install, root, runNode } from './workspace.mjs';

checkNode();
install();
/** Progress goes to standard error, so that the table alone is printed. @param {string} sentence */
const tell = (sentence) => console.error(`curio: ${sentence}`);
/** @type {Record<string, string>} */
let env = {};
try {
  const driver = chooseDriver(tell);
  tell(describeDriver(driver));
  env = driver.env;
} catch (error) {
  fail(error, 3);
}

const words = process.argv.slice(2);
const measures = /^import .*[/]parity(\.ts)?';$/m;
const files = ['packages', 'apps'].flatMap((room) =>
  readdirSync(path.join(root, room)).flatMap((name) => {
    const folder = path.join(room, name, 'test');
    /** @type {string[]} */
    let found = [];
    try {
      found = readdirSync(path.join(root, folder));
    } catch {
      return []; // a package without tests
    }
    return found
      .map((file) => path.join(folder, file))
      .filter((file) => file.endsWith('.test.ts') && measures.test(readFileSync(path.join(root, file), 'utf8')));
  }),
);
const chosen = files.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
if (chosen.length === 0)
  fail(new Error(`parity: no test has ${words.join(' or ')} in its path; there are ${files.join(', ')}.`), 2);
tell(`${chosen.length} files, which take some minutes ...`);
process.exitCode = await runNode(
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    'node',
    '--reporter',
    './packages/testing/src/parity-reporter.ts',
    ...chosen,
  ],
  env,
);
