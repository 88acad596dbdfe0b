// Generated from kernels/rows/norm_layer_naive.wgsl by npm run codegen. Do not edit.
export const rowsNormLayerNaive = {
  name: 'rows/norm_layer_naive',
  file: 'kernels/rows/norm_layer_naive.wgsl',
  code: "// rows/norm_layer_naive: layer normalisation over the last axis, one lane a row.\n//   forward   y = (x - mean) · rstd · weight + bias,   rstd = 1 / √(var + eps), var = mean of (x - mean)²\n//   backward  dx = rstd · (g - mean g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = (x - mean) · rstd\n// Shapes: x, y, dy, dx float[rows, cols]; weight, bias float[cols]; stats float[rows, 2] = mean, rstd. Dense.\n// Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32; the variance from differences to a pivot, the mean as\n// f32 sums give it; what that is off by, the mean of the differences, is taken out: else a constant row of large\n// numbers would give ±1.\n// Traffic: 8 bytes an element forward, 12 backward (ideal); here three and two passes. Source: Ba et al. 2016.\n\nstruct Params { rows: u32, cols: u32, eps: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read> weight: array<f32>;\n@group(0) @binding(3) var<storage, read> bias: array<f32>;\n@group(0) @binding(4) var<storage, read_write> y: array<f32>;\n@group(0) @binding(5) var<storage, read_write> stats: array<f32>;\n@group(0) @binding(6) var<storage, read> stats_saved: array<f32>;\n@group(0) @binding(7) var<storage, read> dy: array<f32>;\n@group(0) @binding(8) var<storage, read_write> dx: array<f32>;\n\nconst WG = 64u;\nconst MOST = 0x1.fffffep+127f; // so that a variance beyond f32 stays infinite: ∞ - ∞ would be NaN\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  var total = 0.0;\n  for (var i = 0u; i < params.cols; i++) { total += x[begin + i]; }\n  let pivot = total / f32(params.cols);\n  var sums = 0.0;\n  var squares = 0.0;\n  for (var i = 0u; i < params.cols; i++) {\n    let d = x[begin + i] - pivot;\n    sums += d;\n    squares += d * d;\n  }\n  let off = sums / f32(params.cols);\n  let rstd = 1.0 / sqrt(max(squares / f32(params.cols) - min(off * off, MOST), 0.0) + params.eps);\n  for (var i = 0u; i < params.cols; i++) { y[begin + i] = (x[begin + i] - pivot - off) * rstd * weight[i] + bias[i]; }\n  stats[2u * row] = pivot + off;\n  stats[2u * row + 1u] = rstd;\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  let mean = stats_saved[2u * row];\n  let rstd = stats_saved[2u * row + 1u];\n  var plain = 0.0;\n  var along = 0.0;\n  for (var i = 0u; i < params.cols; i++) {\n    let g = dy[begin + i] * weight[i];\n    plain += g;\n    along += g * (x[begin + i] - mean) * rstd;\n  }\n  plain /= f32(params.cols);\n  along /= f32(params.cols);\n  for (var i = 0u; i < params.cols; i++) {\n    dx[begin + i] = rstd * (dy[begin + i] * weight[i] - plain - (x[begin + i] - mean) * rstd * along);\n  }\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'eps', type: 'f32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'weight', type: 'read-only-storage', element: 'f32' },
    { binding: 3, name: 'bias', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'y', type: 'storage', element: 'f32' },
    { binding: 5, name: 'stats', type: 'storage', element: 'f32' },
    { binding: 6, name: 'stats_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 7, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 8, name: 'dx', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    forward: { bindings: ['params', 'x', 'weight', 'bias', 'y', 'stats'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'x', 'weight', 'stats_saved', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
