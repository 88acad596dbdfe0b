// Generated from kernels/window/pool.wgsl by npm run codegen. Do not edit.
export const windowPool = {
  name: 'window/pool',
  file: 'kernels/window/pool.wgsl',
  code: "// window/pool: mean or largest element of the windows of an image.\n//   forward   MEAN y = Σ x / kernel² (padding counts as 0)      MAX y = max x, at = its place in the plane, the first\n//             of equals; NaN passes\n//   backward  MEAN dx = Σ dy / kernel² over the windows around it  MAX dx = Σ dy over the windows that chose it\n// Shapes: x, dx float[planes, height, width], y, dy float and at u32 [planes, out_height, out_width], dense.\n// Grid: one lane per element of what is written, ceil(… / WG) workgroups in a line. No atomics. Traffic: kernel² /\n// stride² times x.\n// uses: lib/special_values.wgsl\n\nstruct Params { planes: u32, height: u32, width: u32, kernel: u32, stride: u32, padding: u32, out_height: u32,\n  out_width: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n@group(0) @binding(3) var<storage, read_write> place: array<u32>;\n@group(0) @binding(4) var<storage, read> chosen: array<u32>;\n@group(0) @binding(5) var<storage, read> dy: array<f32>;\n@group(0) @binding(6) var<storage, read_write> dx: array<f32>;\n\nconst MEAN = 0u;\nconst MAX = 1u;\nconst OP = MEAN; // tune: MEAN MAX\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.planes * params.out_height * params.out_width) { return; }\n  let ox = item % params.out_width;\n  let line = item / params.out_width;\n  let oy = line % params.out_height;\n  let start = line / params.out_height * params.height * params.width;\n  var total = 0.0;\n  var best = -infinity();\n  var best_rank = 0u; // below that of every value\n  var best_at = 0u;\n  for (var i = 0u; i < params.kernel; i++) {\n    let v = oy * params.stride + i - params.padding; // below 0 it wraps beyond the height\n    for (var j = 0u; j < params.kernel; j++) {\n      let u = ox * params.stride + j - params.padding;\n      if (v >= params.height || u >= params.width) { continue; }\n      let value = x[start + v * params.width + u];\n      total += value;\n      let rank = rank_of(value);\n      if (rank > best_rank) {\n        best = value;\n        best_rank = rank;\n        best_at = v * params.width + u;\n      }\n    }\n  }\n  y[item] = select(total / f32(params.kernel * params.kernel), best, OP == MAX);\n  place[item] = best_at;\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.planes * params.height * params.width) { return; }\n  let col = item % params.width;\n  let line = item / params.width;\n  let row = line % params.height;\n  let plane = line / params.height;\n  let u = col + params.padding;\n  let v = row + params.padding;\n  var total = 0.0;\n  for (var i = v % params.stride; i < min(params.kernel, v + 1u); i += params.stride) {\n    let oy = (v - i) / params.stride;\n    for (var j = u % params.stride; j < min(params.kernel, u + 1u); j += params.stride) {\n      let ox = (u - j) / params.stride;\n      if (oy >= params.out_height || ox >= params.out_width) { continue; }\n      let window = (plane * params.out_height + oy) * params.out_width + ox;\n      if (OP == MEAN || chosen[window] == row * params.width + col) { total += dy[window]; }\n    }\n  }\n  dx[item] = select(total, total / f32(params.kernel * params.kernel), OP == MEAN);\n}\n",
  uses: ['lib/special_values.wgsl'],
  lib: "// Infinity and NaN by their bits: WGSL refuses both as constants, and lets a compiler assume that no value is either,\n// so that a comparison may be decided ahead. The bits pass through variables, whose values no const-expression knows.\n\nconst LEAST = -0x1.fffffep+127f; // the least finite number\n\nvar<private> infinity_bits = 0x7f800000u;\nvar<private> nan_bits = 0x7fc00000u;\n\nfn infinity() -> f32 { return bitcast<f32>(infinity_bits); }\n\nfn quiet_nan() -> f32 { return bitcast<f32>(nan_bits); }\n\nfn is_nan(v: f32) -> bool { return (bitcast<u32>(v) & 0x7fffffffu) > 0x7f800000u; }\n\n/// max(v, low), NaN where v is.\nfn at_least(v: f32, low: f32) -> f32 { return select(max(v, low), v, is_nan(v)); }\n\n/// eˣ and ln x, NaN where x is: some drivers' own functions return a number.\nfn exp_of(v: f32) -> f32 { return select(exp(v), v, is_nan(v)); }\nfn exp_of4(v: vec4f) -> vec4f {\n  return select(exp(v), v, (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u));\n}\nfn log_of(v: f32) -> f32 { return select(log(v), v, is_nan(v)); }\n\n/// Integers in the order of the values: -∞ first, both zeros equal, NaN after ∞, as PyTorch sorts.\nfn rank_of(v: f32) -> u32 {\n  let bits = bitcast<u32>(v);\n  if (is_nan(v)) { return 0xffffffffu; }\n  if (bits == 0x80000000u) { return 0x80000000u; }\n  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);\n}\n\n/// The same from ∞ down to -∞, NaN last again.\nfn rank_down(v: f32) -> u32 { return select(~rank_of(v), 0xffffffffu, is_nan(v)); }\n",
  params: [
    { name: 'planes', type: 'u32', offset: 0 },
    { name: 'height', type: 'u32', offset: 4 },
    { name: 'width', type: 'u32', offset: 8 },
    { name: 'kernel', type: 'u32', offset: 12 },
    { name: 'stride', type: 'u32', offset: 16 },
    { name: 'padding', type: 'u32', offset: 20 },
    { name: 'out_height', type: 'u32', offset: 24 },
    { name: 'out_width', type: 'u32', offset: 28 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'y', type: 'storage', element: 'f32' },
    { binding: 3, name: 'place', type: 'storage', element: 'u32' },
    { binding: 4, name: 'chosen', type: 'read-only-storage', element: 'u32' },
    { binding: 5, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 6, name: 'dx', type: 'storage', element: 'f32' },
  ],
  tunables: [{ name: 'OP', value: 'MEAN', allowed: ['MEAN', 'MAX'], line: 23 }],
  entries: {
    forward: { bindings: ['params', 'x', 'y', 'place'], workgroupSize: ['WG'] },
    backward: { bindings: ['params', 'chosen', 'dy', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
