// npm run demo: serves the page on this machine.
import path from 'node:path';
import { checkNode, install, root, runNode } from './workspace.mjs';

checkNode();
install();
process.exitCode = await runNode([
  path.join(root, 'node_modules/vite/bin/vite.js'),
  path.join(root, 'apps/demo'),
  ...process.argv.slice(2),
]);
