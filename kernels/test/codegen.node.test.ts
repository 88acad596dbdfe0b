import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { constantName } from '../codegen.ts';
import { reflectKernel } from '../reflect.ts';

const good = `// y = scale * x, by way of a lib piece.
// uses: lib/twice.wgsl
enable subgroups;
const WG = 64u; // tune: 32u 64u
struct Params {
  rows: u32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> counts: array<atomic<u32>, 4>;

fn load(i: u32) -> f32 { return x[i].x; }

@compute @workgroup_size(WG * 2u, 2)
fn forward(@builtin(global_invocation_id) id: vec3<u32>) {
  y[id.x] = params.scale * twice(load(id.x)); // not counts
}

@compute @workgroup_size(64)
fn backward(@builtin(global_invocation_id) id: vec3<u32>) {
  atomicAdd(&counts[0], params.rows);
}
`;
const lib = 'fn twice(x: f32) -> f32 { let y = x; return 2.0 * y; }\n';
const readLib = (file: string) => (file === 'lib/twice.wgsl' ? lib : null);

test('a kernel is read into the data that the engine needs', () => {
  expect(reflectKernel('scale/scale', good, readLib)).toEqual({
    name: 'scale/scale',
    file: 'kernels/scale/scale.wgsl',
    code: good,
    uses: ['lib/twice.wgsl'],
    lib,
    params: [
      { name: 'rows', type: 'u32', offset: 0 },
      { name: 'scale', type: 'f32', offset: 4 },
    ],
    bindings: [
      { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
      { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4<f32>' },
      { binding: 2, name: 'y', type: 'storage', element: 'f32' },
      { binding: 3, name: 'counts', type: 'storage', element: 'atomic<u32>' },
    ],
    tunables: [{ name: 'WG', value: '64u', allowed: ['32u', '64u'], line: 4 }],
    // x through load(); the lib's own locals x and y are not the bindings.
    entries: {
      forward: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG * 2u', '2'] },
      backward: { bindings: ['params', 'counts'], workgroupSize: ['64'] },
    },
    subgroups: true,
    f16: false,
  });
  expect(constantName('matmul/row_tiles8')).toBe('matmulRowTiles8');
});

describe('and refused, with the line, where it would not run everywhere', () => {
  const many = (count: number) =>
    Array.from(
      { length: count },
      (_, i) => `@group(0) @binding(${i}) var<storage, read_write> b${i}: array<f32>;`,
    ).join('\n');
  const refusals: [string, string, string][] = [
    [
      'large params',
      good.replace('rows: u32,', Array.from({ length: 16 }, (_, i) => `a${i}: u32,`).join(' ')),
      'kernels/k.wgsl:5 params take 68 bytes; at most 64 fit everywhere.',
    ],
    [
      'params that are not scalars',
      good.replace('scale: f32', 'scale: vec2<f32>'),
      "kernels/k.wgsl:5 params member 'scale' is vec2<f32>; members are u32, i32, f32.",
    ],
    [
      'nine buffers',
      `${many(9)}\n@compute @workgroup_size(1) fn main() { ${Array.from({ length: 9 }, (_, i) => `b${i}[0] = 0.0;`).join(' ')} }`,
      "kernels/k.wgsl:10 entry 'main' uses 9 storage buffers (b0, b1, b2, b3, b4, b5, b6, b7, b8); at most 8 run everywhere.",
    ],
    [
      'one number for two',
      good.replace('@binding(2)', '@binding(1)'),
      "kernels/k.wgsl:11 binding number 1 is both 'x' and 'y'; each has its own.",
    ],
    [
      'an unknown lib',
      good.replace('lib/twice', 'lib/thrice'),
      "kernels/k.wgsl:2 uses 'lib/thrice.wgsl', which is not in kernels/; write it as lib/name.wgsl.",
    ],
    [
      'a local name like a binding',
      good.replace('fn load(i: u32)', 'fn load(y: u32)'),
      "kernels/k.wgsl:14 'y' is a local name and a binding's; rename the local one.",
    ],
    [
      'a tunable outside its values',
      good.replace('const WG = 64u', 'const WG = 16u'),
      "kernels/k.wgsl:4 tunable 'WG' is 16u, which is not among its allowed values 32u 64u.",
    ],
    [
      'a tunable that is none',
      good.replace('const WG', '  let WG'),
      'kernels/k.wgsl:4 is not a tunable; write: const NAME = value; // tune: value other',
    ],
    ['no entry', lib, 'kernels/k.wgsl:1 has no @compute entry; shared pieces without one belong in kernels/lib.'],
    ['an open brace', good.slice(0, good.lastIndexOf('}')), "kernels/k.wgsl:22 '{' is never closed."],
  ];
  test.each(refusals)('%s', (_, code, sentence) => {
    expect(() => reflectKernel('k', code, readLib)).toThrow(
      new RegExp(`^${sentence.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`),
    );
  });
});

test('a name that the kernel and a lib piece, or two pieces, define is refused', () => {
  const twin =
    '// fn other() {}\nvar<workgroup> stage: array<f32, 4>;\nfn twice(x: f32) -> f32 { const stage2 = 1; return x; }\n';
  const both = (file: string) => (file === 'lib/twin.wgsl' ? twin : readLib(file));
  expect(() => reflectKernel('k', good.replace('lib/twice.wgsl', 'lib/twice.wgsl, lib/twin.wgsl'), both)).toThrow(
    "kernels/k.wgsl:2 uses 'lib/twin.wgsl', which defines 'twice' as 'lib/twice.wgsl' does; each name must have one definition.",
  );
  const one = good.replace('lib/twice.wgsl', 'lib/twin.wgsl');
  expect(() => reflectKernel('k', `${one}const stage = 1u;\n`, both)).toThrow(
    "kernels/k.wgsl:2 uses 'lib/twin.wgsl', which defines 'stage' as the kernel itself does; each name must have one definition.",
  );
  expect(() => reflectKernel('k', `${one}const stage2 = 1u;\nfn other() { let stage = 1u; }\n`, both)).not.toThrow();
});

describe('params and bindings in a shared piece', () => {
  const declared = /struct Params \{[^}]*\}\n@group[^\n]*\n@group[^\n]*\n/.exec(good)![0];
  const kernel = good.replace(declared, '').replace('lib/twice.wgsl', 'lib/twice.wgsl, lib/operands.wgsl');
  const withPiece = (piece: string) => (file: string) => (file === 'lib/operands.wgsl' ? piece : readLib(file));

  test('read as in the kernel itself', () => {
    const [own, shared] = [reflectKernel('k', good, readLib), reflectKernel('k', kernel, withPiece(declared))];
    expect(declared).toContain('var<storage, read> x');
    expect(shared.params).toEqual(own.params);
    expect(shared.bindings).toEqual(own.bindings);
    expect(shared.entries).toEqual(own.entries);
  });

  test('refused with the line in the piece', () => {
    const refusal =
      (piece: string, code = kernel) =>
      () =>
        reflectKernel('k', code, withPiece(piece));
    expect(refusal(declared.replace('scale: f32', 'scale: vec2<f32>'))).toThrow(
      "kernels/lib/operands.wgsl:1 params member 'scale' is vec2<f32>; members are u32, i32, f32.",
    );
    expect(refusal(declared, kernel.replace('@binding(2)', '@binding(1)'))).toThrow(
      "kernels/lib/operands.wgsl:6 binding number 1 is both 'y' and 'x'; each has its own.",
    );
    expect(refusal(`${declared}fn first(x: f32) -> f32 { return x; }\n`)).toThrow(
      "kernels/lib/operands.wgsl:7 'x' is a local name and a binding's; rename the local one.",
    );
    expect(refusal(declared, kernel.replace('fn load(i: u32)', 'fn load(x: u32)'))).toThrow(
      /^kernels\/k.wgsl:\d+ 'x' is a local name and a binding's; rename the local one.$/,
    );
  });
});

test('the two ways to walk a run can stand in one kernel', () => {
  const runs =
    'const WG = 64u;\nconst STEPS = 1u;\n' +
    good
      .replace('lib/twice.wgsl', 'lib/twice.wgsl, lib/run.wgsl, lib/row_run.wgsl')
      .replace('const WG = 64u; // tune: 32u 64u\n', '');
  const fromFolder = (file: string) => readLib(file) ?? readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  expect(reflectKernel('k', runs, fromFolder).uses).toHaveLength(3);
});
