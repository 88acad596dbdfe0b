// Generated from kernels/prototype/columns.wgsl by npm run codegen. Do not edit.
export const prototypeColumns = {
  name: 'prototype/columns',
  file: 'kernels/prototype/columns.wgsl',
  code: "// prototype/columns: each channel of a batch item made unit over its tokens, one lane a channel.\n//   forward   y[b, l, d] = x[b, l, d] / max(‖x[b, :, d]‖, 1e-12), inverse[b, d] = 1 / max(‖x[b, :, d]‖, 1e-12)\n//   backward  dx = (dy - y·Σ_l dy·y) · inverse; dy · inverse where the norm was clamped\n// Shapes: x, y, dx, dy float[batch, tokens, cols], inverse float[batch, cols], dense. T is vec4<f32> where cols (then counted in fours)\n// is a multiple of 4; with T = f32 it is its own baseline. Grid: [ceil(cols / WG), batch]. Accumulates in f32.\n// Traffic: 12 bytes an element forward, 20 backward. Source: SQ-LLaVA, specification 1.4.2 step 4: over tokens, not over channels.\n\nstruct Params { tokens: u32, cols: u32 }\n\nalias T = f32; // tune: f32 vec4<f32>\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<T>;\n@group(0) @binding(2) var<storage, read_write> y: array<T>;\n@group(0) @binding(3) var<storage, read_write> inverse: array<T>;\n@group(0) @binding(4) var<storage, read> y_saved: array<T>;\n@group(0) @binding(5) var<storage, read> inverse_saved: array<T>;\n@group(0) @binding(6) var<storage, read> dy: array<T>;\n@group(0) @binding(7) var<storage, read_write> dx: array<T>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let col = wg.x * WG + lane;\n  if (col >= params.cols) { return; }\n  let begin = wg.y * params.tokens * params.cols + col;\n  let end = begin + params.tokens * params.cols;\n  var squares = T();\n  for (var i = begin; i < end; i += params.cols) { squares += x[i] * x[i]; }\n  let scale = T(1.0) / max(sqrt(squares), T(1e-12));\n  for (var i = begin; i < end; i += params.cols) { y[i] = x[i] * scale; }\n  inverse[wg.y * params.cols + col] = scale;\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let col = wg.x * WG + lane;\n  if (col >= params.cols) { return; }\n  let begin = wg.y * params.tokens * params.cols + col;\n  let end = begin + params.tokens * params.cols;\n  let scale = inverse_saved[wg.y * params.cols + col];\n  var along = T();\n  for (var i = begin; i < end; i += params.cols) { along += dy[i] * y_saved[i]; }\n  along = select(along, T(), scale >= T(1e12));\n  for (var i = begin; i < end; i += params.cols) { dx[i] = (dy[i] - y_saved[i] * along) * scale; }\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'tokens', type: 'u32', offset: 0 }, { name: 'cols', type: 'u32', offset: 4 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'T' },
    { binding: 2, name: 'y', type: 'storage', element: 'T' },
    { binding: 3, name: 'inverse', type: 'storage', element: 'T' },
    { binding: 4, name: 'y_saved', type: 'read-only-storage', element: 'T' },
    { binding: 5, name: 'inverse_saved', type: 'read-only-storage', element: 'T' },
    { binding: 6, name: 'dy', type: 'read-only-storage', element: 'T' },
    { binding: 7, name: 'dx', type: 'storage', element: 'T' },
  ],
  tunables: [{ name: 'T', value: 'f32', allowed: ['f32', 'vec4<f32>'], line: 10 }],
  entries: {
    forward: { bindings: ['params', 'x', 'y', 'inverse'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'y_saved', 'inverse_saved', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
