// Generated from kernels/cross_entropy/shared.wgsl by npm run codegen. Do not edit.
export const crossEntropyShared = {
  name: 'cross_entropy/shared',
  file: 'kernels/cross_entropy/shared.wgsl',
  code: "// cross_entropy/shared: next-token loss of rows of logits, one workgroup a row; no subgroups, any number of classes. Contract of cross_entropy/naive.\n//   forward   lse = log Σ exp x,   row_loss = w · (lse - x[target])\n//   backward  dx = (exp(x - lse) - onehot(target)) · w · dy / Σ w\n// Shapes: x, dx float[rows, cols]; label i32[rows]; row_weight, lse float[rows]; terms float[rows, 2] = row_loss, w; dy float[1]. Dense.\n// T is vec4<f32> and WIDTH 4 where cols is a multiple of 4. Grid: rows workgroups in a line. Accumulates in f32, the greatest and the sum in one pass.\n// Ignored rows are not read: forward gives 0, backward writes 0. Traffic: 4 bytes an element forward, 8 backward.\n// uses: lib/shared_reduce.wgsl, lib/row_values.wgsl\n\nstruct Params { rows: u32, cols: u32, weighted: u32 }\n\nalias T = f32; // tune: f32 vec4<f32>\nconst WIDTH = 1u; // tune: 1u 4u\nconst PLACES = 0.0; // tune: 0.0 vec4f(0.0,1.0,2.0,3.0)\nconst WG = 64u; // tune: 32u 64u 128u 256u 512u\nconst LEAST = -3.4e38;\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<T>;\n@group(0) @binding(2) var<storage, read> label: array<i32>;\n@group(0) @binding(3) var<storage, read> row_weight: array<f32>;\n@group(0) @binding(4) var<storage, read_write> lse: array<f32>;\n@group(0) @binding(5) var<storage, read_write> terms: array<f32>;\n@group(0) @binding(6) var<storage, read> lse_saved: array<f32>;\n@group(0) @binding(7) var<storage, read> terms_saved: array<f32>;\n@group(0) @binding(8) var<storage, read> totals: array<f32>;\n@group(0) @binding(9) var<storage, read> dy: array<f32>;\n@group(0) @binding(10) var<storage, read_write> dx: array<T>;\n\n// An ignored row walks no columns: a label is no uniform value, so that the barriers stand outside of what depends on it.\n@compute @workgroup_size(WG)\nfn forward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = wg.y * count.x + wg.x;\n  if (row >= params.rows) { return; }\n  let chosen = label[row];\n  let size = params.cols / WIDTH;\n  let begin = row * size;\n  let end = begin + select(0u, size, chosen >= 0);\n  var top = LEAST;\n  var total = 0.0;\n  var i = begin + lane;\n  for (; i + 3u * WG < end; i += 4u * WG) {\n    let a = x[i];\n    let b = x[i + WG];\n    let c = x[i + 2u * WG];\n    let d = x[i + 3u * WG];\n    let higher = max(top, greatest(max(max(a, b), max(c, d))));\n    total = total * exp(top - higher) + across((exp(a - higher) + exp(b - higher)) + (exp(c - higher) + exp(d - higher)));\n    top = higher;\n  }\n  for (; i < end; i += WG) {\n    let a = x[i];\n    let higher = max(top, greatest(a));\n    total = total * exp(top - higher) + across(exp(a - higher));\n    top = higher;\n  }\n  let all_top = shared_max(top, lane);\n  let log_sum = all_top + log(shared_sum(total * exp(top - all_top), lane));\n  let at = u32(max(chosen, 0));\n  if (lane == 0u) {\n    var w = 0.0;\n    var loss = 0.0;\n    if (chosen >= 0) {\n      w = 1.0;\n      if (params.weighted == 1u) { w = row_weight[row]; }\n      loss = w * (log_sum - vec4f(x[begin + at / WIDTH])[at % WIDTH]);\n    }\n    lse[row] = select(0.0, log_sum, chosen >= 0);\n    terms[2u * row] = loss;\n    terms[2u * row + 1u] = w;\n  }\n}\n\n@compute @workgroup_size(WG)\nfn backward(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = wg.y * count.x + wg.x;\n  if (row >= params.rows) { return; }\n  let size = params.cols / WIDTH;\n  let begin = row * size;\n  let end = begin + size;\n  let scale = terms_saved[2u * row + 1u] * totals[1] * dy[0];\n  if (scale == 0.0) {\n    for (var i = begin + lane; i < end; i += WG) { dx[i] = T(); }\n    return;\n  }\n  let log_sum = lse_saved[row];\n  let chosen = label[row];\n  var i = begin + lane;\n  for (; i + 3u * WG < end; i += 4u * WG) {\n    let a = x[i];\n    let b = x[i + WG];\n    let c = x[i + 2u * WG];\n    let d = x[i + 3u * WG];\n    dx[i] = exp(a - log_sum) * scale;\n    dx[i + WG] = exp(b - log_sum) * scale;\n    dx[i + 2u * WG] = exp(c - log_sum) * scale;\n    dx[i + 3u * WG] = exp(d - log_sum) * scale;\n  }\n  for (; i < end; i += WG) { dx[i] = exp(x[i] - log_sum) * scale; }\n  // The target's one, by the lane that wrote it.\n  let at = u32(chosen) / WIDTH;\n  if (at < size && at % WG == lane) {\n    let one = select(T(), T(1.0), T(PLACES) == T(f32(u32(chosen) % WIDTH)));\n    dx[begin + at] = (exp(x[begin + at] - log_sum) - one) * scale;\n  }\n}\n",
  uses: ['lib/shared_reduce.wgsl', 'lib/row_values.wgsl'],
  lib: "// Reductions over a workgroup through its memory, in a fixed order: every lane gets the same result. Sixteen lanes add up the others, then each lane the sixteen:\n// two barriers instead of one for each halving. Needs in the kernel: `const WG: u32`, a multiple of 16, and uniform control flow.\n\nvar<workgroup> lane_values: array<f32, WG>;\nvar<workgroup> part_values: array<f32, 16>;\n\nfn shared_sum(value: f32, lane: u32) -> f32 {\n  lane_values[lane] = value;\n  workgroupBarrier();\n  if (lane < 16u) {\n    var part = lane_values[lane];\n    for (var i = 1u; i < WG / 16u; i++) { part += lane_values[lane + 16u * i]; }\n    part_values[lane] = part;\n  }\n  workgroupBarrier();\n  var total = part_values[0];\n  for (var i = 1u; i < 16u; i++) { total += part_values[i]; }\n  return total;\n}\n\nfn shared_max(value: f32, lane: u32) -> f32 {\n  lane_values[lane] = value;\n  workgroupBarrier();\n  if (lane < 16u) {\n    var part = lane_values[lane];\n    for (var i = 1u; i < WG / 16u; i++) { part = max(part, lane_values[lane + 16u * i]); }\n    part_values[lane] = part;\n  }\n  workgroupBarrier();\n  var total = part_values[0];\n  for (var i = 1u; i < 16u; i++) { total = max(total, part_values[i]); }\n  return total;\n}\n\n// A row's values as T, one column or four, whichever the kernel is compiled for: `vec4f(v)` takes either.\n\nfn greatest(v: T) -> f32 {\n  let four = vec4f(v);\n  return max(max(four.x, four.y), max(four.z, four.w));\n}\n\n// A quarter of each of four equal numbers where T is one column: exact, and right for infinities too.\nfn across(v: T) -> f32 { return dot(vec4f(v), vec4f(0.25 * f32(WIDTH))); }\n",
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'weighted', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'T' },
    { binding: 2, name: 'label', type: 'read-only-storage', element: 'i32' },
    { binding: 3, name: 'row_weight', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'lse', type: 'storage', element: 'f32' },
    { binding: 5, name: 'terms', type: 'storage', element: 'f32' },
    { binding: 6, name: 'lse_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 7, name: 'terms_saved', type: 'read-only-storage', element: 'f32' },
    { binding: 8, name: 'totals', type: 'read-only-storage', element: 'f32' },
    { binding: 9, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 10, name: 'dx', type: 'storage', element: 'T' },
  ],
  tunables: [
    { name: 'T', value: 'f32', allowed: ['f32', 'vec4<f32>'], line: 11 },
    { name: 'WIDTH', value: '1u', allowed: ['1u', '4u'], line: 12 },
    { name: 'PLACES', value: '0.0', allowed: ['0.0', 'vec4f(0.0,1.0,2.0,3.0)'], line: 13 },
    { name: 'WG', value: '64u', allowed: ['32u', '64u', '128u', '256u', '512u'], line: 14 },
  ],
  entries: {
    forward: { bindings: ['params', 'x', 'label', 'row_weight', 'lse', 'terms'], workgroupSize: ['WG'] },
    backward: {
      bindings: ['params', 'x', 'label', 'lse_saved', 'terms_saved', 'totals', 'dy', 'dx'],
      workgroupSize: ['WG'],
    },
  },
  subgroups: false,
  f16: false,
} as const;
