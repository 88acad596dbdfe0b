// Generated from kernels/softmax/subgroup_scalar.wgsl by npm run codegen. Do not edit.
export const softmaxSubgroupScalar = {
  name: 'softmax/subgroup_scalar',
  file: 'kernels/softmax/subgroup_scalar.wgsl',
  code: "enable subgroups;\n// softmax/subgroup_scalar: over the last axis, one subgroup a row, lanes along the columns; no barrier. Same contract as softmax/naive, any number of\n// columns; where it is a multiple of four, softmax/subgroup reads four at a time.\n//   forward   y = exp(x - max x) / Σ exp(x - max x)\n//   backward  dx = y · (dy - Σ y·dy)\n// Shapes: x, y, dy, dx float[rows, cols], dense. Grid: ceil(rows / (WG / SG)) workgroups in a line. Accumulates in f32.\n// Traffic: 8 bytes an element forward, 12 backward (ideal). The exponentials are computed twice rather than stored: measured faster.\n// uses: lib/subgroup_reduce.wgsl\n\nstruct Params { rows: u32, cols: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n@group(0) @binding(3) var<storage, read> y_saved: array<f32>;\n@group(0) @binding(4) var<storage, read> dy: array<f32>;\n@group(0) @binding(5) var<storage, read_write> dx: array<f32>;\n\nconst SG = 8u; // tune: 4u 8u 16u 32u 64u\nconst WG = 64u; // tune: 64u 128u 256u\n\n// A row past the end is computed again as the last one and not stored, so that control flow stays uniform in a subgroup.\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {\n  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;\n  let begin = min(row, params.rows - 1u) * params.cols + index % SG;\n  let end = (min(row, params.rows - 1u) + 1u) * params.cols;\n  var top = -3.4e38;\n  for (var i = begin; i < end; i += SG) { top = max(top, x[i]); }\n  top = subgroup_max(top);\n  var total = 0.0;\n  for (var i = begin; i < end; i += SG) { total += exp(x[i] - top); }\n  let scale = 1.0 / subgroup_sum(total);\n  if (row < params.rows) {\n    for (var i = begin; i < end; i += SG) { y[i] = exp(x[i] - top) * scale; }\n  }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {\n  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;\n  let begin = min(row, params.rows - 1u) * params.cols + index % SG;\n  let end = (min(row, params.rows - 1u) + 1u) * params.cols;\n  var dot = 0.0;\n  for (var i = begin; i < end; i += SG) { dot += y_saved[i] * dy[i]; }\n  dot = subgroup_sum(dot);\n  if (row < params.rows) {\n    for (var i = begin; i < end; i += SG) { dx[i] = y_saved[i] * (dy[i] - dot); }\n  }\n}\n",
  uses: ['lib/subgroup_reduce.wgsl'],
  lib: "// Reductions over one subgroup by butterflies: every lane gets the same result, in the same order on every run.\n// Needs in the kernel: `enable subgroups;` and `const SG: u32`, the subgroup size. (subgroupAdd is serial on software adapters: 10 times slower.)\n\nfn subgroup_sum(value: f32) -> f32 {\n  var v = value;\n  if (SG >= 64u) { v += subgroupShuffleXor(v, 32u); }\n  if (SG >= 32u) { v += subgroupShuffleXor(v, 16u); }\n  if (SG >= 16u) { v += subgroupShuffleXor(v, 8u); }\n  if (SG >= 8u) { v += subgroupShuffleXor(v, 4u); }\n  v += subgroupShuffleXor(v, 2u);\n  v += subgroupShuffleXor(v, 1u);\n  return v;\n}\n\nfn subgroup_max(value: f32) -> f32 {\n  var v = value;\n  if (SG >= 64u) { v = max(v, subgroupShuffleXor(v, 32u)); }\n  if (SG >= 32u) { v = max(v, subgroupShuffleXor(v, 16u)); }\n  if (SG >= 16u) { v = max(v, subgroupShuffleXor(v, 8u)); }\n  if (SG >= 8u) { v = max(v, subgroupShuffleXor(v, 4u)); }\n  v = max(v, subgroupShuffleXor(v, 2u));\n  v = max(v, subgroupShuffleXor(v, 1u));\n  return v;\n}\n",
  params: [{ name: 'rows', type: 'u32', offset: 0 }, { name: 'cols', type: 'u32', offset: 4 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'y', type: 'storage', element: 'f32' },
    { binding: 3, name: 'y_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 5, name: 'dx', type: 'storage', element: 'f32' },
  ],
  tunables: [
    { name: 'SG', value: '8u', allowed: ['4u', '8u', '16u', '32u', '64u'], line: 19 },
    { name: 'WG', value: '64u', allowed: ['64u', '128u', '256u'], line: 20 },
  ],
  entries: {
    forward: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'y_saved', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: true,
  f16: false,
} as const;
