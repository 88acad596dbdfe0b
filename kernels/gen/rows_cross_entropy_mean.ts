// Generated from kernels/rows/cross_entropy_mean.wgsl by npm run codegen. Do not edit.
export const rowsCrossEntropyMean = {
  name: 'rows/cross_entropy_mean',
  file: 'kernels/rows/cross_entropy_mean.wgsl',
  code: "// rows/cross_entropy_mean: the weighted mean of the rows' losses, or their sum, in a fixed order.\n//   forward   loss = Σ row_loss / Σ w,   totals = loss, 1 / Σ w;   0 and 0 when Σ w is 0 (every row ignored)\n//             summed = 1: loss = Σ row_loss,   totals = loss, 1\n// Shapes: terms float[rows, 2] = row_loss, w; loss float[1]; totals float[2]. Grid: one workgroup; lane l sums rows l,\n// l + WG, … in blocks, then eight lanes and lane 0 the lanes. Accumulates in f32. Traffic: 8 bytes per row.\n// uses: lib/block_sum.wgsl\n\nstruct Params { rows: u32, summed: u32 }\n\nalias T = vec2<f32>;\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> terms: array<vec2<f32>>;\n@group(0) @binding(2) var<storage, read_write> loss: array<f32>;\n@group(0) @binding(3) var<storage, read_write> totals: array<f32>;\n\nconst WG = 64u;\nvar<workgroup> sums: array<vec2<f32>, WG>;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(local_invocation_index) lane: u32) {\n  var blocks = Blocks();\n  for (var row = lane; row < params.rows;) {\n    let stop = min(row + BLOCK * WG, params.rows);\n    var part = vec2f();\n    // Four loads in flight, added in their order.\n    for (; row + 3u * WG < stop; row += 4u * WG) {\n      let a = terms[row];\n      let b = terms[row + WG];\n      let c = terms[row + 2u * WG];\n      let d = terms[row + 3u * WG];\n      part = part + a + b + c + d;\n    }\n    for (; row < stop; row += WG) { part += terms[row]; }\n    blocks = add_block(blocks, part);\n  }\n  sums[lane] = sum_of(blocks);\n  workgroupBarrier();\n  var sum = vec2f();\n  if (lane < 8u) {\n    for (var i = lane; i < WG; i += 8u) { sum += sums[i]; }\n  }\n  workgroupBarrier();\n  if (lane < 8u) { sums[lane] = sum; }\n  workgroupBarrier();\n  if (lane > 0u) { return; }\n  for (var i = 1u; i < 8u; i++) { sum += sums[i]; }\n  let weight = select(select(1.0 / sum.y, 0.0, sum.y == 0.0), 1.0, params.summed == 1u);\n  loss[0] = sum.x * weight;\n  totals[0] = sum.x * weight;\n  totals[1] = weight;\n}\n",
  uses: ['lib/block_sum.wgsl'],
  lib: "// A long sum as a sum of sums: the kernel adds up BLOCK terms; this file adds 32 blocks, 32 of those sums, and the\n// rest. In a single chain the error grows with the number of terms, to a percent at a million; here with its logarithm.\n// Needs in the kernel: alias T of floats.\n\nconst BLOCK = 32u;\n\nstruct Blocks { count: u32, low: T, middle: T, high: T }\n\nfn add_block(sums: Blocks, part: T) -> Blocks {\n  var s = sums;\n  s.count++;\n  s.low += part;\n  if (s.count % 32u == 0u) {\n    s.middle += s.low;\n    s.low = T();\n  }\n  if (s.count % 1024u == 0u) {\n    s.high += s.middle;\n    s.middle = T();\n  }\n  return s;\n}\n\nfn sum_of(s: Blocks) -> T { return s.high + (s.middle + s.low); }\n",
  params: [{ name: 'rows', type: 'u32', offset: 0 }, { name: 'summed', type: 'u32', offset: 4 }],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'terms', type: 'read-only-storage', element: 'vec2<f32>' },
    { binding: 2, name: 'loss', type: 'storage', element: 'f32' },
    { binding: 3, name: 'totals', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: { forward: { bindings: ['params', 'terms', 'loss', 'totals'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
