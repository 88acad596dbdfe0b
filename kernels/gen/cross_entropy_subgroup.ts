// Generated from kernels/cross_entropy/subgroup.wgsl by npm run codegen. Do not edit.
export const crossEntropySubgroup = {
  name: 'cross_entropy/subgroup',
  file: 'kernels/cross_entropy/subgroup.wgsl',
  code: "enable subgroups;\n// cross_entropy/subgroup: next-token loss of rows of logits, one subgroup a row, four neighbouring classes a lane. Contract of\n// cross_entropy/naive, for cols a multiple of 4.\n//   forward   lse = log Σ exp x,   row_loss = w · (lse - x[target])\n//   backward  dx = (exp(x - lse) - onehot(target)) · w · dy / Σ w\n// Shapes: x, dx float[rows, cols]; label i32[rows]; row_weight, lse float[rows]; terms float[rows, 2] = row_loss, w; dy float[1]. Dense.\n// Grid: ceil(rows / (WG / SG)) workgroups in a line. Accumulates in f32. Ignored rows are not read: forward gives 0, backward writes 0.\n// Traffic: 4 bytes an element forward, read once; 8 backward.\n// uses: lib/subgroup_reduce.wgsl, lib/online_sum.wgsl\n\nstruct Params { rows: u32, cols: u32, weighted: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;\n@group(0) @binding(2) var<storage, read> label: array<i32>;\n@group(0) @binding(3) var<storage, read> row_weight: array<f32>;\n@group(0) @binding(4) var<storage, read_write> lse: array<f32>;\n@group(0) @binding(5) var<storage, read_write> terms: array<f32>;\n@group(0) @binding(6) var<storage, read> lse_saved: array<f32>;\n@group(0) @binding(7) var<storage, read> terms_saved: array<f32>;\n@group(0) @binding(8) var<storage, read> totals: array<f32>;\n@group(0) @binding(9) var<storage, read> dy: array<f32>;\n@group(0) @binding(10) var<storage, read_write> dx: array<vec4<f32>>;\n\nconst SG = 8u; // tune: 4u 8u 16u 32u 64u\nconst WG = 64u; // tune: 64u 128u 256u\n\n// A row past the end, or an ignored one, walks no columns, so that control flow stays uniform in a subgroup.\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {\n  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;\n  let inside = min(row, params.rows - 1u);\n  let chosen = label[inside];\n  let quads = params.cols / 4u;\n  let begin = inside * quads;\n  let end = select(0u, quads, chosen >= 0 && row < params.rows);\n  var seen = online_start();\n  var i = index % SG;\n  let main = end - end % (4u * SG);\n  for (; i < main; i += 4u * SG) {\n    let a = x[begin + i];\n    let b = x[begin + i + SG];\n    let c = x[begin + i + 2u * SG];\n    let d = x[begin + i + 3u * SG];\n    seen = online_sixteen(seen, a, b, c, d);\n  }\n  for (; i < end; i += SG) { seen = online_four(seen, x[begin + i]); }\n  let all = online_subgroup(seen);\n  let log_sum = all.top + log(all.total);\n  if (row < params.rows && index % SG == 0u) {\n    var w = 0.0;\n    var loss = 0.0;\n    if (chosen >= 0) {\n      w = 1.0;\n      if (params.weighted == 1u) { w = row_weight[row]; }\n      loss = w * (log_sum - x[begin + u32(chosen) / 4u][u32(chosen) % 4u]);\n    }\n    lse[row] = select(0.0, log_sum, chosen >= 0);\n    terms[2u * row] = loss;\n    terms[2u * row + 1u] = w;\n  }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {\n  let row = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;\n  if (row >= params.rows) { return; }\n  let quads = params.cols / 4u;\n  let begin = row * quads;\n  let chosen = label[row];\n  let scale = terms_saved[2u * row + 1u] * totals[1] * dy[0];\n  if (scale == 0.0) {\n    for (var i = index % SG; i < quads; i += SG) { dx[begin + i] = vec4f(); }\n    return;\n  }\n  let log_sum = lse_saved[row];\n  for (var i = index % SG; i < quads; i += SG) {\n    let first = i32(i * 4u);\n    let onehot = select(vec4f(), vec4f(1.0), vec4i(first, first + 1, first + 2, first + 3) == vec4i(chosen));\n    dx[begin + i] = (exp(x[begin + i] - log_sum) - onehot) * scale;\n  }\n}\n",
  uses: ['lib/subgroup_reduce.wgsl', 'lib/online_sum.wgsl'],
  lib: "// Reductions over one subgroup by butterflies: every lane gets the same result, in the same order on every run.\n// Needs in the kernel: `enable subgroups;` and `const SG: u32`, the subgroup size. (subgroupAdd is serial on software adapters: 10 times slower.)\n\nfn subgroup_sum(value: f32) -> f32 {\n  var v = value;\n  if (SG >= 64u) { v += subgroupShuffleXor(v, 32u); }\n  if (SG >= 32u) { v += subgroupShuffleXor(v, 16u); }\n  if (SG >= 16u) { v += subgroupShuffleXor(v, 8u); }\n  if (SG >= 8u) { v += subgroupShuffleXor(v, 4u); }\n  v += subgroupShuffleXor(v, 2u);\n  v += subgroupShuffleXor(v, 1u);\n  return v;\n}\n\nfn subgroup_max(value: f32) -> f32 {\n  var v = value;\n  if (SG >= 64u) { v = max(v, subgroupShuffleXor(v, 32u)); }\n  if (SG >= 32u) { v = max(v, subgroupShuffleXor(v, 16u)); }\n  if (SG >= 16u) { v = max(v, subgroupShuffleXor(v, 8u)); }\n  if (SG >= 8u) { v = max(v, subgroupShuffleXor(v, 4u)); }\n  v = max(v, subgroupShuffleXor(v, 2u));\n  v = max(v, subgroupShuffleXor(v, 1u));\n  return v;\n}\n\n// The greatest of what a lane has seen and Σ exp(x - greatest), kept in one pass (Milakov & Gimelshein 2018): sixteen at a time cost one more exponential.\nstruct Online { top: f32, total: f32 }\n\nfn online_start() -> Online { return Online(-3.4e38, 0.0); }\n\nfn online_four(seen: Online, v: vec4f) -> Online {\n  let top = max(seen.top, max(max(v.x, v.y), max(v.z, v.w)));\n  return Online(top, seen.total * exp(seen.top - top) + dot(exp(v - top), vec4f(1.0)));\n}\n\nfn online_sixteen(seen: Online, a: vec4f, b: vec4f, c: vec4f, d: vec4f) -> Online {\n  let tops = max(max(a, b), max(c, d));\n  let top = max(seen.top, max(max(tops.x, tops.y), max(tops.z, tops.w)));\n  let terms = (exp(a - top) + exp(b - top)) + (exp(c - top) + exp(d - top));\n  return Online(top, seen.total * exp(seen.top - top) + dot(terms, vec4f(1.0)));\n}\n\n// Of all lanes of a subgroup. Needs lib/subgroup_reduce.wgsl.\nfn online_subgroup(seen: Online) -> Online {\n  let top = subgroup_max(seen.top);\n  return Online(top, subgroup_sum(seen.total * exp(seen.top - top)));\n}\n",
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'weighted', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 2, name: 'label', type: 'read-only-storage', element: 'i32' },
    { binding: 3, name: 'row_weight', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'lse', type: 'storage', element: 'f32' },
    { binding: 5, name: 'terms', type: 'storage', element: 'f32' },
    { binding: 6, name: 'lse_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 7, name: 'terms_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 8, name: 'totals', type: 'read-only-storage', element: 'f32' },
    { binding: 9, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 10, name: 'dx', type: 'storage', element: 'vec4<f32>' },
  ],
  tunables: [
    { name: 'SG', value: '8u', allowed: ['4u', '8u', '16u', '32u', '64u'], line: 25 },
    { name: 'WG', value: '64u', allowed: ['64u', '128u', '256u'], line: 26 },
  ],
  entries: {
    forward: { bindings: ['params', 'x', 'label', 'row_weight', 'lse', 'terms'], workgroupSize: ['WG'] },
    backward: {
      bindings: ['params', 'x', 'label', 'lse_saved', 'terms_saved', 'totals', 'dy', 'dx'],
      workgroupSize: ['WG'],
    },
  },
  subgroups: true,
  f16: false,
} as const;
