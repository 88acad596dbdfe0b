// Generated from kernels/cross_entropy/mean.wgsl by npm run codegen. Do not edit.
export const crossEntropyMean = {
  name: 'cross_entropy/mean',
  file: 'kernels/cross_entropy/mean.wgsl',
  code: "// cross_entropy/mean: the weighted mean of the rows' losses, in a fixed order.\n//   forward   loss = Σ row_loss / Σ w,   totals = loss, 1 / Σ w;   0 and 0 when Σ w is 0 (every row ignored)\n// Shapes: terms float[rows, 2] = row_loss, w; loss float[1]; totals float[2]. Grid: one workgroup; lane l sums rows l, l + WG, …, then lane 0\n// sums the lanes. Accumulates in f32. Traffic: 8 bytes a row.\n\nstruct Params { rows: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> terms: array<vec2<f32>>;\n@group(0) @binding(2) var<storage, read_write> loss: array<f32>;\n@group(0) @binding(3) var<storage, read_write> totals: array<f32>;\n\nconst WG = 64u;\nvar<workgroup> sums: array<vec2<f32>, WG>;\n\n@compute @workgroup_size(WG)\nfn forward(@builtin(local_invocation_index) lane: u32) {\n  var sum = vec2f();\n  for (var row = lane; row < params.rows; row += WG) { sum += terms[row]; }\n  sums[lane] = sum;\n  workgroupBarrier();\n  if (lane > 0u) { return; }\n  for (var i = 1u; i < WG; i++) { sum += sums[i]; }\n  let weight = select(0.0, 1.0 / sum.y, sum.y != 0.0);\n  loss[0] = sum.x * weight;\n  totals[0] = sum.x * weight;\n  totals[1] = weight;\n}\n",
  uses: [],
  lib: '',
  params: [{ name: 'rows', type: 'u32', offset: 0 }],
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
