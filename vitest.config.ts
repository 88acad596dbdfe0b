import { spawnSync } from 'node:child_process';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';
import { findChromium } from './scripts/chromium.mjs';
import { build } from './scripts/workspace.mjs';
import { chooseDriver, describeDriver, swiftShader } from './scripts/vulkan.mjs';

// The forks of the Node projects inherit these variables; LD_LIBRARY_PATH counts only from a process's start. This file
// is read once per project, and `npm test` has chosen already, so the choice is remembered in the environment.
if (!process.env.CURIO_DRIVER_CHOSEN) {
  const driver = chooseDriver(console.log);
  Object.assign(process.env, driver.env);
  console.log(describeDriver(driver));
  build('@curio/trainer'); // tests run the command line as built; `npm test` has built it
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
const teachInNode = inNode('apps/demo/test/teach-bits-cli.ts');
const opsInNode = inNode('packages/testing/test/op-bits-cli.ts');

/** Projects by what is left to do after them, and in each the op table, which takes longest by far, first. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ project, moduleId }: TestSpecification): number =>
      2 * ['node-portable', 'node', 'browser'].indexOf(project.name) + (moduleId.endsWith('/ops.test.ts') ? 0 : 1);
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  // Workspace packages resolve to their sources; the rest are Vite's own defaults.
  resolve: { conditions: ['source', 'module', 'browser', 'development|production'] },
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'development|production'] } },
  test: {
    env,
    // For what hangs: a software adapter compiles a large kernel for seconds, and the test that kills a run again and
    // again takes more than two minutes on a busy machine.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // A page on a busy machine takes more than the second that is usual.
    expect: { poll: { timeout: 60_000 } },
    // Three processes for the files of both Node projects, and a page for the browser's, which keep what they have
    // loaded from file to file; the driver's cache hands compiled kernels from one to the other. That is more than two
    // cores, since much of the time is spent waiting: for a page, a server, another process.
    isolate: false,
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'node',
          include: tests,
          exclude: ['**/*.browser.test.ts', '**/node_modules/**'],
          pool: 'forks',
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
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: tests,
          exclude: ['**/*.node.test.ts', '**/node_modules/**'],
          browser: {
            enabled: true,
            headless: true,
            fileParallelism: false, // one page
            screenshotFailures: false,
            instances: [{ browser: 'chromium' }],
            provider: playwright({ launchOptions: findChromium() }),
            commands: { traceInNode, opsInNode, teachInNode },
          },
        },
      },
    ],
  },
});
