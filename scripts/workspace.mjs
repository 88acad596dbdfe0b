// What every root command does first: check Node, install what is missing, build what is stale, start the real process.
// Plain Node without imports from node_modules: it runs in a fresh clone.
import fs from 'node:fs';
import path from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** @param {string} file */
const readJson = (file) => JSON.parse(fs.readFileSync(path.join(root, file), 'utf8'));

/** @param {string} sentence */
export const say = (sentence) => console.log(`curio: ${sentence}`);

/** Prints one sentence and ends. @param {unknown} error @param {number} [code] @returns {never} */
export function fail(error, code = 1) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(code);
}

export function checkNode() {
  const wanted = String(readJson('package.json').engines.node).replace(/^>=/, '');
  const [have, need] = [process.versions.node, wanted].map((version) => version.split('.').map(Number));
  if (have[0] < need[0] || (have[0] === need[0] && have[1] < (need[1] ?? 0))) {
    fail(`node: this is Node ${process.versions.node}; Curio needs ${wanted} or later.`);
  }
}

/**
 * Whether node_modules holds what package-lock.json asks for (packages for other platforms aside).
 * @param {string} folder
 */
function isInstalled(folder) {
  const installed = path.join(folder, 'node_modules/.package-lock.json');
  if (!fs.existsSync(path.join(root, installed))) return false;
  const [have, want] = [readJson(installed).packages, readJson(path.join(folder, 'package-lock.json')).packages];
  return Object.entries(want).every(
    ([name, entry]) =>
      !name.includes('node_modules/') || entry.optional || entry.link || have[name]?.version === entry.version,
  );
}

/** Runs npm in a folder, the one that started us where one did. @param {string[]} args @param {string} cwd */
export function runNpm(args, cwd) {
  const npm = process.env.npm_execpath;
  const [command, first] = npm ? [process.execPath, [npm]] : ['npm', []];
  return spawnSync(command, [...first, ...args], {
    cwd,
    stdio: 'inherit',
    shell: !npm && process.platform === 'win32',
  });
}

/** Installs a folder's packages where they are missing. @param {string} folder @param {string[]} flags */
export function install(folder = '', ...flags) {
  if (isInstalled(folder)) return;
  say(`installing ${folder ? `what ${folder} asks for` : 'dependencies'} (npm ci) ...`);
  const done = runNpm(
    ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error', ...flags],
    path.join(root, folder),
  );
  if (done.status !== 0) fail('install: npm ci failed; its own message is above.');
}

/**
 * Builds a workspace with what it needs; turbo does nothing where nothing changed.
 * @param {string[]} filters package names; none means all
 */
export function build(...filters) {
  const turbo = path.join(root, 'node_modules/turbo/bin/turbo');
  const args = [
    turbo,
    'run',
    'build',
    '--output-logs=errors-only',
    '--no-update-notifier',
    ...filters.map((name) => `--filter=${name}`),
  ];
  const done = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
  });
  if (done.status !== 0)
    fail(`${done.stdout ?? ''}${done.stderr ?? ''}\nbuild: turbo run build failed; its output stands above.`);
}

/** Dawn prints these two with every device; they mean nothing to a reader. */
const dawnNoise = /^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced .*\n/gm;

/**
 * Runs Node in the foreground: the terminal stays the child's, signals and the exit code are passed on.
 * @param {string[]} args @param {Record<string, string>} env @param {string} node the binary @returns {Promise<number>}
 * the exit code
 */
export function runNode(args, env = {}, node = process.execPath) {
  const child = spawn(node, args, {
    cwd: root,
    stdio: ['inherit', 'inherit', 'pipe'],
    env: { ...process.env, ...env },
  });
  let held = '';
  child.stderr.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
    held += text;
    const end = held.lastIndexOf('\n') + 1;
    process.stderr.write(held.slice(0, end).replace(dawnNoise, ''));
    held = held.slice(end);
  });
  let passedOn = 0;
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => {
      // A terminal sends ctrl-C to the child as well, and npm sends it to us once more: one press is one signal.
      if ((signal === 'SIGINT' && process.stdin.isTTY) || Date.now() - passedOn < 1000) return;
      passedOn = Date.now();
      child.kill(signal);
    });
  }
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      process.stderr.write(held);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
}
