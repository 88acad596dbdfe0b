// Generated from kernels/prototype/sort.wgsl by npm run codegen. Do not edit.
export const prototypeSort = {
  name: 'prototype/sort',
  file: 'kernels/prototype/sort.wgsl',
  code: "// prototype/sort: what the hard assignment needs in index order, without atomics.\n//   sort   order[b] = the tokens of batch item b by (index, token); first[b, n] = where centre n begins, first[b,\n//          centres] = tokens\n//   gates  dgates = (Σ ds·cosine, Σ ds): the gradients of α and β\n// Shapes: index, order u32[batch, tokens], first u32[batch, centres + 1], stats float[batch, tokens, 3], dgate\n// float[batch, tokens, 2], dgates float[2].\n// Grid: sort one lane per centre, ceil(rows / WG) workgroups in a line with rows = batch·centres, each visiting its\n// item's tokens twice (tokens are few: 576); gates one workgroup, 64 partial sums added in lane order, rows =\n// batch·tokens.\n// Source: SQ-LLaVA, specification 1.4.2 step 8 and 1.4.4.\n\nstruct Params { rows: u32, tokens: u32, centres: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> index: array<u32>;\n@group(0) @binding(2) var<storage, read_write> order: array<u32>;\n@group(0) @binding(3) var<storage, read_write> first: array<u32>;\n@group(0) @binding(4) var<storage, read> stats: array<f32>;\n@group(0) @binding(5) var<storage, read> dgate: array<f32>;\n@group(0) @binding(6) var<storage, read_write> dgates: array<f32>;\n\nconst WG = 64u;\n\nvar<workgroup> partial: array<vec2f, WG>;\n\n@compute @workgroup_size(WG)\nfn sort(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * WG + lane;\n  if (row >= params.rows) { return; }\n  let batch = row / params.centres;\n  let centre = row - batch * params.centres;\n  let begin = batch * params.tokens;\n  let end = begin + params.tokens;\n  var next = begin;\n  for (var i = begin; i < end; i++) { next += u32(index[i] < centre); }\n  first[row + batch] = next - begin;\n  if (centre + 1u == params.centres) { first[row + batch + 1u] = params.tokens; }\n  for (var i = begin; i < end; i++) {\n    if (index[i] == centre) {\n      order[next] = i - begin;\n      next++;\n    }\n  }\n}\n\n@compute @workgroup_size(WG)\nfn gates(@builtin(local_invocation_index) lane: u32) {\n  var sums = vec2f();\n  for (var row = lane; row < params.rows; row += WG) { sums += dgate[2u * row] * vec2f(stats[3u * row + 1u], 1.0); }\n  partial[lane] = sums;\n  workgroupBarrier();\n  if (lane != 0u) { return; }\n  for (var other = 1u; other < WG; other++) { sums += partial[other]; }\n  dgates[0] = sums.x;\n  dgates[1] = sums.y;\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'tokens', type: 'u32', offset: 4 },
    { name: 'centres', type: 'u32', offset: 8 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'index', type: 'read-only-storage', element: 'u32' },
    { binding: 2, name: 'order', type: 'storage', element: 'u32' },
    { binding: 3, name: 'first', type: 'storage', element: 'u32' },
    { binding: 4, name: 'stats', type: 'read-only-storage', element: 'f32' },
    { binding: 5, name: 'dgate', type: 'read-only-storage', element: 'f32' },
    { binding: 6, name: 'dgates', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    sort: { bindings: ['params', 'index', 'order', 'first'], workgroupSize: ['WG'] },
    gates: { bindings: ['params', 'stats', 'dgate', 'dgates'], workgroupSize: ['WG'] },
  },
  subgroups: false,
  f16: false,
} as const;
