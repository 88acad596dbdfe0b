import { spawnSync } from 'node:child_process';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { findChromium } from './scripts/chromium.mjs';
import { chooseDriver, describeDriver, swiftShader } from './scripts/vulkan.mjs';

// The forks of the Node projects inherit these variables; LD_LIBRARY_PATH counts only from a process's start. This file
// is read once per project, and `npm test` has chosen already, so the choice is remembered in the environment.
if (!process.env.CURIO_DRIVER_CHOSEN) {
  const driver = chooseDriver(console.log);
  Object.assign(process.env, driver.env);
  console.log(describeDriver(driver));
}

const tests = [
  'packages/*/test/**/*.test.ts',
  'kernels/test/**/*.test.ts',
  'apps/*/test/**/*.test.ts',
  'bench/test/**/*.test.ts',
];
/** Handed on to the tests: as process.env in Node, as import.meta.env in the browser. */
const env = Object.fromEntries(
  ['SEED', 'CURIO_FEATURES', 'CURIO_TUNINGS'].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
);

/** The other side of the bit comparisons: a script that prints JSON, in Node, on the SwiftShader that Chromium uses. */
const inNode =
  (script: string) =>
  (_: unknown, wanted: readonly unknown[]): unknown => {
    const driver = swiftShader();
    if (!driver) return null;
    const args = ['--import', 'tsx', '--conditions=source', script, JSON.stringify(wanted)];
    const done = spawnSync(process.execPath, args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: { ...process.env, ...driver },
    });
    if (done.status !== 0) throw new Error(`${script} failed in Node: ${done.stderr}`);
    return JSON.parse(done.stdout);
  };
const traceInNode = inNode('packages/testing/src/small-model-trace-cli.ts');
const opsInNode = inNode('packages/testing/test/op-bits-cli.ts');

export default defineConfig({
  // Workspace packages resolve to their sources; the rest are Vite's own defaults.
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'development|production'] } },
  test: {
    env,
    testTimeout: 120_000, // a software adapter compiles a large kernel for seconds
    hookTimeout: 120_000,
    // One process and one page each, so that all files share one device and its pipelines. The Node project comes
    // first, by itself, since some of it kills and counts processes; the other two run side by side.
    isolate: false,
    maxWorkers: 1,
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: tests,
          exclude: ['**/*.browser.test.ts', '**/node_modules/**'],
          pool: 'forks',
          sequence: { groupOrder: 0 },
        },
      },
      {
        // The floor of WebGPU: default limits, no features, so no subgroups.
        extends: true,
        test: {
          name: 'node-portable',
          include: ['packages/engine/test/**/*.test.ts'],
          exclude: ['**/*.browser.test.ts', '**/*.node.test.ts'],
          pool: 'forks',
          env: { ...env, CURIO_FEATURES: 'portable' },
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: tests,
          exclude: ['**/*.node.test.ts', '**/node_modules/**'],
          sequence: { groupOrder: 1 },
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            instances: [{ browser: 'chromium' }],
            provider: playwright({ launchOptions: findChromium() }),
            commands: { traceInNode, opsInNode },
          },
        },
      },
    ],
  },
});
