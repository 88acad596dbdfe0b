// Generated from kernels/reduce/cumulative.wgsl by npm run codegen. Do not edit.
export const reduceCumulative = {
  name: 'reduce/cumulative',
  file: 'kernels/reduce/cumulative.wgsl',
  code: "// reduce/cumulative: running sums along a middle axis.\n//   forward   y[o, k, c] = Σ_{j ≤ k} x[o, j, c]        backward  y[o, k, c] = Σ_{j ≥ k} x[o, j, c]   (x is dy, y is dx)\n// Shapes: x, y float[outer, rows, cols], dense. Grid: one lane a column, ceil(outer · cols / WG) workgroups in a line.\n// Accumulates in f32, in order. Traffic: 8 bytes an element.\n\nstruct Params { outer: u32, rows: u32, cols: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.cols) { return; }\n  let o = item / params.cols;\n  var i = o * params.rows * params.cols + (item - o * params.cols);\n  var total = 0.0;\n  for (var k = 0u; k < params.rows; k++) {\n    total += x[i];\n    y[i] = total;\n    i += params.cols;\n  }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.cols) { return; }\n  let o = item / params.cols;\n  let first = o * params.rows * params.cols + (item - o * params.cols);\n  var total = 0.0;\n  for (var k = params.rows; k > 0u; k--) {\n    let i = first + (k - 1u) * params.cols;\n    total += x[i];\n    y[i] = total;\n  }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'outer', type: 'u32', offset: 0 },
    { name: 'rows', type: 'u32', offset: 4 },
    { name: 'cols', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'y', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    forward: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
