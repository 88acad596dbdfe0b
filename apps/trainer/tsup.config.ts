import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { cli: 'src/cli.ts', 'picture-worker': 'src/data/picture-worker.ts' },
  format: 'esm',
  target: 'node20',
  platform: 'node',
  // The packages of this workspace are bundled from their sources; what npm installs stays outside.
  noExternal: [/^@curio\//],
  esbuildOptions: (options) => {
    options.conditions = ['source'];
  },
  sourcemap: true,
  clean: true,
});
