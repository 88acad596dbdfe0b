import { describe, expect, test } from 'vitest';
import * as rules from '../src/repo-rules.ts';
import * as textRules from '../src/repo-rules-text.ts';

/** Each rule, a made-up violation, and the exact sentence it must draw. */
const violations: [string, (files: rules.Files) => string[], Record<string, string>, string][] = [
  [
    'an import from the right',
    rules.importArrows,
    { 'packages/engine/src/ops/a.ts': "import { Linear } from '@curio/nn';" },
    'packages/engine/src/ops/a.ts:1 imports @curio/nn, but engine may import only from its left: kernels → engine → nn → model → scenes → apps.',
  ],
  [
    'a type import from the right',
    rules.importArrows,
    { 'packages/nn/src/a.ts': "\nimport type { Config } from '@curio/model';" },
    'packages/nn/src/a.ts:2 imports @curio/model, but nn may import only from its left: kernels → engine → nn → model → scenes → apps.',
  ],
  [
    'kernels past the engine',
    rules.importArrows,
    { 'packages/nn/src/a.ts': "import { tensorCopyRows } from '@curio/kernels/tensor_copy_rows';" },
    'packages/nn/src/a.ts:1 imports @curio/kernels, but nn may import only from its left: kernels → engine → nn → model → scenes → apps.',
  ],
  [
    'one app in another',
    rules.importArrows,
    { 'apps/demo/src/a.ts': "const x = await import('@curio/trainer');" },
    'apps/demo/src/a.ts:1 imports @curio/trainer, but demo may import only from its left: kernels → engine → nn → model → scenes → apps.',
  ],
  [
    'testing in a product',
    rules.importArrows,
    { 'packages/nn/src/a.ts': "export * from '@curio/testing';" },
    'packages/nn/src/a.ts:1 imports @curio/testing; only tests may.',
  ],
  [
    'a way around the name',
    rules.importArrows,
    { 'packages/nn/src/a.ts': "import { add } from '../../engine/src/index.ts';" },
    "packages/nn/src/a.ts:1 imports '../../engine/src/index.ts' out of its own room; import a workspace package by its name.",
  ],
  [
    'a dependency of the engine',
    rules.importArrows,
    { 'packages/engine/src/a.ts': "import { z } from 'zod';" },
    "packages/engine/src/a.ts:1 imports 'zod'; engine depends on webgpu.",
  ],
  [
    'a floor from above',
    rules.engineFloors,
    { 'packages/engine/src/gpu/a.ts': "import { Tensor } from '../tensor/tensor.ts';" },
    "packages/engine/src/gpu/a.ts:1 imports '../tensor/tensor.ts', but inside the engine gpu may import only from its left: gpu → tensor → ops → optim → profile.",
  ],
  [
    'check in the engine itself',
    rules.engineFloors,
    { 'packages/engine/src/ops/a.ts': "import { oracle } from '../check/oracle.ts';" },
    "packages/engine/src/ops/a.ts:1 imports '../check/oracle.ts', but inside the engine ops may import only from its left: gpu → tensor → ops → optim → profile.",
  ],
  [
    'a family from above',
    rules.opFamilies,
    {
      'packages/engine/src/ops/layout/a.ts': "import type { B } from '../rows/b.ts';",
      'packages/engine/src/ops/rows/b.ts': '',
    },
    "packages/engine/src/ops/layout/a.ts:1 imports '../rows/b.ts', but ops/layout may import only from its left: parts → layout → cast → reduce → elementwise → random → rows → index → matmul → attention → window → prototype → composed.",
  ],
  [
    'an op in no family',
    rules.opFamilies,
    { 'packages/engine/src/ops/a.ts': '' },
    'packages/engine/src/ops/a.ts is in no family of ops; they are parts, layout, cast, reduce, elementwise, random, rows, index, matmul, attention, window, prototype, composed.',
  ],
  [
    'a variant by its identity',
    rules.variantsByIdentity,
    { 'packages/engine/src/ops/rows/a.ts': 'if (variant.kernel === mine) f();' },
    "packages/engine/src/ops/rows/a.ts:1 tells a variant by its identity ('variant.kernel === mine'); let the variant bring what it needs (bind, params).",
  ],
  [
    'a question what the adapter is',
    rules.softwareAsked,
    { 'packages/engine/src/ops/rows/a.ts': 'if (gpu.adapter.isSoftware) f();' },
    "packages/engine/src/ops/rows/a.ts:1 asks what the adapter is ('isSoftware'); use gpu.adapter.costs instead.",
  ],
  [
    'a crowded folder',
    rules.folderSizes,
    Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`packages/nn/src/a${i}.ts`, ''])),
    'packages/nn/src holds 17 files; at most 16: part them by what they are about.',
  ],
  [
    'a path that leads nowhere',
    textRules.pathsInText,
    { 'packages/nn/src/a.ts': '// as lib/gone.wgsl says' },
    "packages/nn/src/a.ts:1 names 'lib/gone.wgsl', which is not there.",
  ],
  [
    'a ring',
    rules.cycles,
    { 'packages/nn/src/a.ts': "import './b.ts';", 'packages/nn/src/b.ts': "import { a } from './a.ts';" },
    'packages/nn/src/a.ts → packages/nn/src/b.ts → packages/nn/src/a.ts is a ring of imports; move what they share into one of them or a third.',
  ],
  [
    'a ring of types',
    rules.cycles,
    {
      'apps/demo/src/a.ts': "import type { B } from './inside/b.ts';",
      'apps/demo/src/inside/b.ts': "import { c, type A } from '../c.ts';",
      'apps/demo/src/c.ts': "export type { A } from './a.ts';",
    },
    'apps/demo/src/a.ts → apps/demo/src/inside/b.ts → apps/demo/src/c.ts → apps/demo/src/a.ts is a ring of imports; move what they share into one of them or a third.',
  ],
  [
    'a type from above in gpu/',
    rules.gpuFloors,
    { 'packages/engine/src/gpu/memory/a.ts': "import type { Gpu } from '../gpu.ts';" },
    "packages/engine/src/gpu/memory/a.ts:1 imports '../gpu.ts', but inside gpu/ each may import only from its left: adapter.ts, costs.ts, errors.ts, sync.ts → memory → kernel → stream → the rest; name the part of it that is needed in an interface.",
  ],
  [
    'GPU text in a string',
    rules.gpuText,
    { 'packages/engine/src/ops/a.ts': 'const code = `@compute fn main() {}`;' },
    "packages/engine/src/ops/a.ts:1 holds GPU text ('@compute'); it belongs in a .wgsl file under kernels/.",
  ],
  [
    'GPU text in a stray file',
    rules.gpuText,
    { 'packages/engine/src/ops/a.wgsl': '' },
    'packages/engine/src/ops/a.wgsl is GPU text outside kernels/; move it there.',
  ],
  [
    'WebGPU in an op',
    rules.webgpuCalls,
    { 'packages/engine/src/ops/a.ts': 'device.createBuffer({});' },
    "packages/engine/src/ops/a.ts:1 calls WebGPU itself ('.createBuffer('); only packages/engine/src/gpu may.",
  ],
  [
    'WebGPU in the page',
    rules.webgpuCalls,
    { 'apps/demo/src/a.ts': '// look\nawait navigator.gpu.requestAdapter();' },
    "apps/demo/src/a.ts:2 calls WebGPU itself ('navigator.gpu.requestAdapter'); only packages/engine/src/gpu may.",
  ],
  [
    'the process in a package',
    rules.platform,
    { 'packages/model/src/a.ts': 'if (process.env.DEBUG) log();' },
    "packages/model/src/a.ts:1 touches the platform ('process.env'); files, downloads and images enter the packages as small interfaces that the apps pass in.",
  ],
  [
    'files in a package',
    rules.platform,
    { 'packages/nn/src/a.ts': "import fs from 'node:fs';" },
    "packages/nn/src/a.ts:1 touches the platform (''node:fs''); files, downloads and images enter the packages as small interfaces that the apps pass in.",
  ],
  [
    'the page in a package',
    rules.platform,
    { 'packages/nn/src/a.ts': "document.createElement('canvas');" },
    "packages/nn/src/a.ts:1 touches the platform ('document.createElement'); files, downloads and images enter the packages as small interfaces that the apps pass in.",
  ],
  [
    'a stub',
    textRules.leftOpen,
    { 'packages/nn/src/a.ts': "throw new Error('not implemented');" },
    "packages/nn/src/a.ts:1 says 'not implemented'; finish it or leave it out.",
  ],
  [
    'a note',
    textRules.notesLeft,
    { 'kernels/a.wgsl': '// TODO faster' },
    'kernels/a.wgsl:1 says TODO; do it, or write an issue.',
  ],
  [
    'a long file',
    textRules.fileSizes,
    { 'apps/demo/src/a.ts': 'x\n'.repeat(451) },
    'apps/demo/src/a.ts has 451 lines; at most 450: split it where the thought changes.',
  ],
  [
    'a long kernel',
    textRules.fileSizes,
    { 'kernels/a.wgsl': 'x\n'.repeat(251) },
    'kernels/a.wgsl has 251 lines; at most 250: split it where the thought changes.',
  ],
  [
    'a long comment',
    textRules.lineLengths,
    { 'packages/nn/src/a.ts': `const a = 1;\n// ${'x'.repeat(118)}` },
    'packages/nn/src/a.ts:2 has 121 columns; at most 120: break it where the thought does.',
  ],
  [
    'a long line of a kernel',
    textRules.lineLengths,
    { 'kernels/a.wgsl': 'x'.repeat(121) },
    'kernels/a.wgsl:1 has 121 columns; at most 120: break it where the thought does.',
  ],
  [
    'a name that says nothing',
    textRules.fileNames,
    { 'packages/nn/src/utils.ts': '' },
    'packages/nn/src/utils.ts has a name that says nothing; name it after the thing in it.',
  ],
  [
    'a barrel',
    textRules.fileNames,
    { 'packages/engine/src/ops/index.ts': '' },
    'packages/engine/src/ops/index.ts is a barrel inside a package; import the file that holds the thing.',
  ],
  [
    'a dead link',
    (files) => textRules.markdownLinks(files, () => false),
    { 'docs/a.md': 'see [that](../b.md#part) and [this](https://example.org)' },
    "docs/a.md links to '../b.md', which is not there.",
  ],
  [
    'a registry address',
    rules.serverAddresses,
    { 'package-lock.json': '"resolved": "https://registry.example/a.tgz"' },
    "package-lock.json names the registry address https://registry.example/a.tgz; run npm install with this repository's .npmrc.",
  ],
  [
    'a mirror',
    rules.serverAddresses,
    { 'scripts/a.mjs': "const url = 'https://mirror.example/debian';" },
    "scripts/a.mjs names the package mirror https://mirror.example/debian; ask the machine's own apt.",
  ],
  [
    'a lock file for one platform',
    rules.lockComplete,
    {
      'package-lock.json': '{ "packages": { "node_modules/a": { "optionalDependencies": { "a-darwin": "1.0.0" } } } }',
    },
    'package-lock.json has no entry for a-darwin, which node_modules/a may need on another platform; npm ci fails without it.',
  ],
  [
    'a loose version',
    rules.pinnedVersions,
    { 'packages/nn/package.json': '{ "dependencies": { "a": "^1.0.0" } }' },
    "packages/nn/package.json asks for a '^1.0.0'; pin one version.",
  ],
];

