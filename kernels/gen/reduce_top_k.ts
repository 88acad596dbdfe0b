// Generated from kernels/reduce/top_k.wgsl by npm run codegen. Do not edit.
export const reduceTopK = {
  name: 'reduce/top_k',
  file: 'kernels/reduce/top_k.wgsl',
  code: "// reduce/top_k: the indices of the k largest elements of a row, the largest first, the lowest index first among equals;\n// NaN before all others. k passes over the row, each finding the best element behind the one before: meant for a small\n// k.\n// Shapes: x float[rows, cols], y i32[rows, k], dense. Grid: one lane per row, ceil(rows / WG) workgroups in a line.\n// Traffic: 4k bytes per element.\n// uses: lib/special_values.wgsl\n\nstruct Params { rows: u32, cols: u32, k: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<u32>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn top_k(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let begin = row * params.cols;\n  var last = 0u;\n  var last_at = 0u;\n  for (var j = 0u; j < params.k; j++) {\n    var best = 0u;\n    var best_at = params.cols;\n    for (var c = 0u; c < params.cols; c++) {\n      let rank = rank_of(x[begin + c]);\n      let is_behind = j == 0u || rank < last || (rank == last && c > last_at);\n      if (is_behind && (best_at == params.cols || rank > best)) {\n        best = rank;\n        best_at = c;\n      }\n    }\n    y[row * params.k + j] = best_at;\n    last = best;\n    last_at = best_at;\n  }\n}\n",
  uses: ['lib/special_values.wgsl'],
  lib: "// Infinity and NaN by their bits: WGSL refuses both as constants, and lets a compiler assume that no value is either,\n// so that a comparison may be decided ahead. The bits pass through variables, whose values no const-expression knows.\n\nconst LEAST = -0x1.fffffep+127f; // the least finite number\n\nvar<private> infinity_bits = 0x7f800000u;\nvar<private> nan_bits = 0x7fc00000u;\n\nfn infinity() -> f32 { return bitcast<f32>(infinity_bits); }\n\nfn quiet_nan() -> f32 { return bitcast<f32>(nan_bits); }\n\nfn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }\n\n/// max(v, low), NaN where v is.\nfn at_least(v: f32, low: f32) -> f32 { return select(max(v, low), v, is_nan(v)); }\n\n/// eˣ and ln x, NaN where x is: some drivers' own functions return a number.\nfn exp_of(v: f32) -> f32 { return select(exp(v), v, is_nan(v)); }\nfn exp_of4(v: vec4f) -> vec4f {\n  return select(exp(v), v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));\n}\nfn log_of(v: f32) -> f32 { return select(log(v), v, is_nan(v)); }\n\n/// Integers in the order of the values: -∞ first, both zeros equal, NaN after ∞, as PyTorch sorts.\nfn rank_of(v: f32) -> u32 {\n  let bits = bitcast<u32>(v);\n  if (is_nan(v)) { return 0xffffffffu; }\n  if (bits == 0x80000000u) { return 0x80000000u; }\n  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);\n}\n\n/// The same from ∞ down to -∞, NaN last again.\nfn rank_down(v: f32) -> u32 { return select(~rank_of(v), 0xffffffffu, is_nan(v)); }\n",
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
