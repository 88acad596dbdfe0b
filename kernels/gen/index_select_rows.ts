// Generated from kernels/index/select_rows.wgsl by npm run codegen. Do not edit.
export const indexSelectRows = {
  name: 'index/select_rows',
  file: 'kernels/index/select_rows.wgsl',
  code: "// index/select_rows: index/select for rows of vec4s, in few subgroups, for adapters where starting one is expensive.\n// Same results: the same sums in the same order.\n//   gather, collect   eight lanes walk a row together, ROWS rows one after the other\n//   find              one lane reads index once, from the end\n// Where lanes run one after the other, a lane for each row of the table would read index as many times. first[t] is\n// undefined where t does not occur.\n// Shapes: x, dx float[table, 4 · vec4s], index i32[rows], y, dy float[rows, 4 · vec4s], found u32[table, 2]; dense.\n// Grid: as lib/row_run says; find: one workgroup. Traffic: 8 bytes per element of y.\n// uses: lib/row_run.wgsl, lib/turns.wgsl\n\nstruct Params { rows: u32, table: u32, vec4s: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4f>;\n@group(0) @binding(2) var<storage, read> index: array<i32>;\n@group(0) @binding(3) var<storage, read_write> y: array<vec4f>;\n@group(0) @binding(4) var<storage, read_write> found: array<u32>;\n@group(0) @binding(5) var<storage, read> known: array<u32>;\n@group(0) @binding(6) var<storage, read> dy: array<vec4f>;\n@group(0) @binding(7) var<storage, read_write> dx: array<vec4f>;\n\nconst WG = 64u;\nconst STEPS = 1u; // tune: 1u 32u\nconst ROWS = 1u; // tune: 1u 4u\n\n@compute @workgroup_size(WG)\nfn gather(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let first = run_row(wg, count, lane) * ROWS;\n  var row = first;\n  for (var left = turns(row, min(first + ROWS, params.rows), 1u); left > 0u; left--) {\n    let source = index[row];\n    let valid = source >= 0 && u32(source) < params.table;\n    let begin = select(0u, u32(source), valid) * params.vec4s;\n    var col = col_begin(wg, lane);\n    for (var more = turns(col, col_end(wg, params.vec4s), 8u); more > 0u; more--) {\n      y[row * params.vec4s + col] = select(vec4f(), x[begin + col], valid);\n      col += 8u;\n    }\n    row++;\n  }\n}\n\n@compute @workgroup_size(1)\nfn find() {\n  for (var t = 0u; t < params.table; t++) { found[2u * t + 1u] = 0u; }\n  for (var left = params.rows; left > 0u; left--) {\n    let t = index[left - 1u];\n    if (t >= 0 && u32(t) < params.table) {\n      found[2u * u32(t)] = left - 1u;\n      found[2u * u32(t) + 1u]++;\n    }\n  }\n}\n\n@compute @workgroup_size(WG)\nfn collect(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let first = run_row(wg, count, lane) * ROWS;\n  var t = first;\n  for (var left = turns(t, min(first + ROWS, params.table), 1u); left > 0u; left--) {\n    var col = col_begin(wg, lane);\n    for (var more = turns(col, col_end(wg, params.vec4s), 8u); more > 0u; more--) {\n      var r = known[2u * t];\n      var times = known[2u * t + 1u];\n      var total = vec4f();\n      while (times > 0u) {\n        if (index[r] == i32(t)) {\n          total += dy[r * params.vec4s + col];\n          times--;\n        }\n        r++;\n      }\n      dx[t * params.vec4s + col] = total;\n      col += 8u;\n    }\n    t++;\n  }\n}\n",
  uses: ['lib/row_run.wgsl', 'lib/turns.wgsl'],
  lib: "// A lane's share of a row: eight adjacent lanes walk a run of 8 · STEPS columns of one row together, and a\n// workgroup holds WG / 8 rows. On a software adapter starting a subgroup costs as much as about 60 columns, so each\n// gets a whole run; on a GPU STEPS is 1.\n// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Grid: ceil(rows / (WG / 8)) in a line over x and y,\n// ceil(cols / (8 · STEPS)) in z.\n// Use, with lib/turns.wgsl: `var col = col_begin(wg, lane);\n// for (var left = turns(col, col_end(wg, cols), 8u); left > 0u; left--) { …; col += 8u; }`.\n\nfn run_row(wg: vec3u, count: vec3u, lane: u32) -> u32 { return (wg.y * count.x + wg.x) * (WG / 8u) + lane / 8u; }\n\nfn col_begin(wg: vec3u, lane: u32) -> u32 { return wg.z * (8u * STEPS) + lane % 8u; }\n\nfn col_end(wg: vec3u, cols: u32) -> u32 { return min((wg.z + 1u) * (8u * STEPS), cols); }\n\n// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'table', type: 'u32', offset: 4 },
    { name: 'vec4s', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4f' },
    { binding: 2, name: 'index', type: 'read-only-storage', element: 'i32' },
    { binding: 3, name: 'y', type: 'storage', element: 'vec4f' },
    { binding: 4, name: 'found', type: 'storage', element: 'u32' },
    { binding: 5, name: 'known', type: 'read-only-storage', element: 'u32' },
    { binding: 6, name: 'dy', type: 'read-only-storage', element: 'vec4f' },
    { binding: 7, name: 'dx', type: 'storage', element: 'vec4f' },
  ],
  tunables: [
    { name: 'STEPS', value: '1u', allowed: ['1u', '32u'], line: 23 },
    { name: 'ROWS', value: '1u', allowed: ['1u', '4u'], line: 24 },
  ],
  entries: {
    gather: { bindings: ['params', 'x', 'index', 'y'], workgroupSize: ['WG'] },
    find: { bindings: ['params', 'index', 'found'], workgroupSize: ['1'] },
    collect: { bindings: ['params', 'index', 'known', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
