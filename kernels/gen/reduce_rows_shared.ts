// Generated from kernels/reduce/rows_shared.wgsl by npm run codegen. Do not edit.
export const reduceRowsShared = {
  name: 'reduce/rows_shared',
  file: 'kernels/reduce/rows_shared.wgsl',
  code: "// reduce/rows_shared: sum, greatest or least over the last axis, one workgroup a segment of a row; no subgroups, any number of columns. Contract of reduce/rows.\n//   y[row, s] = scale · OP x[row, s·chunk … min((s + 1)·chunk, cols))\n// Shapes: x float[rows, cols], y float[rows, segments], dense. T is vec4<f32> and WIDTH 4 where cols and chunk are multiples of 4.\n// Grid: rows · segments workgroups in a line. Accumulates in f32. Traffic: 4 bytes an element.\n// uses: lib/shared_reduce.wgsl, lib/row_values.wgsl\n\nstruct Params { rows: u32, cols: u32, segments: u32, chunk: u32, scale: f32 }\n\nalias T = f32; // tune: f32 vec4<f32>\nconst WIDTH = 1u; // tune: 1u 4u\nconst WG = 64u; // tune: 32u 64u 128u 256u 512u\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<T>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n\nconst SUM = 0u;\nconst MAX = 1u;\nconst MIN = 2u;\nconst OP = SUM; // tune: SUM MAX MIN\n\n@compute @workgroup_size(WG)\nfn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let item = wg.y * count.x + wg.x;\n  if (item >= params.rows * params.segments) { return; }\n  let row = item / params.segments;\n  let first = (item - row * params.segments) * params.chunk;\n  let end = (row * params.cols + min(first + params.chunk, params.cols)) / WIDTH;\n  var i = (row * params.cols + first) / WIDTH + lane;\n  var values = T(start());\n  for (; i + WG < end; i += 2u * WG) {\n    let a = x[i];\n    let b = x[i + WG];\n    values = combine(values, combine(a, b));\n  }\n  for (; i < end; i += WG) { values = combine(values, x[i]); }\n  var total = 0.0;\n  if (OP == SUM) { total = shared_sum(across(values), lane); }\n  if (OP == MAX) { total = shared_max(greatest(values), lane); }\n  if (OP == MIN) { total = -shared_max(greatest(-values), lane); }\n  if (lane == 0u) { y[item] = total * params.scale; }\n}\n\nfn start() -> f32 { return select(select(3.4028234e38, -3.4028234e38, OP == MAX), 0.0, OP == SUM); }\n\nfn combine(a: T, b: T) -> T {\n  if (OP == MAX) { return max(a, b); }\n  if (OP == MIN) { return min(a, b); }\n  return a + b;\n}\n",
  uses: ['lib/shared_reduce.wgsl', 'lib/row_values.wgsl'],
  lib: "// Reductions over a workgroup through its memory, in a fixed order: every lane gets the same result. Sixteen lanes add up the others, then each lane the sixteen:\n// two barriers instead of one for each halving. Needs in the kernel: `const WG: u32`, a multiple of 16, and uniform control flow.\n\nvar<workgroup> lane_values: array<f32, WG>;\nvar<workgroup> part_values: array<f32, 16>;\n\nfn shared_sum(value: f32, lane: u32) -> f32 {\n  lane_values[lane] = value;\n  workgroupBarrier();\n  if (lane < 16u) {\n    var part = lane_values[lane];\n    for (var i = 1u; i < WG / 16u; i++) { part += lane_values[lane + 16u * i]; }\n    part_values[lane] = part;\n  }\n  workgroupBarrier();\n  var total = part_values[0];\n  for (var i = 1u; i < 16u; i++) { total += part_values[i]; }\n  return total;\n}\n\nfn shared_max(value: f32, lane: u32) -> f32 {\n  lane_values[lane] = value;\n  workgroupBarrier();\n  if (lane < 16u) {\n    var part = lane_values[lane];\n    for (var i = 1u; i < WG / 16u; i++) { part = max(part, lane_values[lane + 16u * i]); }\n    part_values[lane] = part;\n  }\n  workgroupBarrier();\n  var total = part_values[0];\n  for (var i = 1u; i < 16u; i++) { total = max(total, part_values[i]); }\n  return total;\n}\n\n// A row's values as T, one column or four, whichever the kernel is compiled for: `vec4f(v)` takes either.\n\nfn greatest(v: T) -> f32 {\n  let four = vec4f(v);\n  return max(max(four.x, four.y), max(four.z, four.w));\n}\n\n// A quarter of each of four equal numbers where T is one column: exact, and right for infinities too.\nfn across(v: T) -> f32 { return dot(vec4f(v), vec4f(0.25 * f32(WIDTH))); }\n",
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'segments', type: 'u32', offset: 8 },
    { name: 'chunk', type: 'u32', offset: 12 },
    { name: 'scale', type: 'f32', offset: 16 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'T' },
    { binding: 2, name: 'y', type: 'storage', element: 'f32' },
  ],
  tunables: [
    { name: 'T', value: 'f32', allowed: ['f32', 'vec4<f32>'], line: 9 },
    { name: 'WIDTH', value: '1u', allowed: ['1u', '4u'], line: 10 },
    { name: 'WG', value: '64u', allowed: ['32u', '64u', '128u', '256u', '512u'], line: 11 },
    { name: 'OP', value: 'SUM', allowed: ['SUM', 'MAX', 'MIN'], line: 20 },
  ],
  entries: { reduce: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
