// Generated from kernels/rows/log_softmax_naive.wgsl by npm run codegen. Do not edit.
export const rowsLogSoftmaxNaive = {
  name: 'rows/log_softmax_naive',
  file: 'kernels/rows/log_softmax_naive.wgsl',
  code: "// rows/log_softmax_naive: over the last axis, one lane per row.\n//   forward   y = x - max x - log Σ exp(x - max x)\n//   backward  dx = dy - exp(y) · Σ dy\n// Shapes: x, y, dy, dx float[rows, cols], dense. Grid: ceil(rows / WG) workgroups in a line. Accumulates in f32.\n// Traffic: 8 bytes per element forward, 12 backward (ideal); here three passes over x. A row of -∞ alone gives -ln n.\n// uses: lib/special_values.wgsl\n\nstruct Params { rows: u32, cols: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n@group(0) @binding(3) var<storage, read> y_saved: array<f32>;\n@group(0) @binding(4) var<storage, read> dy: array<f32>;\n@group(0) @binding(5) var<storage, read_write> dx: array<f32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  let end = begin + params.cols;\n  var top = LEAST;\n  for (var i = begin; i < end; i++) { top = max(top, x[i]); }\n  var total = 0.0;\n  for (var i = begin; i < end; i++) { total += exp_of(x[i] - top); }\n  let hidden = total == 0.0;\n  let log_total = log_of(select(total, f32(params.cols), hidden));\n  for (var i = begin; i < end; i++) { y[i] = select(x[i] - top, 0.0, hidden) - log_total; }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  let end = begin + params.cols;\n  var total = 0.0;\n  for (var i = begin; i < end; i++) { total += dy[i]; }\n  // A NaN makes all of its row NaN, which exp of some drivers drops.\n  total = select(total, quiet_nan(), is_nan(y_saved[begin]));\n  for (var i = begin; i < end; i++) { dx[i] = dy[i] - exp(y_saved[i]) * total; }\n}\n",
  uses: ['lib/special_values.wgsl'],
  lib: "// Infinity and NaN by their bits: WGSL refuses both as constants, and lets a compiler assume that no value is either,\n// so that a comparison may be decided ahead. The bits pass through variables, whose values no const-expression knows.\n\nconst LEAST = -0x1.fffffep+127f; // the least finite number\n\nvar<private> infinity_bits = 0x7f800000u;\nvar<private> nan_bits = 0x7fc00000u;\n\nfn infinity() -> f32 { return bitcast<f32>(infinity_bits); }\n\nfn quiet_nan() -> f32 { return bitcast<f32>(nan_bits); }\n\nfn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }\n\n/// max(v, low), NaN where v is.\nfn at_least(v: f32, low: f32) -> f32 { return select(max(v, low), v, is_nan(v)); }\n\n/// eˣ and ln x, NaN where x is: some drivers' own functions return a number.\nfn exp_of(v: f32) -> f32 { return select(exp(v), v, is_nan(v)); }\nfn exp_of4(v: vec4f) -> vec4f {\n  return select(exp(v), v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));\n}\nfn log_of(v: f32) -> f32 { return select(log(v), v, is_nan(v)); }\n\n/// Integers in the order of the values: -∞ first, both zeros equal, NaN after ∞, as PyTorch sorts.\nfn rank_of(v: f32) -> u32 {\n  let bits = bitcast<u32>(v);\n  if (is_nan(v)) { return 0xffffffffu; }\n  if (bits == 0x80000000u) { return 0x80000000u; }\n  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);\n}\n\n/// The same from ∞ down to -∞, NaN last again.\nfn rank_down(v: f32) -> u32 { return select(~rank_of(v), 0xffffffffu, is_nan(v)); }\n",
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
