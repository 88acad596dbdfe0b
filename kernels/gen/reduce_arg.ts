// Generated from kernels/reduce/arg.wgsl by npm run codegen. Do not edit.
export const reduceArg = {
  name: 'reduce/arg',
  file: 'kernels/reduce/arg.wgsl',
  code: "// reduce/arg: where along a middle axis the greatest or least element stands; the lowest index among equals.\n//   y[o, c] = min argmax_k x[o, k, c]\n// Shapes: x float[outer, rows, cols], y i32[outer, cols], dense. Grid: one lane a column, ceil(outer · cols / WG) workgroups in a line.\n// Traffic: 4 bytes an element.\n\nstruct Params { outer: u32, rows: u32, cols: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<u32>;\n\nconst MAX = 1u;\nconst MIN = 2u;\nconst OP = MAX; // tune: MAX MIN\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn arg(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.cols) { return; }\n  let o = item / params.cols;\n  var i = o * params.rows * params.cols + (item - o * params.cols);\n  var best = x[i];\n  var found = 0u;\n  for (var k = 1u; k < params.rows; k++) {\n    i += params.cols;\n    let value = x[i];\n    if ((OP == MAX && value > best) || (OP == MIN && value < best)) {\n      best = value;\n      found = k;\n    }\n  }\n  y[item] = found;\n}\n",
  uses: [],
  lib: '',
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
  tunables: [{ name: 'OP', value: 'MAX', allowed: ['MAX', 'MIN'], line: 14 }],
  entries: { arg: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
