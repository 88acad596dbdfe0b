// Generated from kernels/log_softmax/naive.wgsl by npm run codegen. Do not edit.
export const logSoftmaxNaive = {
  name: 'log_softmax/naive',
  file: 'kernels/log_softmax/naive.wgsl',
  code: "// log_softmax/naive: over the last axis, one lane a row.\n//   forward   y = x - max x - log Σ exp(x - max x)\n//   backward  dx = dy - exp(y) · Σ dy\n// Shapes: x, y, dy, dx float[rows, cols], dense. Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32.\n// Traffic: 8 bytes an element forward, 12 backward (ideal); here three passes over x.\n\nstruct Params { rows: u32, cols: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n@group(0) @binding(3) var<storage, read> y_saved: array<f32>;\n@group(0) @binding(4) var<storage, read> dy: array<f32>;\n@group(0) @binding(5) var<storage, read_write> dx: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  let end = begin + params.cols;\n  var top = -3.4e38;\n  for (var i = begin; i < end; i++) { top = max(top, x[i]); }\n  var total = 0.0;\n  for (var i = begin; i < end; i++) { total += exp(x[i] - top); }\n  let log_total = log(total);\n  for (var i = begin; i < end; i++) { y[i] = x[i] - top - log_total; }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  let end = begin + params.cols;\n  var total = 0.0;\n  for (var i = begin; i < end; i++) { total += dy[i]; }\n  for (var i = begin; i < end; i++) { dx[i] = dy[i] - exp(y_saved[i]) * total; }\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'rows', type: 'u32', offset: 0 }, { name: 'cols', type: 'u32', offset: 4 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'y', type: 'storage', element: 'f32' },
    { binding: 3, name: 'y_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 5, name: 'dx', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    forward: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'y_saved', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
