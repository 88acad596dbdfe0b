import { describe, expect, test } from 'vitest';
import * as code from '../src/repo-rules/code.ts';
import type { Files } from '../src/repo-rules/files.ts';
import * as imports from '../src/repo-rules/imports.ts';
import * as packages from '../src/repo-rules/packages.ts';
import * as text from '../src/repo-rules/text.ts';

/** Each rule, a made-up violation, and the exact sentence it must draw. */
const violations: [string, (files: Files) => string[], Record<string, string>, string][] = [
  [
    'an import from the right',
    imports.importArrows,
    { 'packages/engine/src/ops/a.ts': "import { Linear } from '@curio/nn';" },
    'packages/engine/src/ops/a.ts:1 imports @curio/nn, but engine may import only from its left: kernels → engine → nn → model → scenes → apps.',
  ],
  [
    'a type import from the right',
    imports.importArrows,
    { 'packages/nn/src/a.ts': "\nimport type { Config } from '@curio/model';" },
    'packages/nn/src/a.ts:2 imports @curio/model, but nn may import only from its left: kernels → engine → nn → model → scenes → apps.',
  ],
  [
    'kernels past the engine',
    imports.importArrows,
    { 'packages/nn/src/a.ts': "import { tensorCopyRows } from '@curio/kernels/tensor_copy_rows';" },
    'packages/nn/src/a.ts:1 imports @curio/kernels, but nn may import only from its left: kernels → engine → nn → model → scenes → apps.',
  ],
  [
    'one app in another',
    imports.importArrows,
    { 'apps/demo/src/a.ts': "const x = await import('@curio/trainer');" },
    'apps/demo/src/a.ts:1 imports @curio/trainer, but demo may import only from its left: kernels → engine → nn → model → scenes → apps.',
  ],
  [
    'testing in a product',
    imports.importArrows,
    { 'packages/nn/src/a.ts': "export * from '@curio/testing';" },
    'packages/nn/src/a.ts:1 imports @curio/testing; only tests may.',
  ],
  [
    'a way around the name',
    imports.importArrows,
    { 'packages/nn/src/a.ts': "import { add } from '../../engine/src/index.ts';" },
    "packages/nn/src/a.ts:1 imports '../../engine/src/index.ts' out of its own room; import a workspace package by its name.",
  ],
  [
    'a dependency of the engine',
    imports.importArrows,
    { 'packages/engine/src/a.ts': "import { z } from 'zod';" },
    "packages/engine/src/a.ts:1 imports 'zod'; engine depends on webgpu.",
  ],
  [
    'a floor from above',
    imports.engineFloors,
    { 'packages/engine/src/gpu/a.ts': "import { Tensor } from '../tensor/tensor.ts';" },
    "packages/engine/src/gpu/a.ts:1 imports '../tensor/tensor.ts', but inside the engine gpu may import only from its left: gpu → tensor → ops → optim → profile.",
  ],
  [
    'check in the engine itself',
    imports.engineFloors,
    { 'packages/engine/src/ops/a.ts': "import { oracle } from '../check/oracle.ts';" },
    "packages/engine/src/ops/a.ts:1 imports '../check/oracle.ts', but inside the engine ops may import only from its left: gpu → tensor → ops → optim → profile.",
  ],
  [
    'a family from above',
    imports.opFamilies,
    {
      'packages/engine/src/ops/layout/a.ts': "import type { B } from '../rows/b.ts';",
      'packages/engine/src/ops/rows/b.ts': '',
    },
    "packages/engine/src/ops/layout/a.ts:1 imports '../rows/b.ts', but ops/layout may import only from its left: parts → layout → cast → reduce → elementwise → random → rows → index → matmul → attention → window → prototype → composed.",
  ],
  [
    'an op in no family',
    imports.opFamilies,
    { 'packages/engine/src/ops/a.ts': '' },
    'packages/engine/src/ops/a.ts is in no family of ops; they are parts, layout, cast, reduce, elementwise, random, rows, index, matmul, attention, window, prototype, composed.',
  ],
  [
    'a variant by its identity',
    code.variantsByIdentity,
    { 'packages/engine/src/ops/rows/a.ts': 'if (variant.kernel === mine) f();' },
    "packages/engine/src/ops/rows/a.ts:1 tells a variant by its identity ('variant.kernel === mine'); let the variant bring what it needs (bind, params).",
  ],
  [
    'a question what the adapter is',
    code.softwareAsked,
    { 'packages/engine/src/ops/rows/a.ts': 'if (gpu.adapter.isSoftware) f();' },
    "packages/engine/src/ops/rows/a.ts:1 asks what the adapter is ('isSoftware'); use gpu.adapter.costs instead.",
  ],
  [
    'a crowded folder',
    text.folderSizes,
    Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`packages/nn/src/a${i}.ts`, ''])),
    'packages/nn/src holds 17 files; at most 16: part them by what they are about.',
  ],
  [
    'a path that leads nowhere',
    text.pathsInText,
    { 'packages/nn/src/a.ts': '// as lib/gone.wgsl says' },
    "packages/nn/src/a.ts:1 names 'lib/gone.wgsl', which is not there.",
  ],
  [
    'a ring',
    imports.cycles,
    { 'packages/nn/src/a.ts': "import './b.ts';", 'packages/nn/src/b.ts': "import { a } from './a.ts';" },
    'packages/nn/src/a.ts → packages/nn/src/b.ts → packages/nn/src/a.ts is a ring of imports; move what they share into one of them or a third.',
  ],
  [
    'a ring of types',
    imports.cycles,
    {
      'apps/demo/src/a.ts': "import type { B } from './inside/b.ts';",
      'apps/demo/src/inside/b.ts': "import { c, type A } from '../c.ts';",
      'apps/demo/src/c.ts': "export type { A } from './a.ts';",
    },
    'apps/demo/src/a.ts → apps/demo/src/inside/b.ts → apps/demo/src/c.ts → apps/demo/src/a.ts is a ring of imports; move what they share into one of them or a third.',
  ],
  [
    'a type from above in gpu/',
    imports.gpuFloors,
    { 'packages/engine/src/gpu/memory/a.ts': "import type { Gpu } from '../gpu.ts';" },
    "packages/engine/src/gpu/memory/a.ts:1 imports '../gpu.ts', but inside gpu/ each may import only from its left: adapter.ts, costs.ts, errors.ts, sync.ts → memory → kernel → stream → the rest; name the part of it that is needed in an interface.",
  ],
  [
    'GPU text in a string',
    code.gpuText,
    { 'packages/engine/src/ops/a.ts': 'const code = `@compute fn main() {}`;' },
    "packages/engine/src/ops/a.ts:1 holds GPU text ('@compute'); it belongs in a .wgsl file under kernels/.",
  ],
  [
    'GPU text in a stray file',
    code.gpuText,
    { 'packages/engine/src/ops/a.wgsl': '' },
    'packages/engine/src/ops/a.wgsl is GPU text outside kernels/; move it there.',
  ],
  [
    'WebGPU in an op',
    code.webgpuCalls,
    { 'packages/engine/src/ops/a.ts': 'device.createBuffer({});' },
    "packages/engine/src/ops/a.ts:1 calls WebGPU itself ('.createBuffer('); only packages/engine/src/gpu may.",
  ],
  [
    'WebGPU in the page',
    code.webgpuCalls,
    { 'apps/demo/src/a.ts': '// look\nawait navigator.gpu.requestAdapter();' },
    "apps/demo/src/a.ts:2 calls WebGPU itself ('navigator.gpu.requestAdapter'); only packages/engine/src/gpu may.",
  ],
  [
    'the process in a package',
    code.platform,
    { 'packages/model/src/a.ts': 'if (process.env.DEBUG) log();' },
    "packages/model/src/a.ts:1 touches the platform ('process.env'); files, downloads and images enter the packages as small interfaces that the apps pass in.",
  ],
  [
    'files in a package',
    code.platform,
    { 'packages/nn/src/a.ts': "import fs from 'node:fs';" },
    "packages/nn/src/a.ts:1 touches the platform (''node:fs''); files, downloads and images enter the packages as small interfaces that the apps pass in.",
  ],
  [
    'the page in a package',
    code.platform,
    { 'packages/nn/src/a.ts': "document.createElement('canvas');" },
    "packages/nn/src/a.ts:1 touches the platform ('document.createElement'); files, downloads and images enter the packages as small interfaces that the apps pass in.",
  ],
  [
    'a stub',
    text.leftOpen,
    { 'packages/nn/src/a.ts': "throw new Error('not implemented');" },
    "packages/nn/src/a.ts:1 says 'not implemented'; finish it or leave it out.",
  ],
  [
    'a note',
    text.notesLeft,
    { 'kernels/a.wgsl': '// TODO faster' },
    'kernels/a.wgsl:1 says TODO; do it, or write an issue.',
  ],
  [
    'a long file',
    text.fileSizes,
    { 'apps/demo/src/a.ts': 'x\n'.repeat(451) },
    'apps/demo/src/a.ts has 451 lines; at most 450: split it where the thought changes.',
  ],
  [
    'a long kernel',
    text.fileSizes,
    { 'kernels/a.wgsl': 'x\n'.repeat(251) },
    'kernels/a.wgsl has 251 lines; at most 250: split it where the thought changes.',
  ],
  [
    'a long comment',
    text.lineLengths,
    { 'packages/nn/src/a.ts': `const a = 1;\n// ${'x'.repeat(118)}` },
    'packages/nn/src/a.ts:2 has 121 columns; at most 120: break it where the thought does.',
  ],
  [
    'a long line of a kernel',
    text.lineLengths,
    { 'kernels/a.wgsl': 'x'.repeat(121) },
    'kernels/a.wgsl:1 has 121 columns; at most 120: break it where the thought does.',
  ],
  [
    'a name that says nothing',
    text.fileNames,
    { 'packages/nn/src/utils.ts': '' },
    'packages/nn/src/utils.ts has a name that says nothing; name it after the thing in it.',
  ],
  [
    'a barrel',
    text.fileNames,
    { 'packages/engine/src/ops/index.ts': '' },
    'packages/engine/src/ops/index.ts is a barrel inside a package; import the file that holds the thing.',
  ],
  [
    'a dead link',
    (files) => text.markdownLinks(files, () => false),
    { 'docs/a.md': 'see [that](../b.md#part) and [this](https://example.org)' },
    "docs/a.md links to '../b.md', which is not there.",
  ],
  [
    'a registry address',
    packages.serverAddresses,
    { 'package-lock.json': '"resolved": "https://registry.example/a.tgz"' },
    "package-lock.json names the registry address https://registry.example/a.tgz; run npm install with this repository's .npmrc.",
  ],
  [
    'a mirror',
    packages.serverAddresses,
    { 'scripts/a.mjs': "const url = 'https://mirror.example/debian';" },
    "scripts/a.mjs names the package mirror https://mirror.example/debian; ask the machine's own apt.",
  ],
  [
    'a lock file for one platform',
    packages.lockComplete,
    {
      'package-lock.json': '{ "packages": { "node_modules/a": { "optionalDependencies": { "a-darwin": "1.0.0" } } } }',
    },
    'package-lock.json has no entry for a-darwin, which node_modules/a may need on another platform; npm ci fails without it.',
  ],
  [
    'a loose version',
    packages.pinnedVersions,
    { 'packages/nn/package.json': '{ "dependencies": { "a": "^1.0.0" } }' },
    "packages/nn/package.json asks for a '^1.0.0'; pin one version.",
  ],
];

