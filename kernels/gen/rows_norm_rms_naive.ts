// Generated from kernels/rows/norm_rms_naive.wgsl by npm run codegen. Do not edit.
export const rowsNormRmsNaive = {
  name: 'rows/norm_rms_naive',
  file: 'kernels/rows/norm_rms_naive.wgsl',
  code: "// rows/norm_rms_naive: root-mean-square normalisation over the last axis, one lane a row.\n//   forward   y = x · rstd · weight,   rstd = 1 / √(mean x² + eps)\n//   backward  dx = rstd · (g - x̂ · mean(g · x̂)),   g = dy · weight, x̂ = x · rstd\n// Shapes: x, y, dy, dx float[rows, cols]; weight float[cols]; stats float[rows] = rstd. Dense.\n// Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32.\n// Traffic: 8 bytes an element forward, 12 backward (ideal); here two passes each. Source: Zhang & Sennrich 2019.\n\nstruct Params { rows: u32, cols: u32, eps: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read> weight: array<f32>;\n@group(0) @binding(3) var<storage, read_write> y: array<f32>;\n@group(0) @binding(4) var<storage, read_write> stats: array<f32>;\n@group(0) @binding(5) var<storage, read> stats_saved: array<f32>;\n@group(0) @binding(6) var<storage, read> dy: array<f32>;\n@group(0) @binding(7) var<storage, read_write> dx: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  var squares = 0.0;\n  for (var i = 0u; i < params.cols; i++) { squares += x[begin + i] * x[begin + i]; }\n  let rstd = 1.0 / sqrt(squares / f32(params.cols) + params.eps);\n  for (var i = 0u; i < params.cols; i++) { y[begin + i] = x[begin + i] * rstd * weight[i]; }\n  stats[row] = rstd;\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  let rstd = stats_saved[row];\n  var along = 0.0;\n  for (var i = 0u; i < params.cols; i++) { along += dy[begin + i] * weight[i] * x[begin + i]; }\n  along *= rstd * rstd / f32(params.cols);\n  for (var i = 0u; i < params.cols; i++) { dx[begin + i] = rstd * (dy[begin + i] * weight[i] - x[begin + i] * along); }\n}\n",
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
    { binding: 3, name: 'y', type: 'storage', element: 'f32' },
    { binding: 4, name: 'stats', type: 'storage', element: 'f32' },
    { binding: 5, name: 'stats_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 6, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 7, name: 'dx', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    forward: { bindings: ['params', 'x', 'weight', 'y', 'stats'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'x', 'weight', 'stats_saved', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
