// Generated from kernels/reduce/spread.wgsl by npm run codegen. Do not edit.
export const reduceSpread = {
  name: 'reduce/spread',
  file: 'kernels/reduce/spread.wgsl',
  code: "// reduce/spread: the gradients of reductions over a middle axis.\n//   spread  dx[o, k, c] = scale · dy[o, c]                        of sum and mean\n//   pick    dx[o, k, c] = (k = chosen[o, c]) ? dy[o, c] : 0       of max and min\n// Shapes: dx float[outer, rows, cols], dy float[outer, cols], chosen u32[outer, cols], dense. T and I are vec4s where\n// cols is a multiple of 4.\n// Grid: each lane computes SPAN rows of a column, ceil(outer · parts · cols / WG) workgroups in a line. Traffic: 4\n// bytes per element.\n// uses: lib/turns.wgsl\n\nstruct Params { outer: u32, rows: u32, cols: u32, parts: u32, scale: f32 }\n\nalias T = f32; // tune: f32 vec4<f32>\nalias I = u32; // tune: u32 vec4<u32>\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> dy: array<T>;\n@group(0) @binding(2) var<storage, read> chosen: array<I>;\n@group(0) @binding(3) var<storage, read_write> dx: array<T>;\n\nconst WG = 64u;\nconst SPAN = 8u;\n\nstruct Place { is_inside: bool, source: u32, first: u32, last: u32, start: u32 }\n\nfn place(item: u32) -> Place {\n  let upper = item / params.cols;\n  let col = item - upper * params.cols;\n  let o = upper / params.parts;\n  let first = (upper - o * params.parts) * SPAN;\n  return Place(item < params.outer * params.parts * params.cols, o * params.cols + col, first,\n    min(first + SPAN, params.rows), o * params.rows * params.cols + col);\n}\n\n@compute @workgroup_size(WG)\nfn spread(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let p = place((wg.y * count.x + wg.x) * WG + lane);\n  if (!p.is_inside) { return; }\n  let value = dy[p.source] * params.scale;\n  var k = p.first;\n  for (var left = turns(k, p.last, 1u); left > 0u; left--) {\n    dx[p.start + k * params.cols] = value;\n    k++;\n  }\n}\n\n@compute @workgroup_size(WG)\nfn pick(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let p = place((wg.y * count.x + wg.x) * WG + lane);\n  if (!p.is_inside) { return; }\n  let value = dy[p.source];\n  let winner = chosen[p.source];\n  var k = p.first;\n  for (var left = turns(k, p.last, 1u); left > 0u; left--) {\n    dx[p.start + k * params.cols] = select(T(), value, winner == I(k));\n    k++;\n  }\n}\n",
  uses: ['lib/turns.wgsl'],
  lib: "// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'outer', type: 'u32', offset: 0 },
    { name: 'rows', type: 'u32', offset: 4 },
    { name: 'cols', type: 'u32', offset: 8 },
    { name: 'parts', type: 'u32', offset: 12 },
    { name: 'scale', type: 'f32', offset: 16 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'dy', type: 'read-only-storage', element: 'T' },
    { binding: 2, name: 'chosen', type: 'read-only-storage', element: 'I' },
    { binding: 3, name: 'dx', type: 'storage', element: 'T' },
  ],
  tunables: [
    { name: 'T', value: 'f32', allowed: ['f32', 'vec4<f32>'], line: 12 },
    { name: 'I', value: 'u32', allowed: ['u32', 'vec4<u32>'], line: 13 },
  ],
  entries: {
    spread: { bindings: ['params', 'dy', 'dx'], workgroupSize: ['WG'] },
    pick: { bindings: ['params', 'dy', 'chosen', 'dx'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
