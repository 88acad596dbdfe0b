// Generated from kernels/optim/adamw_norm.wgsl by npm run codegen. Do not edit.
export const optimAdamwNorm = {
  name: 'optim/adamw_norm',
  file: 'kernels/optim/adamw_norm.wgsl',
  code: "// optim/adamw_norm: the norm of all gradients in two passes of fixed order, and the factor that clips it.\n//   partial  sums[slot + w] = Σ g² over workgroup w's 4 · WG · ROUNDS elements\n//   finish   norm = √Σ sums;   result = norm, min(1, max_norm / (norm + 1e-6))   (factor 1 when max_norm is 0, and -1\n//            when the norm is not finite)\n// Shapes: g float[4 · vectors], sums float[slots], result float[2]. Grid: partial one workgroup for each WG · ROUNDS\n// vectors in a line, finish one workgroup. Accumulates in f32, lane by lane, then lane 0 over the lanes. Traffic: 4\n// bytes per element. Source of the 1e-6: PyTorch clip_grad_norm_.\n// uses: lib/block_sum.wgsl, lib/turns.wgsl\n\nstruct Params { vectors: u32, slot: u32, slots: u32, max_norm: f32 }\n\nalias T = f32;\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> g: array<vec4<f32>>;\n@group(0) @binding(2) var<storage, read_write> sums: array<f32>;\n@group(0) @binding(3) var<storage, read> sums_done: array<f32>;\n@group(0) @binding(4) var<storage, read_write> result: array<f32>;\n\nconst WG = 64u;\nconst ROUNDS = 64u;\nvar<workgroup> lanes: array<f32, WG>;\n\nfn sum_of_lanes(mine: f32, lane: u32) -> f32 {\n  lanes[lane] = mine;\n  workgroupBarrier();\n  var sum = 0.0;\n  if (lane == 0u) {\n    for (var i = 0u; i < WG; i++) { sum += lanes[i]; }\n  }\n  return sum;\n}\n\n@compute @workgroup_size(WG)\nfn partial(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let group = wg.y * count.x + wg.x;\n  let first = group * WG * ROUNDS;\n  let end = min(first + WG * ROUNDS, params.vectors);\n  var squares = vec4f();\n  var i = first + lane;\n  // Four loads are in flight together.\n  for (var left = turns(i + 3u * WG, end, 4u * WG); left > 0u; left--) {\n    let g0 = g[i];\n    let g1 = g[i + WG];\n    let g2 = g[i + 2u * WG];\n    let g3 = g[i + 3u * WG];\n    squares += g0 * g0;\n    squares += g1 * g1;\n    squares += g2 * g2;\n    squares += g3 * g3;\n    i += 4u * WG;\n  }\n  for (var left = turns(i, end, WG); left > 0u; left--) {\n    squares += g[i] * g[i];\n    i += WG;\n  }\n  let sum = sum_of_lanes(dot(squares, vec4f(1.0)), lane);\n  if (lane == 0u && first < params.vectors) { sums[params.slot + group] = sum; }\n}\n\n@compute @workgroup_size(WG)\nfn finish(@builtin(local_invocation_index) lane: u32) {\n  var blocks = Blocks();\n  for (var i = lane; i < params.slots;) {\n    let stop = min(i + BLOCK * WG, params.slots);\n    var part = 0.0;\n    for (var left = turns(i, stop, WG); left > 0u; left--) {\n      part += sums_done[i];\n      i += WG;\n    }\n    blocks = add_block(blocks, part);\n  }\n  let norm = sqrt(sum_of_lanes(sum_of(blocks), lane));\n  if (lane > 0u) { return; }\n  var factor = 1.0;\n  if (params.max_norm > 0.0) { factor = min(1.0, params.max_norm / (norm + 1e-6)); }\n  let finite = (bitcast<u32>(norm) & 0x7f800000u) != 0x7f800000u;\n  result[0] = norm;\n  result[1] = select(-1.0, factor, finite);\n}\n",
  uses: ['lib/block_sum.wgsl', 'lib/turns.wgsl'],
  lib: "// A long sum as a sum of sums: the kernel adds up BLOCK terms; this file adds 32 blocks, 32 of those sums, and the\n// rest. In a single chain the error grows with the number of terms, to a percent at a million; here with its logarithm.\n// Needs in the kernel: alias T of floats.\n\nconst BLOCK = 32u;\n\nstruct Blocks { count: u32, low: T, middle: T, high: T }\n\nfn add_block(sums: Blocks, part: T) -> Blocks {\n  var s = sums;\n  s.count++;\n  s.low += part;\n  if (s.count % 32u == 0u) {\n    s.middle += s.low;\n    s.low = T();\n  }\n  if (s.count % 1024u == 0u) {\n    s.high += s.middle;\n    s.middle = T();\n  }\n  return s;\n}\n\nfn sum_of(s: Blocks) -> T { return s.high + (s.middle + s.low); }\n\n// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'vectors', type: 'u32', offset: 0 },
    { name: 'slot', type: 'u32', offset: 4 },
    { name: 'slots', type: 'u32', offset: 8 },
    { name: 'max_norm', type: 'f32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'g', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 2, name: 'sums', type: 'storage', element: 'f32' },
    { binding: 3, name: 'sums_done', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'result', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    partial: { bindings: ['params', 'g', 'sums'], workgroupSize: ['WG'] },
    finish: { bindings: ['params', 'sums_done', 'result'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
