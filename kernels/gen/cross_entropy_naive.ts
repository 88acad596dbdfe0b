// Generated from kernels/cross_entropy/naive.wgsl by npm run codegen. Do not edit.
export const crossEntropyNaive = {
  name: 'cross_entropy/naive',
  file: 'kernels/cross_entropy/naive.wgsl',
  code: "// cross_entropy/naive: next-token loss of rows of logits, one lane a row; rows whose target is negative (-100) are ignored.\n//   forward   lse = log Σ exp x,   row_loss = w · (lse - x[target])\n//   backward  dx = (exp(x - lse) - onehot(target)) · w · dy / Σ w\n// w is 1 or row_weight[row], and 0 for ignored rows; totals = Σ row_loss / Σ w and 1 / Σ w, of cross_entropy/mean.\n// Shapes: x, dx float[rows, cols]; label i32[rows]; row_weight, lse float[rows]; terms float[rows, 2] = row_loss, w; dy float[1]. Dense.\n// Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32. Traffic: 4 bytes an element forward, 8 backward (ideal).\n\nstruct Params { rows: u32, cols: u32, weighted: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read> label: array<i32>;\n@group(0) @binding(3) var<storage, read> row_weight: array<f32>;\n@group(0) @binding(4) var<storage, read_write> lse: array<f32>;\n@group(0) @binding(5) var<storage, read_write> terms: array<f32>;\n@group(0) @binding(6) var<storage, read> lse_saved: array<f32>;\n@group(0) @binding(7) var<storage, read> terms_saved: array<f32>;\n@group(0) @binding(8) var<storage, read> totals: array<f32>;\n@group(0) @binding(9) var<storage, read> dy: array<f32>;\n@group(0) @binding(10) var<storage, read_write> dx: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  let end = begin + params.cols;\n  var top = -3.4e38;\n  for (var i = begin; i < end; i++) { top = max(top, x[i]); }\n  var total = 0.0;\n  for (var i = begin; i < end; i++) { total += exp(x[i] - top); }\n  let log_sum = top + log(total);\n  lse[row] = log_sum;\n  var w = 0.0;\n  var loss = 0.0;\n  if (label[row] >= 0) {\n    w = 1.0;\n    if (params.weighted == 1u) { w = row_weight[row]; }\n    loss = w * (log_sum - x[begin + u32(label[row])]);\n  }\n  terms[2u * row] = loss;\n  terms[2u * row + 1u] = w;\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  let scale = terms_saved[2u * row + 1u] * totals[1] * dy[0];\n  for (var i = 0u; i < params.cols; i++) {\n    var p = exp(x[begin + i] - lse_saved[row]);\n    if (i32(i) == label[row]) { p -= 1.0; }\n    dx[begin + i] = select(p * scale, 0.0, scale == 0.0);\n  }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'weighted', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'label', type: 'read-only-storage', element: 'i32' },
    { binding: 3, name: 'row_weight', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'lse', type: 'storage', element: 'f32' },
    { binding: 5, name: 'terms', type: 'storage', element: 'f32' },
    { binding: 6, name: 'lse_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 7, name: 'terms_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 8, name: 'totals', type: 'read-only-storage', element: 'f32' },
    { binding: 9, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 10, name: 'dx', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    forward: { bindings: ['params', 'x', 'label', 'row_weight', 'lse', 'terms'], workgroupSize: ['WG'] },
    backward: {
      bindings: ['params', 'x', 'label', 'lse_saved', 'terms_saved', 'totals', 'dy', 'dx'],
      workgroupSize: ['WG'],
    },
  },
  subgroups: false,
  f16: false,
} as const;
