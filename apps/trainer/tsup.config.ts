import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/cli.ts'],
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
