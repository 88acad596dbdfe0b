// Generated from kernels/rows/select.wgsl by npm run codegen. Do not edit.
export const rowsSelect = {
  name: 'rows/select',
  file: 'kernels/rows/select.wgsl',
  code: "// rows/select: rows of a table by index, and the sum of gradients back into the table. Without atomics: the same sums in the same order.\n//   gather   y[r, c] = x[index[r], c]                       (0 where the index is out of range)\n//   find     first[t], count[t] = where and how often t occurs in index\n//   collect  dx[t, c] = Σ_{r: index[r] = t} dy[r, c], r ascending\n// Shapes: x, dx float[table, cols], index i32[rows], y, dy float[rows, cols], found u32[table, 2]; dense.\n// Grid: gather and collect: one lane for 4 neighbours of a row, 64 lanes a workgroup, in a line over rows · ceil(cols / 4); find: one lane a\n// table row. Traffic: 8 bytes an element of y; find reads index once for every table row, which the cache holds.\n\nstruct Params { rows: u32, cols: u32, table: u32, quads: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read> index: array<i32>;\n@group(0) @binding(3) var<storage, read_write> y: array<f32>;\n@group(0) @binding(4) var<storage, read_write> found: array<u32>;\n@group(0) @binding(5) var<storage, read> known: array<u32>;\n@group(0) @binding(6) var<storage, read> dy: array<f32>;\n@group(0) @binding(7) var<storage, read_write> dx: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  let row = i / params.quads;\n  if (row >= params.rows) { return; }\n  let begin = (i - row * params.quads) * 4u;\n  let source = index[row];\n  let valid = source >= 0 && u32(source) < params.table;\n  let from_row = u32(max(source, 0)) * params.cols;\n  for (var c = begin; c < min(begin + 4u, params.cols); c++) {\n    var value = 0.0;\n    if (valid) { value = x[from_row + c]; }\n    y[row * params.cols + c] = value;\n  }\n}\n\n@compute @workgroup_size(WG)\nfn find(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let t = (wg.y * count.x + wg.x) * WG + lane;\n  if (t >= params.table) { return; }\n  var first = params.rows;\n  var times = 0u;\n  for (var r = 0u; r < params.rows; r++) {\n    if (index[r] == i32(t)) {\n      first = min(first, r);\n      times++;\n    }\n  }\n  found[2u * t] = first;\n  found[2u * t + 1u] = times;\n}\n\n@compute @workgroup_size(WG)\nfn collect(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let i = (wg.y * count.x + wg.x) * WG + lane;\n  let t = i / params.quads;\n  if (t >= params.table) { return; }\n  let begin = (i - t * params.quads) * 4u;\n  let size = min(4u, params.cols - begin);\n  var r = known[2u * t];\n  var left = known[2u * t + 1u];\n  var total = vec4f();\n  while (left > 0u) {\n    if (index[r] == i32(t)) {\n      for (var k = 0u; k < size; k++) { total[k] += dy[r * params.cols + begin + k]; }\n      left--;\n    }\n    r++;\n  }\n  for (var k = 0u; k < size; k++) { dx[t * params.cols + begin + k] = total[k]; }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'table', type: 'u32', offset: 8 },
    { name: 'quads', type: 'u32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'index', type: 'read-only-storage', element: 'i32' },
    { binding: 3, name: 'y', type: 'storage', element: 'f32' },
    { binding: 4, name: 'found', type: 'storage', element: 'u32' },
    { binding: 5, name: 'known', type: 'read-only-storage', element: 'u32' },
    { binding: 6, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 7, name: 'dx', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    gather: { bindings: ['params', 'x', 'index', 'y'], workgroupSize: ['WG'] },
    find: { bindings: ['params', 'index', 'found'], workgroupSize: ['WG'] },
    collect: { bindings: ['params', 'index', 'known', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
