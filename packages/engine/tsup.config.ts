import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { index: 'src/index.ts', check: 'src/check/index.ts' },
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  // The kernels are data of the workspace; they are bundled, so that the package stands alone.
  noExternal: [/^@curio\/kernels/],
  external: ['webgpu'],
  esbuildOptions: (options) => {
    options.conditions = ['source'];
  },
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } }, // tsup injects baseUrl, which TypeScript 6 calls deprecated
  sourcemap: true,
  clean: true,
});
