// Generated from kernels/reduce/columns.wgsl by npm run codegen. Do not edit.
export const reduceColumns = {
  name: 'reduce/columns',
  file: 'kernels/reduce/columns.wgsl',
  code: "// reduce/columns: sum, greatest or least over a middle axis, one lane a column of a segment.\n//   y[o, s, c] = scale · OP x[o, s·chunk … min((s + 1)·chunk, rows), c]\n// Shapes: x float[outer, rows, cols], y float[outer, segments, cols], dense. With segments > 1 a second dispatch reduces y.\n// T is vec4<f32> where cols (then counted in fours) is a multiple of 4. Grid: ceil(outer · segments · cols / WG) workgroups in a line.\n// Accumulates in f32. Traffic: 4 bytes an element. Its use: gradients of biases.\n\nstruct Params { outer: u32, rows: u32, cols: u32, segments: u32, chunk: u32, scale: f32 }\n\nalias T = f32; // tune: f32 vec4<f32>\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<T>;\n@group(0) @binding(2) var<storage, read_write> y: array<T>;\n\nconst SUM = 0u;\nconst MAX = 1u;\nconst MIN = 2u;\nconst OP = SUM; // tune: SUM MAX MIN\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.outer * params.segments * params.cols) { return; }\n  let part = item / params.cols;\n  let o = part / params.segments;\n  let first = (part - o * params.segments) * params.chunk;\n  let last = min(first + params.chunk, params.rows);\n  let col = item - part * params.cols;\n  // Four rows at a time, each into a value of its own, so that their loads are in flight together.\n  var part0 = T(start());\n  var part1 = part0;\n  var part2 = part0;\n  var part3 = part0;\n  var i = (o * params.rows + first) * params.cols + col;\n  var row = first;\n  for (; row + 3u < last; row += 4u) {\n    part0 = combine(part0, x[i]);\n    part1 = combine(part1, x[i + params.cols]);\n    part2 = combine(part2, x[i + 2u * params.cols]);\n    part3 = combine(part3, x[i + 3u * params.cols]);\n    i += 4u * params.cols;\n  }\n  for (; row < last; row++) {\n    part0 = combine(part0, x[i]);\n    i += params.cols;\n  }\n  y[item] = combine(combine(part0, part1), combine(part2, part3)) * params.scale;\n}\n\nfn start() -> f32 { return select(select(3.4028234e38, -3.4028234e38, OP == MAX), 0.0, OP == SUM); }\n\nfn combine(a: T, b: T) -> T {\n  if (OP == MAX) { return max(a, b); }\n  if (OP == MIN) { return min(a, b); }\n  return a + b;\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'outer', type: 'u32', offset: 0 },
    { name: 'rows', type: 'u32', offset: 4 },
    { name: 'cols', type: 'u32', offset: 8 },
    { name: 'segments', type: 'u32', offset: 12 },
    { name: 'chunk', type: 'u32', offset: 16 },
    { name: 'scale', type: 'f32', offset: 20 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'T' },
    { binding: 2, name: 'y', type: 'storage', element: 'T' },
  ],
  tunables: [
    { name: 'T', value: 'f32', allowed: ['f32', 'vec4<f32>'], line: 9 },
    { name: 'OP', value: 'SUM', allowed: ['SUM', 'MAX', 'MIN'], line: 18 },
  ],
  entries: { reduce: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
