// Generated from kernels/norm/rms_subgroup.wgsl by npm run codegen. Do not edit.
export const normRmsSubgroup = {
  name: 'norm/rms_subgroup',
  file: 'kernels/norm/rms_subgroup.wgsl',
  code: "enable subgroups;\n// norm/rms_subgroup: root-mean-square normalisation over the last axis, one subgroup a row, four neighbouring columns a lane. Contract of\n// norm/rms_naive, for cols a multiple of 4.\n//   forward   y = x · rstd · weight,   rstd = 1 / √(mean x² + eps)\n//   backward  dx = rstd · (g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = x · rstd\n// Shapes: x, y, dy, dx float[rows, cols]; weight float[cols]; stats float[rows] = rstd. Dense.\n// Grid: ceil(rows / (WG / SG)) workgroups in a line. Accumulates in f32. No barrier: a row stays in the nearest cache between its passes.\n// Traffic: 8 bytes an element forward, 12 backward (ideal). Source: Zhang & Sennrich 2019.\n// uses: lib/subgroup_reduce.wgsl\n\nstruct Params { rows: u32, cols: u32, eps: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;\n@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;\n@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;\n@group(0) @binding(4) var<storage, read_write> stats: array<f32>;\n@group(0) @binding(5) var<storage, read> stats_saved: array<f32>;\n@group(0) @binding(6) var<storage, read> dy: array<vec4<f32>>;\n@group(0) @binding(7) var<storage, read_write> dx: array<vec4<f32>>;\n\nconst SG = 8u; // tune: 4u 8u 16u 32u 64u\nconst WG = 64u; // tune: 64u 128u 256u\n\n// A row past the end is computed again as the last one and not stored, so that control flow stays uniform in a subgroup.\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {\n  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;\n  let quads = params.cols / 4u;\n  let begin = min(row, params.rows - 1u) * quads;\n  var squares = vec4f();\n  for (var i = index % SG; i < quads; i += SG) {\n    let v = x[begin + i];\n    squares += v * v;\n  }\n  let rstd = 1.0 / sqrt(subgroup_sum(dot(squares, vec4f(1.0))) / f32(params.cols) + params.eps);\n  if (row < params.rows) {\n    for (var i = index % SG; i < quads; i += SG) { y[begin + i] = x[begin + i] * rstd * weight[i]; }\n    if (index % SG == 0u) { stats[row] = rstd; }\n  }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {\n  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;\n  let quads = params.cols / 4u;\n  let inside = min(row, params.rows - 1u);\n  let begin = inside * quads;\n  let rstd = stats_saved[inside];\n  var along_sum = vec4f();\n  for (var i = index % SG; i < quads; i += SG) { along_sum += dy[begin + i] * weight[i] * x[begin + i]; }\n  let along = subgroup_sum(dot(along_sum, vec4f(1.0))) * rstd * rstd / f32(params.cols);\n  if (row < params.rows) {\n    for (var i = index % SG; i < quads; i += SG) { dx[begin + i] = rstd * (dy[begin + i] * weight[i] - x[begin + i] * along); }\n  }\n}\n",
  uses: ['lib/subgroup_reduce.wgsl'],
  lib: "// Reductions over one subgroup by butterflies: every lane gets the same result, in the same order on every run.\n// Needs in the kernel: `enable subgroups;` and `const SG: u32`, the subgroup size. (subgroupAdd is serial on software adapters: 10 times slower.)\n\nfn subgroup_sum(value: f32) -> f32 {\n  var v = value;\n  if (SG >= 64u) { v += subgroupShuffleXor(v, 32u); }\n  if (SG >= 32u) { v += subgroupShuffleXor(v, 16u); }\n  if (SG >= 16u) { v += subgroupShuffleXor(v, 8u); }\n  if (SG >= 8u) { v += subgroupShuffleXor(v, 4u); }\n  v += subgroupShuffleXor(v, 2u);\n  v += subgroupShuffleXor(v, 1u);\n  return v;\n}\n\nfn subgroup_max(value: f32) -> f32 {\n  var v = value;\n  if (SG >= 64u) { v = max(v, subgroupShuffleXor(v, 32u)); }\n  if (SG >= 32u) { v = max(v, subgroupShuffleXor(v, 16u)); }\n  if (SG >= 16u) { v = max(v, subgroupShuffleXor(v, 8u)); }\n  if (SG >= 8u) { v = max(v, subgroupShuffleXor(v, 4u)); }\n  v = max(v, subgroupShuffleXor(v, 2u));\n  v = max(v, subgroupShuffleXor(v, 1u));\n  return v;\n}\n",
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'eps', type: 'f32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 2, name: 'weight', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 3, name: 'y', type: 'storage', element: 'vec4<f32>' },
    { binding: 4, name: 'stats', type: 'storage', element: 'f32' },
    { binding: 5, name: 'stats_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 6, name: 'dy', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 7, name: 'dx', type: 'storage', element: 'vec4<f32>' },
  ],
  tunables: [
    { name: 'SG', value: '8u', allowed: ['4u', '8u', '16u', '32u', '64u'], line: 22 },
    { name: 'WG', value: '64u', allowed: ['64u', '128u', '256u'], line: 23 },
  ],
  entries: {
    forward: { bindings: ['params', 'x', 'weight', 'y', 'stats'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'x', 'weight', 'stats_saved', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: true,
  f16: false,
} as const;
