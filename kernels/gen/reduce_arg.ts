// Generated from kernels/reduce/arg.wgsl by npm run codegen. Do not edit.
export const reduceArg = {
  name: 'reduce/arg',
  file: 'kernels/reduce/arg.wgsl',
  code: "// reduce/arg: the index of the largest or smallest element along a middle axis; the lowest index among equals, NaN\n// before all others.\n//   y[o, c] = min argmax_k x[o, k, c]\n// Shapes: x float[outer, rows, cols], y i32[outer, cols], dense. Grid: one lane per column, ceil(outer · cols / WG)\n// workgroups in a line.\n// Traffic: 4 bytes per element.\n// uses: lib/special_values.wgsl, lib/turns.wgsl\n\nstruct Params { outer: u32, rows: u32, cols: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<u32>;\n\nconst MAX = 1u;\nconst MIN = 2u;\nconst OP = MAX; // tune: MAX MIN\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn arg(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.cols) { return; }\n  let o = item / params.cols;\n  var i = o * params.rows * params.cols + (item - o * params.cols);\n  var best = rank(x[i]);\n  var found = 0u;\n  var k = 1u;\n  for (var left = turns(k, params.rows, 1u); left > 0u; left--) {\n    i += params.cols;\n    let place = rank(x[i]);\n    if (place > best) {\n      best = place;\n      found = k;\n    }\n    k++;\n  }\n  y[item] = found;\n}\n\nfn rank(value: f32) -> u32 {\n  if (OP == MIN) { return rank_down(value); }\n  return rank_of(value);\n}\n",
  uses: ['lib/special_values.wgsl', 'lib/turns.wgsl'],
  lib: "// Infinity and NaN by their bits: WGSL refuses both as constants, and lets a compiler assume that no value is either,\n// so that a comparison may be decided ahead. The bits pass through variables, whose values no const-expression knows.\n\nconst LEAST = -0x1.fffffep+127f; // the least finite number\n\nvar<private> infinity_bits = 0x7f800000u;\nvar<private> nan_bits = 0x7fc00000u;\n\nfn infinity() -> f32 { return bitcast<f32>(infinity_bits); }\n\nfn quiet_nan() -> f32 { return bitcast<f32>(nan_bits); }\n\nfn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }\n\n/// max(v, low), NaN where v is.\nfn at_least(v: f32, low: f32) -> f32 { return select(max(v, low), v, is_nan(v)); }\n\n/// eˣ and ln x, NaN where x is: some drivers' own functions return a number.\nfn exp_of(v: f32) -> f32 { return select(exp(v), v, is_nan(v)); }\nfn exp_of4(v: vec4f) -> vec4f {\n  return select(exp(v), v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));\n}\nfn log_of(v: f32) -> f32 { return select(log(v), v, is_nan(v)); }\n\n/// Integers in the order of the values: -∞ first, both zeros equal, NaN after ∞, as PyTorch sorts.\nfn rank_of(v: f32) -> u32 {\n  let bits = bitcast<u32>(v);\n  if (is_nan(v)) { return 0xffffffffu; }\n  if (bits == 0x80000000u) { return 0x80000000u; }\n  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);\n}\n\n/// The same from ∞ down to -∞, NaN last again.\nfn rank_down(v: f32) -> u32 { return select(~rank_of(v), 0xffffffffu, is_nan(v)); }\n\n// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'outer', type: 'u32', offset: 0 },
    { name: 'rows', type: 'u32', offset: 4 },
    { name: 'cols', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'y', type: 'storage', element: 'u32' },
  ],
  tunables: [{ name: 'OP', value: 'MAX', allowed: ['MAX', 'MIN'], line: 17 }],
  entries: { arg: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
