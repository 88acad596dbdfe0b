// Generated from kernels/matmul/texel_rows.wgsl by npm run codegen. Do not edit.
export const matmulTexelRows = {
  name: 'matmul/texel_rows',
  file: 'kernels/matmul/texel_rows.wgsl',
  code: "// matmul/texel_rows: y[r, c] = x[r, c] with rows `pitch` vec4s apart in y, so that they can be copied into a texture:\n// WebGPU takes rows of 16 texels and their multiples there. The padding behind a row's last element in y is undefined.\n// Shapes: x float[rows, columns], y float[rows, 4 · pitch]. Grid: [ceil(columns / (4 · LANES)), ceil(rows / (64 / LANES\n// · STEPS)), 1]. Traffic: 8 bytes per element.\n\nstruct Params { rows: u32, columns: u32, pitch: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4f>;\n@group(0) @binding(2) var<storage, read> elements: array<f32>;\n@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;\n\nconst ALIGNED = true; // tune: false true\nconst LANES = 16u; // tune: 4u 8u 16u\nconst STEPS = 4u;\n\n// Four elements from `index` on; ALIGNED: it is a multiple of 4.\nfn four_at(index: u32) -> vec4f {\n  if (ALIGNED) { return x[index / 4u]; }\n  return vec4f(elements[index], elements[index + 1u], elements[index + 2u], elements[index + 3u]);\n}\n\n@compute @workgroup_size(64)\nfn copy(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let four = wg.x * LANES + lane % LANES;\n  if (4u * four >= params.columns) { return; }\n  let begin = wg.y * (64u / LANES * STEPS) + lane / LANES;\n  let end = min(begin + 64u / LANES * STEPS, params.rows);\n  for (var row = begin; row < end; row += 64u / LANES) {\n    y[row * params.pitch + four] = four_at(row * params.columns + 4u * four);\n  }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'columns', type: 'u32', offset: 4 },
    { name: 'pitch', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4f' },
    { binding: 2, name: 'elements', type: 'read-only-storage', element: 'f32' },
    { binding: 3, name: 'y', type: 'storage', element: 'vec4f' },
  ],
  tunables: [
    { name: 'ALIGNED', value: 'true', allowed: ['false', 'true'], line: 13 },
    { name: 'LANES', value: '16u', allowed: ['4u', '8u', '16u'], line: 14 },
  ],
  entries: { copy: { bindings: ['params', 'x', 'elements', 'y'], workgroupSize: ['64'] } },
  subgroups: false,
  f16: false,
} as const;
