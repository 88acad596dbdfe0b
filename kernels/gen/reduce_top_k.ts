// Generated from kernels/reduce/top_k.wgsl by npm run codegen. Do not edit.
export const reduceTopK = {
  name: 'reduce/top_k',
  file: 'kernels/reduce/top_k.wgsl',
  code: "// reduce/top_k: where the k greatest elements of a row stand, the greatest first, the lowest index first among equals.\n// k passes over the row, each finding the best element behind the one before: meant for a small k.\n// Shapes: x float[rows, cols], y i32[rows, k], dense. Grid: one lane a row, ceil(rows / WG) workgroups in a line. Traffic: 4k bytes an element.\n\nstruct Params { rows: u32, cols: u32, k: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<u32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn top_k(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  var last = 3.4028234e38;\n  var last_at = 0u;\n  for (var j = 0u; j < params.k; j++) {\n    var best = 0.0;\n    var best_at = params.cols;\n    for (var c = 0u; c < params.cols; c++) {\n      let value = x[begin + c];\n      let is_behind = j == 0u || value < last || (value == last && c > last_at);\n      if (is_behind && (best_at == params.cols || value > best)) {\n        best = value;\n        best_at = c;\n      }\n    }\n    y[row * params.k + j] = best_at;\n    last = best;\n    last_at = best_at;\n  }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'k', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'y', type: 'storage', element: 'u32' },
  ],
  tunables: [],
  entries: { top_k: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
