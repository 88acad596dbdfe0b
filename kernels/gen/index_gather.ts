// Generated from kernels/index/gather.wgsl by npm run codegen. Do not edit.
export const indexGather = {
  name: 'index/gather',
  file: 'kernels/index/gather.wgsl',
  code: "// index/gather: gathers and scatter-adds along a middle axis. An index out of range picks 0 and adds nothing.\n//   gather  y[o, j, c] = x[o, index[o, j, c], c]\n//   add     y[o, index[o, j, c], c] += x[o, j, c], for j in order: one lane owns a column, so there is no race and no\n//           atomic\n// Shapes: gather: x [outer, rows, cols], index, y [outer, picks, cols]; add: y [outer, rows, cols], index, x [outer,\n// picks, cols]; dense.\n// Grid: gather one lane per element, add one lane per column; ceil(… / WG) workgroups in a line. Traffic: 12 bytes a\n// picked element, 16 an added one.\n\nstruct Params { outer: u32, rows: u32, cols: u32, picks: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read> index: array<u32>;\n@group(0) @binding(3) var<storage, read_write> y: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.picks * params.cols) { return; }\n  let line = item / params.cols;\n  let o = line / params.picks;\n  let row = index[item];\n  var value = 0.0;\n  if (row < params.rows) { value = x[(o * params.rows + row) * params.cols + (item - line * params.cols)]; }\n  y[item] = value;\n}\n\n@compute @workgroup_size(WG)\nfn add(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.cols) { return; }\n  let o = item / params.cols;\n  let col = item - o * params.cols;\n  var j = 0u;\n  for (var left = params.picks; left > 0u; left--) {\n    let i = (o * params.picks + j) * params.cols + col;\n    let row = index[i];\n    if (row < params.rows) { y[(o * params.rows + row) * params.cols + col] += x[i]; }\n    j++;\n  }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'outer', type: 'u32', offset: 0 },
    { name: 'rows', type: 'u32', offset: 4 },
    { name: 'cols', type: 'u32', offset: 8 },
    { name: 'picks', type: 'u32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'index', type: 'read-only-storage', element: 'u32' },
    { binding: 3, name: 'y', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    gather: { bindings: ['params', 'x', 'index', 'y'], workgroupSize: ['WG'] },
    add: { bindings: ['params', 'x', 'index', 'y'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
