// Generated from kernels/rows/norm_columns.wgsl by npm run codegen. Do not edit.
export const rowsNormColumns = {
  name: 'rows/norm_columns',
  file: 'kernels/rows/norm_columns.wgsl',
  code: "// rows/norm_columns: gradients of the weight and bias of a norm, summed over the rows in two passes of fixed order.\n//   layer_partial  partial[chunk] = [Σ dy · (x - mean) · rstd | Σ dy] over the chunk's rows\n//   rms_partial    partial[chunk] = [Σ dy · x · rstd]\n//   finish         total = Σ over chunks of partial[chunk]\n// Shapes: x, dy float[rows, cols]; stats as rows/norm_layer_naive and rows/norm_rms_naive; partial float[chunks,\n// width]; total float[width], width = 2 · cols or cols. Grid: partial ceil(cols / WG) × chunks workgroups, finish\n// ceil(width / WG).\n// One lane a column, f32.\n// Traffic: 8 bytes per element (ideal).\n// uses: lib/block_sum.wgsl, lib/narrowing.wgsl, lib/turns.wgsl\n\nstruct Params { rows: u32, cols: u32, width: u32, chunks: u32, rows_per_chunk: u32 }\n\nalias T = f32;\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read> stats: array<f32>;\n@group(0) @binding(3) var<storage, read> dy: array<f32>;\n@group(0) @binding(4) var<storage, read_write> partial: array<f32>;\n@group(0) @binding(5) var<storage, read> partial_done: array<f32>;\n@group(0) @binding(6) var<storage, read_write> total: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn layer_partial(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let col = wg.x * WG + lane;\n  if (col >= params.cols) { return; }\n  let first = wg.y * params.rows_per_chunk;\n  let end = min(first + params.rows_per_chunk, params.rows);\n  var dweight = 0.0;\n  var dbias = 0.0;\n  var row = first;\n  for (var left = turns(row, end, 1u); left > 0u; left--) {\n    let g = dy[row * params.cols + col];\n    let k = narrowing(stats[2u * row + 1u]);\n    dweight += g * (x[row * params.cols + col] * k - stats[2u * row]) * abs(stats[2u * row + 1u]);\n    dbias += g;\n    row++;\n  }\n  partial[wg.y * params.width + col] = dweight;\n  partial[wg.y * params.width + params.cols + col] = dbias;\n}\n\n@compute @workgroup_size(WG)\nfn rms_partial(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let col = wg.x * WG + lane;\n  if (col >= params.cols) { return; }\n  let first = wg.y * params.rows_per_chunk;\n  let end = min(first + params.rows_per_chunk, params.rows);\n  var dweight = 0.0;\n  var row = first;\n  for (var left = turns(row, end, 1u); left > 0u; left--) {\n    dweight += dy[row * params.cols + col] * (x[row * params.cols + col] * narrowing(stats[row])) * abs(stats[row]);\n    row++;\n  }\n  partial[wg.y * params.width + col] = dweight;\n}\n\n@compute @workgroup_size(WG)\nfn finish(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let col = wg.x * WG + lane;\n  if (col >= params.width) { return; }\n  var sums = Blocks();\n  for (var chunk = 0u; chunk < params.chunks;) {\n    let stop = min(chunk + BLOCK, params.chunks);\n    var part = 0.0;\n    for (var left = turns(chunk, stop, 1u); left > 0u; left--) {\n      part += partial_done[chunk * params.width + col];\n      chunk++;\n    }\n    sums = add_block(sums, part);\n  }\n  total[col] = sum_of(sums);\n}\n",
  uses: ['lib/block_sum.wgsl', 'lib/narrowing.wgsl', 'lib/turns.wgsl'],
  lib: "// A long sum as a sum of sums: the kernel adds up BLOCK terms; this file adds 32 blocks, 32 of those sums, and the\n// rest. In a single chain the error grows with the number of terms, to a percent at a million; here with its logarithm.\n// Needs in the kernel: alias T of floats.\n\nconst BLOCK = 32u;\n\nstruct Blocks { count: u32, low: T, middle: T, high: T }\n\nfn add_block(sums: Blocks, part: T) -> Blocks {\n  var s = sums;\n  s.count++;\n  s.low += part;\n  if (s.count % 32u == 0u) {\n    s.middle += s.low;\n    s.low = T();\n  }\n  if (s.count % 1024u == 0u) {\n    s.high += s.middle;\n    s.middle = T();\n  }\n  return s;\n}\n\nfn sum_of(s: Blocks) -> T { return s.high + (s.middle + s.low); }\n\n// Rows whose squares overflow f32, for example with a single 1e38: norms scale them by NARROW, a power of two, which\n// rounds nothing. Their mean and 1 / √(…) are kept for x · NARROW, since for x the root would be less than the least\n// normal number, and the root negative, which tells them from the others: k = narrowing(rstd),\n// x̂ = (k · x - mean) · |rstd|. A mean for x, to be scaled here, would let a compiler take k out of the brackets, and\n// x - mean may overflow (NVIDIA's does).\n\nconst NARROW = 0x1p-80f;\n\nfn narrowing(rstd: f32) -> f32 { return select(1.0, NARROW, rstd < 0.0); }\n\n// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'width', type: 'u32', offset: 8 },
    { name: 'chunks', type: 'u32', offset: 12 },
    { name: 'rows_per_chunk', type: 'u32', offset: 16 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'stats', type: 'read-only-storage', element: 'f32' },
    { binding: 3, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'partial', type: 'storage', element: 'f32' },
    { binding: 5, name: 'partial_done', type: 'read-only-storage', element: 'f32' },
    { binding: 6, name: 'total', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    layer_partial: { bindings: ['params', 'x', 'stats', 'dy', 'partial'], workgroupSize: ['WG'] },
    rms_partial: { bindings: ['params', 'x', 'stats', 'dy', 'partial'], workgroupSize: ['WG'] },
    finish: { bindings: ['params', 'partial_done', 'total'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
