// Generated from kernels/prototype/members.wgsl by npm run codegen. Do not edit.
export const prototypeMembers = {
  name: 'prototype/members',
  file: 'kernels/prototype/members.wgsl',
  code: "// prototype/members: sums over the tokens of one centre, one workgroup a centre, lanes along the channels; tokens in ascending order,\n// taken from the lists of prototype/sort, so no [centres, tokens, cols] product exists.\n//   gather_features  group[n]   = (Σ_{l→n} gate[l]·f[l] + mean of f over bin n) / (members + 1)\n//   gather_gradient  dgroup[n]  = Σ_{l→n} gate[l]·dy[l] / (members + 1)\n//   gather_cosine    dcentre[n] = inverse[n] · Σ_{l→n} α·ds[l]·(x[l]/‖x[l]‖ - cosine[l]·centre_unit[n])\n// Shapes: of tokens float[batch, tokens, cols], order u32[batch, tokens], stats float[batch, tokens, 3] = (gate, cosine, 1/‖x‖),\n// dgate float[batch, tokens, 2] = (ds, α·ds); of centres float[batch, centres, cols], first u32[batch, centres + 1], inverse float[batch, centres].\n// All dense. T is vec4<f32> where cols (then counted in fours) is a multiple of 4. Grid: batch·centres in a line over x and y, ceil(cols / (WG · STEPS)) in z.\n// Accumulates in f32. Traffic: each token row once. Source: SQ-LLaVA, specification 1.4.2 step 9 and 1.4.4.\n// uses: lib/run.wgsl\n\nstruct Params { rows: u32, cols: u32, tokens: u32, centres: u32 }\n\nalias T = f32; // tune: f32 vec4<f32>\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> order: array<u32>;\n@group(0) @binding(2) var<storage, read> first: array<u32>;\n@group(0) @binding(3) var<storage, read> stats: array<f32>;\n@group(0) @binding(4) var<storage, read> f: array<T>;\n@group(0) @binding(5) var<storage, read_write> group: array<T>;\n@group(0) @binding(6) var<storage, read> dy: array<T>;\n@group(0) @binding(7) var<storage, read_write> dgroup: array<T>;\n@group(0) @binding(8) var<storage, read> x: array<T>;\n@group(0) @binding(9) var<storage, read> dgate: array<f32>;\n@group(0) @binding(10) var<storage, read> centre_unit: array<T>;\n@group(0) @binding(11) var<storage, read> inverse: array<f32>;\n@group(0) @binding(12) var<storage, read_write> dcentre: array<T>;\n\nconst WG = 64u;\nconst STEPS = 4u; // tune: 1u 4u\n\n// The part of `order` that holds a centre's tokens.\nstruct Members { begin: u32, end: u32, base: u32 }\n\nfn members_of(row: u32) -> Members {\n  let batch = row / params.centres;\n  let base = batch * params.tokens;\n  return Members(base + first[row + batch], base + first[row + batch + 1u], base);\n}\n\n@compute @workgroup_size(WG)\nfn gather_features(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = wg.y * count.x + wg.x;\n  if (row >= params.rows) { return; }\n  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);\n  let end_col = run_end(begin, params.cols);\n  let members = members_of(row);\n  let centre = row % params.centres;\n  let start = centre * params.tokens / params.centres;\n  let end = ((centre + 1u) * params.tokens + params.centres - 1u) / params.centres;\n  for (var col = begin; col < end_col; col += 8u) {\n    var pooled = T();\n    for (var token = start; token < end; token++) { pooled += f[(members.base + token) * params.cols + col]; }\n    var sum = pooled / f32(end - start);\n    for (var i = members.begin; i < members.end; i++) {\n      let token = members.base + order[i];\n      sum += stats[3u * token] * f[token * params.cols + col];\n    }\n    group[row * params.cols + col] = sum / f32(members.end - members.begin + 1u);\n  }\n}\n\n@compute @workgroup_size(WG)\nfn gather_gradient(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = wg.y * count.x + wg.x;\n  if (row >= params.rows) { return; }\n  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);\n  let end_col = run_end(begin, params.cols);\n  let members = members_of(row);\n  for (var col = begin; col < end_col; col += 8u) {\n    var sum = T();\n    for (var i = members.begin; i < members.end; i++) {\n      let token = members.base + order[i];\n      sum += stats[3u * token] * dy[token * params.cols + col];\n    }\n    dgroup[row * params.cols + col] = sum / f32(members.end - members.begin + 1u);\n  }\n}\n\n@compute @workgroup_size(WG)\nfn gather_cosine(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u, @builtin(local_invocation_index) lane: u32) {\n  let row = wg.y * count.x + wg.x;\n  if (row >= params.rows) { return; }\n  let begin = run_begin(vec3u(wg.z, 0u, 0u), count, lane);\n  let end_col = run_end(begin, params.cols);\n  let members = members_of(row);\n  let scale = inverse[row];\n  for (var col = begin; col < end_col; col += 8u) {\n    var sum = T();\n    var along = 0.0;\n    for (var i = members.begin; i < members.end; i++) {\n      let token = members.base + order[i];\n      let dcosine = dgate[2u * token + 1u];\n      sum += dcosine * stats[3u * token + 2u] * x[token * params.cols + col];\n      along += dcosine * stats[3u * token + 1u];\n    }\n    along = select(along, 0.0, scale >= 1e12);\n    dcentre[row * params.cols + col] = scale * (sum - along * centre_unit[row * params.cols + col]);\n  }\n}\n",
  uses: ['lib/run.wgsl'],
  lib: "// A lane's share of a line of items: eight neighbouring lanes walk a run of 8 · STEPS items together, so that each subgroup of a software adapter, which\n// runs its whole loop before the next one starts, reads contiguous memory, and fewer workgroups have to be started: twice as fast there. On a GPU STEPS is 1.\n// Needs in the kernel: `const WG: u32` and `const STEPS: u32`. Use: `for (var i = run_begin(…); i < run_end(i, size); i += 8u)`.\n\nfn run_begin(wg: vec3u, count: vec3u, lane: u32) -> u32 {\n  return ((wg.y * count.x + wg.x) * WG + lane / 8u * 8u) * STEPS + lane % 8u;\n}\n\nfn run_end(begin: u32, size: u32) -> u32 { return min(begin / (8u * STEPS) * (8u * STEPS) + 8u * STEPS, size); }\n",
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'cols', type: 'u32', offset: 4 },
    { name: 'tokens', type: 'u32', offset: 8 },
    { name: 'centres', type: 'u32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'order', type: 'read-only-storage', element: 'u32' },
    { binding: 2, name: 'first', type: 'read-only-storage', element: 'u32' },
    { binding: 3, name: 'stats', type: 'read-only-storage', element: 'f32' },
    { binding: 4, name: 'f', type: 'read-only-storage', element: 'T' },
    { binding: 5, name: 'group', type: 'storage', element: 'T' },
    { binding: 6, name: 'dy', type: 'read-only-storage', element: 'T' },
    { binding: 7, name: 'dgroup', type: 'storage', element: 'T' },
    { binding: 8, name: 'x', type: 'read-only-storage', element: 'T' },
    { binding: 9, name: 'dgate', type: 'read-only-storage', element: 'f32' },
    { binding: 10, name: 'centre_unit', type: 'read-only-storage', element: 'T' },
    { binding: 11, name: 'inverse', type: 'read-only-storage', element: 'f32' },
    { binding: 12, name: 'dcentre', type: 'storage', element: 'T' },
  ],
  tunables: [
    { name: 'T', value: 'f32', allowed: ['f32', 'vec4<f32>'], line: 14 },
    { name: 'STEPS', value: '4u', allowed: ['1u', '4u'], line: 31 },
  ],
  entries: {
    gather_features: { bindings: ['params', 'order', 'first', 'stats', 'f', 'group'], workgroupSize: ['WG'] },
    gather_gradient: { bindings: ['params', 'order', 'first', 'stats', 'dy', 'dgroup'], workgroupSize: ['WG'] },
    gather_cosine: {
      bindings: ['params', 'order', 'first', 'stats', 'x', 'dgate', 'centre_unit', 'inverse', 'dcentre'],
      workgroupSize: ['WG'],
    },
  },
  subgroups: false,
  f16: false,
} as const;
