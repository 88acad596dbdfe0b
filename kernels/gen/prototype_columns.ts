// Generated from kernels/prototype/columns.wgsl by npm run codegen. Do not edit.
export const prototypeColumns = {
  name: 'prototype/columns',
  file: 'kernels/prototype/columns.wgsl',
  code: "// prototype/columns: each channel of a batch item made unit over its tokens, one lane for STEPS channels.\n//   forward   y[b, l, d] = x[b, l, d] / max(‖x[b, :, d]‖, 1e-12), inverse[b, d] = 1 / max(‖x[b, :, d]‖, 1e-12)\n//   backward  dx = (dy - y·Σ_l dy·y) · inverse; dy · inverse where the norm was clamped\n// Shapes: x, y, dx, dy float[batch, tokens, cols], inverse float[batch, cols], dense. T is vec4<f32> where cols (then counted in fours)\n// is a multiple of 4; with T = f32 it is its own baseline. Grid: [ceil(cols / (WG · STEPS)), batch]; a lane's channels lie 8 apart, so that\n// eight lanes read a long run of each token's row. Accumulates in f32.\n// Traffic: 12 bytes an element forward, 20 backward. Source: SQ-LLaVA, specification 1.4.2 step 4: over tokens, not over channels.\n// uses: lib/run.wgsl\n\nstruct Params { tokens: u32, cols: u32 }\n\nalias T = f32; // tune: f32 vec4<f32>\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<T>;\n@group(0) @binding(2) var<storage, read_write> y: array<T>;\n@group(0) @binding(3) var<storage, read_write> inverse: array<T>;\n@group(0) @binding(4) var<storage, read> y_saved: array<T>;\n@group(0) @binding(5) var<storage, read> inverse_saved: array<T>;\n@group(0) @binding(6) var<storage, read> dy: array<T>;\n@group(0) @binding(7) var<storage, read_write> dx: array<T>;\n\nconst WG = 64u; // tune: 8u 64u\nconst STEPS = 1u; // tune: 1u 4u\n\n// Channel k of a lane's share, the last one where it has fewer.\nfn column(begin: u32, k: u32) -> u32 { return min(begin + 8u * k, params.cols - 1u); }\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let begin = run_begin(vec3u(wg.x, 0u, 0u), count, lane);\n  if (begin >= params.cols) { return; }\n  let first = wg.y * params.tokens * params.cols;\n  let end = first + params.tokens * params.cols;\n  var squares = array<T, STEPS>();\n  for (var row = first; row < end; row += params.cols) {\n    for (var k = 0u; k < STEPS; k++) {\n      let value = x[row + column(begin, k)];\n      squares[k] += value * value;\n    }\n  }\n  var scale: array<T, STEPS>;\n  for (var k = 0u; k < STEPS; k++) {\n    scale[k] = T(1.0) / max(sqrt(squares[k]), T(1e-12));\n    if (begin + 8u * k < params.cols) { inverse[wg.y * params.cols + begin + 8u * k] = scale[k]; }\n  }\n  for (var row = first; row < end; row += params.cols) {\n    for (var k = 0u; k < STEPS; k++) {\n      if (begin + 8u * k < params.cols) { y[row + begin + 8u * k] = x[row + begin + 8u * k] * scale[k]; }\n    }\n  }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let begin = run_begin(vec3u(wg.x, 0u, 0u), count, lane);\n  if (begin >= params.cols) { return; }\n  let first = wg.y * params.tokens * params.cols;\n  let end = first + params.tokens * params.cols;\n  var along = array<T, STEPS>();\n  for (var row = first; row < end; row += params.cols) {\n    for (var k = 0u; k < STEPS; k++) { along[k] += dy[row + column(begin, k)] * y_saved[row + column(begin, k)]; }\n  }\n  var scale: array<T, STEPS>;\n  for (var k = 0u; k < STEPS; k++) {\n    scale[k] = inverse_saved[wg.y * params.cols + column(begin, k)];\n    along[k] = select(along[k], T(), scale[k] >= T(1e12));\n  }\n  for (var row = first; row < end; row += params.cols) {\n    for (var k = 0u; k < STEPS; k++) {\n      let i = row + begin + 8u * k;\n      if (begin + 8u * k < params.cols) { dx[i] = (dy[i] - y_saved[i] * along[k]) * scale[k]; }\n    }\n  }\n}\n",
  uses: ['lib/run.wgsl'],
  lib: "// A lane's share of a line of items: eight neighbouring lanes walk a run of 8 · STEPS items together, so that each subgroup of a software adapter, which\n// runs its whole loop before the next one starts, reads contiguous memory, and fewer workgroups have to be started: twice as fast there. On a GPU STEPS is 1.\n// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Use: `for (var i = run_begin(…); i < run_end(i, size); i += 8u)`.\n\nfn run_begin(wg: vec3u, count: vec3u, lane: u32) -> u32 {\n  return ((wg.y * count.x + wg.x) * WG + lane / 8u * 8u) * STEPS + lane % 8u;\n}\n\nfn run_end(begin: u32, size: u32) -> u32 { return min(begin / (8u * STEPS) * (8u * STEPS) + 8u * STEPS, size); }\n",
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
  tunables: [
    { name: 'T', value: 'f32', allowed: ['f32', 'vec4<f32>'], line: 12 },
    { name: 'WG', value: '64u', allowed: ['8u', '64u'], line: 23 },
    { name: 'STEPS', value: '1u', allowed: ['1u', '4u'], line: 24 },
  ],
  entries: {
    forward: { bindings: ['params', 'x', 'y', 'inverse'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'y_saved', 'inverse_saved', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
