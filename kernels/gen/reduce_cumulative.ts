// Generated from kernels/reduce/cumulative.wgsl by npm run codegen. Do not edit.
export const reduceCumulative = {
  name: 'reduce/cumulative',
  file: 'kernels/reduce/cumulative.wgsl',
  code: "// reduce/cumulative: running sums along a middle axis.\n//   forward   y[o, k, c] = Σ_{j ≤ k} x[o, j, c]        backward  y[o, k, c] = Σ_{j ≥ k} x[o, j, c]   (x is dy, y is dx)\n// Shapes: x, y float[outer, rows, cols], dense. Grid: one lane per column, ceil(outer · cols / WG) workgroups in a\n// line.\n// Accumulates in f32: the blocks before, and the running sum of this one. Traffic: 8 bytes per element.\n// uses: lib/block_sum.wgsl\n\nstruct Params { outer: u32, rows: u32, cols: u32 }\n\nalias T = f32;\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.cols) { return; }\n  let o = item / params.cols;\n  var i = o * params.rows * params.cols + (item - o * params.cols);\n  var before = Blocks();\n  for (var k = 0u; k < params.rows;) {\n    let base = sum_of(before);\n    let stop = min(k + BLOCK, params.rows);\n    var part = 0.0;\n    for (; k < stop; k++) {\n      part += x[i];\n      y[i] = base + part;\n      i += params.cols;\n    }\n    before = add_block(before, part);\n  }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.cols) { return; }\n  let o = item / params.cols;\n  let first = o * params.rows * params.cols + (item - o * params.cols);\n  var behind = Blocks();\n  for (var k = params.rows; k > 0u;) {\n    let base = sum_of(behind);\n    let stop = max(k, BLOCK) - BLOCK;\n    var part = 0.0;\n    for (; k > stop; k--) {\n      let i = first + (k - 1u) * params.cols;\n      part += x[i];\n      y[i] = base + part;\n    }\n    behind = add_block(behind, part);\n  }\n}\n",
  uses: ['lib/block_sum.wgsl'],
  lib: "// A long sum as a sum of sums: the kernel adds up BLOCK terms; this file adds 32 blocks, 32 of those sums, and the\n// rest. In a single chain the error grows with the number of terms, to a percent at a million; here with its logarithm.\n// Needs in the kernel: alias T of floats.\n\nconst BLOCK = 32u;\n\nstruct Blocks { count: u32, low: T, middle: T, high: T }\n\nfn add_block(sums: Blocks, part: T) -> Blocks {\n  var s = sums;\n  s.count++;\n  s.low += part;\n  if (s.count % 32u == 0u) {\n    s.middle += s.low;\n    s.low = T();\n  }\n  if (s.count % 1024u == 0u) {\n    s.high += s.middle;\n    s.middle = T();\n  }\n  return s;\n}\n\nfn sum_of(s: Blocks) -> T { return s.high + (s.middle + s.low); }\n",
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