describe('each rule of the repository fails on what it forbids', () => {
  test.each(violations)('%s', (_, rule, files, sentence) => {
    expect(rule(new Map(Object.entries(files)))).toEqual([sentence]);
  });
});

describe('and passes what it allows', () => {
  const allowed: [string, (files: Files) => string[], Record<string, string>][] = [
    [
      'imports to the left',
      imports.importArrows,
      {
        'packages/model/src/a.ts':
          "import { add } from '@curio/engine';\nimport { Linear } from '@curio/nn';\nimport { b } from './b.ts';",
      },
    ],
    [
      'testing in a test',
      imports.importArrows,
      { 'packages/engine/test/a.test.ts': "import { run } from '@curio/testing';" },
    ],
    [
      'the truth beside an op',
      imports.engineFloors,
      { 'packages/engine/src/ops/a.cases.ts': "import type { Cases } from '../truth/cases.ts';" },
    ],
    [
      'a path by its end',
      text.pathsInText,
      {
        'packages/nn/src/a.ts': '// as nn/src/b.ts says, and https://a.b/c.ts, and ops/*.ts',
        'packages/nn/src/b.ts': '',
      },
    ],
    [
      'what stands lower in gpu/',
      imports.gpuFloors,
      {
        'packages/engine/src/gpu/stream/a.ts': "import { Memory } from '../memory/memory.ts';\nimport '../errors.ts';",
        'packages/engine/src/gpu/gpu.ts': "import { Stream } from './stream/stream.ts';",
      },
    ],
    [
      'GPU words in a comment',
      code.gpuText,
      { 'packages/engine/src/ops/a.ts': '// the @compute entry\n/** var<storage> */' },
    ],
    ['a long generated file', text.fileSizes, { 'kernels/gen/a.ts': 'x\n'.repeat(1000) }],
    ['a long string', text.lineLengths, { 'packages/nn/src/a.ts': `const a = '${'x'.repeat(120)}';` }],
    ['links in code', (files) => text.markdownLinks(files, () => false), { 'a.md': '`[a](b)`' }],
  ];
  test.each(allowed)('%s', (_, rule, files) => {
    expect(rule(new Map(Object.entries(files)))).toEqual([]);
  });
});