describe('each rule of the house fails on what it forbids', () => {
  test.each(violations)('%s', (_, rule, files, sentence) => {
    expect(rule(new Map(Object.entries(files)))).toEqual([sentence]);
  });
});

describe('and lets pass what it allows', () => {
  const allowed: [string, (files: rules.Files) => string[], Record<string, string>][] = [
    [
      'imports to the left',
      rules.importArrows,
      {
        'packages/model/src/a.ts':
          "import { add } from '@curio/engine';\nimport { Linear } from '@curio/nn';\nimport { b } from './b.ts';",
      },
    ],
    [
      'testing in a test',
      rules.importArrows,
      { 'packages/engine/test/a.test.ts': "import { run } from '@curio/testing';" },
    ],
    [
      'the truth beside an op',
      rules.engineFloors,
      { 'packages/engine/src/ops/a.cases.ts': "import type { Cases } from '../truth/cases.ts';" },
    ],
    [
      'a path by its end',
      textRules.pathsInText,
      {
        'packages/nn/src/a.ts': '// as nn/src/b.ts says, and https://a.b/c.ts, and ops/*.ts',
        'packages/nn/src/b.ts': '',
      },
    ],
    [
      'what stands lower in gpu/',
      rules.gpuFloors,
      {
        'packages/engine/src/gpu/stream/a.ts': "import { Memory } from '../memory/memory.ts';\nimport '../errors.ts';",
        'packages/engine/src/gpu/gpu.ts': "import { Stream } from './stream/stream.ts';",
      },
    ],
    [
      'GPU words in a comment',
      rules.gpuText,
      { 'packages/engine/src/ops/a.ts': '// the @compute entry\n/** var<storage> */' },
    ],
    ['a long generated file', textRules.fileSizes, { 'kernels/gen/a.ts': 'x\n'.repeat(1000) }],
    ['a long string', textRules.lineLengths, { 'packages/nn/src/a.ts': `const a = '${'x'.repeat(120)}';` }],
    ['links in code', (files) => textRules.markdownLinks(files, () => false), { 'a.md': '`[a](b)`' }],
  ];
  test.each(allowed)('%s', (_, rule, files) => {
    expect(rule(new Map(Object.entries(files)))).toEqual([]);
  });
});
