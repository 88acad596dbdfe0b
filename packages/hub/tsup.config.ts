import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } }, // tsup injects baseUrl, which TypeScript 6 calls deprecated
  sourcemap: true,
  clean: true,
});
