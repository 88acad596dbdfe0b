// Generated from kernels/prototype/members_naive.wgsl by npm run codegen. Do not edit.
export const prototypeMembersNaive = {
  name: 'prototype/members_naive',
  file: 'kernels/prototype/members_naive.wgsl',
  code: "// prototype/members_naive: sums over the tokens of one centre, one lane an element, which looks at every token. Same contract, formulas and\n// shapes as prototype/members, with index u32[batch, tokens] in the place of its lists.\n// Grid: ceil(rows · cols / WG) workgroups in a line. Accumulates in f32.\n\nstruct Params { rows: u32, cols: u32, tokens: u32, centres: u32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> index: array<u32>;\n@group(0) @binding(2) var<storage, read> stats: array<f32>;\n@group(0) @binding(3) var<storage, read> f: array<f32>;\n@group(0) @binding(4) var<storage, read_write> group: array<f32>;\n@group(0) @binding(5) var<storage, read> dy: array<f32>;\n@group(0) @binding(6) var<storage, read_write> dgroup: array<f32>;\n@group(0) @binding(7) var<storage, read> x: array<f32>;\n@group(0) @binding(8) var<storage, read> dgate: array<f32>;\n@group(0) @binding(9) var<storage, read> centre_unit: array<f32>;\n@group(0) @binding(10) var<storage, read> inverse: array<f32>;\n@group(0) @binding(11) var<storage, read_write> dcentre: array<f32>;\n\nconst WG = 64u;\n\nstruct Element { inside: bool, i: u32, row: u32, col: u32, centre: u32, begin: u32, end: u32 }\n\nfn element(i: u32) -> Element {\n  let row = i / params.cols;\n  let batch = row / params.centres;\n  return Element(row < params.rows, i, row, i % params.cols, row % params.centres, batch * params.tokens, (batch + 1u) * params.tokens);\n}\n\n@compute @workgroup_size(WG)\nfn gather_features(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let at = element((wg.y * count.x + wg.x) * WG + lane);\n  if (!at.inside) { return; }\n  var members = 0.0;\n  var sum = 0.0;\n  var in_bin = 0.0;\n  var pooled = 0.0;\n  for (var token = at.begin; token < at.end; token++) {\n    let value = f[token * params.cols + at.col];\n    if (index[token] == at.centre) {\n      members += 1.0;\n      sum += stats[3u * token] * value;\n    }\n    let l = token - at.begin;\n    if (l >= at.centre * params.tokens / params.centres && l * params.centres < (at.centre + 1u) * params.tokens) {\n      in_bin += 1.0;\n      pooled += value;\n    }\n  }\n  group[at.i] = (sum + pooled / in_bin) / (members + 1.0);\n}\n\n@compute @workgroup_size(WG)\nfn gather_gradient(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let at = element((wg.y * count.x + wg.x) * WG + lane);\n  if (!at.inside) { return; }\n  var members = 0.0;\n  var sum = 0.0;\n  for (var token = at.begin; token < at.end; token++) {\n    if (index[token] == at.centre) {\n      members += 1.0;\n      sum += stats[3u * token] * dy[token * params.cols + at.col];\n    }\n  }\n  dgroup[at.i] = sum / (members + 1.0);\n}\n\n@compute @workgroup_size(WG)\nfn gather_cosine(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let at = element((wg.y * count.x + wg.x) * WG + lane);\n  if (!at.inside) { return; }\n  let scale = inverse[at.row];\n  let unit = select(centre_unit[at.i], 0.0, scale >= 1e12);\n  var sum = 0.0;\n  for (var token = at.begin; token < at.end; token++) {\n    if (index[token] == at.centre) {\n      sum += dgate[2u * token + 1u] * (stats[3u * token + 2u] * x[token * params.cols + at.col] - stats[3u * token + 1u] * unit);\n    }\n  }\n  dcentre[at.i] = scale * sum;\n}\n",
  uses: [],
  lib: '',
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'tokens', type: 'u32', offset: 8 },
    { name: 'centres', type: 'u32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'index', type: 'read-only-storage', element: 'u32' },
    { binding: 2, name: 'stats', type: 'read-only-storage', element: 'f32' },
    { binding: 3, name: 'f', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'group', type: 'storage', element: 'f32' },
    { binding: 5, name: 'dy', type: 'read-only-storage', element: 'f32' },
    { binding: 6, name: 'dgroup', type: 'storage', element: 'f32' },
    { binding: 7, name: 'x', type: 'read-only-storage', element: 'f32' },
    { binding: 8, name: 'dgate', type: 'read-only-storage', element: 'f32' },
    { binding: 9, name: 'centre_unit', type: 'read-only-storage', element: 'f32' },
    { binding: 10, name: 'inverse', type: 'read-only-storage', element: 'f32' },
    { binding: 11, name: 'dcentre', type: 'storage', element: 'f32' },
  ],
  tunables: [],
  entries: {
    gather_features: { bindings: ['params', 'index', 'stats', 'f', 'group'], workgroupSize: ['WG'] },
    gather_gradient: { bindings: ['params', 'index', 'stats', 'dy', 'dgroup'], workgroupSize: ['WG'] },
    gather_cosine: {
      bindings: ['params', 'index', 'stats', 'x', 'dgate', 'centre_unit', 'inverse', 'dcentre'],
      workgroupSize: ['WG'],
    },
  },
  subgroups: false,
  f16: false,
} as const;
