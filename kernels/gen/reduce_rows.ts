// Generated from kernels/reduce/rows.wgsl by npm run codegen. Do not edit.
export const reduceRows = {
  name: 'reduce/rows',
  file: 'kernels/reduce/rows.wgsl',
  code: "// reduce/rows: sum, greatest or least over the last axis, one lane a segment of a row.\n//   y[row, s] = scale · OP x[row, s·chunk … min((s + 1)·chunk, cols))\n// Shapes: x float[rows, cols], y float[rows, segments], dense. With segments > 1 a second dispatch reduces y: a fixed order, no atomics.\n// Grid: ceil(rows · segments / WG) workgroups in a line. Accumulates in f32. Traffic: 4 bytes an element.\n\nstruct Params { rows: u32, cols: u32, segments: u32, chunk: u32, scale: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n@group(0) @binding(2) var<storage, read_write> y: array<f32>;\n\nconst SUM = 0u;\nconst MAX = 1u;\nconst MIN = 2u;\nconst OP = SUM; // tune: SUM MAX MIN\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn reduce(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let item = (wg.y * count.x + wg.x) * WG + lane;\n  if (item >= params.rows * params.segments) { return; }\n  let row = item / params.segments;\n  let first = (item - row * params.segments) * params.chunk;\n  let end = row * params.cols + min(first + params.chunk, params.cols);\n  var total = start();\n  for (var i = row * params.cols + first; i < end; i++) { total = combine(total, x[i]); }\n  y[item] = total * params.scale;\n}\n\nfn start() -> f32 { return select(select(3.4028234e38, -3.4028234e38, OP == MAX), 0.0, OP == SUM); }\n\nfn combine(a: f32, b: f32) -> f32 {\n  if (OP == MAX) { return max(a, b); }\n  if (OP == MIN) { return min(a, b); }\n  return a + b;\n}\n",
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
    { binding: 1, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 2, name: 'y', type: 'storage', element: 'f32' },
  ],
  tunables: [{ name: 'OP', value: 'SUM', allowed: ['SUM', 'MAX', 'MIN'], line: 15 }],
  entries: { reduce: { bindings: ['params', 'x', 'y'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
