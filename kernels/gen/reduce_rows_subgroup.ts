// Generated from kernels/reduce/rows_subgroup.wgsl by npm run codegen. Do not edit.
export const reduceRowsSubgroup = {
  name: 'reduce/rows_subgroup',
  file: 'kernels/reduce/rows_subgroup.wgsl',
  code: "enable subgroups;\n// reduce/rows_subgroup: one subgroup a segment of a row, lanes along the columns in fours; no barrier. Same contract as reduce/rows,\n// for cols and chunk that are multiples of 4.\n//   y[row, s] = scale · OP x[row, s·chunk … min((s + 1)·chunk, cols))\n// Shapes: x float[rows, cols], y float[rows, segments], dense. Grid: ceil(rows · segments / (WG / SG)) workgroups in a line.\n// Accumulates in f32. Traffic: 4 bytes an element.\n\nstruct Params { rows: u32, cols: u32, segments: u32, chunk: u32, scale: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n\nconst SUM = 0u;\nconst MAX = 1u;\nconst MIN = 2u;\nconst OP = SUM; // tune: SUM MAX MIN\nconst SG = 8u; // tune: 4u 8u 16u 32u 64u\nconst WG = 64u;\n\n// An item past the end is computed again as the last one and not stored, so that control flow stays uniform in a subgroup.\n@compute @workgroup_size(WG)\nfn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) index: u32) {\n  let item = (wg.y * count.x + wg.x) * (WG / SG) + index / SG;\n  let items = params.rows * params.segments;\n  let row = min(item, items - 1u) / params.segments;\n  let first = (min(item, items - 1u) - row * params.segments) * params.chunk;\n  let end = (row * params.cols + min(first + params.chunk, params.cols)) / 4u;\n  var sums = vec4(start());\n  for (var i = (row * params.cols + first) / 4u + index % SG; i < end; i += SG) { sums = combine(sums, x[i]); }\n  let pair = combine(vec4(sums.xy, 0.0, 0.0), vec4(sums.zw, 0.0, 0.0));\n  var total = combine(vec4(pair.x), vec4(pair.y));\n  if (SG >= 64u) { total = combine(total, subgroupShuffleXor(total, 32u)); }\n  if (SG >= 32u) { total = combine(total, subgroupShuffleXor(total, 16u)); }\n  if (SG >= 16u) { total = combine(total, subgroupShuffleXor(total, 8u)); }\n  if (SG >= 8u) { total = combine(total, subgroupShuffleXor(total, 4u)); }\n  total = combine(total, subgroupShuffleXor(total, 2u));\n  total = combine(total, subgroupShuffleXor(total, 1u));\n  if (item < items && index % SG == 0u) { y[item] = total.x * params.scale; }\n}\n\nfn start() -> f32 { return select(select(3.4028234e38, -3.4028234e38, OP == MAX), 0.0, OP == SUM); }\n\nfn combine(a: vec4f, b: vec4f) -> vec4f {\n  if (OP == MAX) { return max(a, b); }\n  if (OP == MIN) { return min(a, b); }\n  return a + b;\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'segments', type: 'u32', offset: 8 },
    { name: 'chunk', type: 'u32', offset: 12 },
    { name: 'scale', type: 'f32', offset: 16 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 2, name: 'y', type: 'storage', element: 'f32' },
  ],
  tunables: [
    { name: 'OP', value: 'SUM', allowed: ['SUM', 'MAX', 'MIN'], line: 17 },
    { name: 'SG', value: '8u', allowed: ['4u', '8u', '16u', '32u', '64u'], line: 18 },
  ],
  entries: { reduce: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: true,
  f16: false,
} as const;
