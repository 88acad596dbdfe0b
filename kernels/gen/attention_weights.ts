// Generated from kernels/attention/weights.wgsl by npm run codegen. Do not edit.
export const attentionWeights = {
  name: 'attention/weights',
  file: 'kernels/attention/weights.wgsl',
  code: "// attention/weights: the step between the products of attention's backward: turns scores and dy·vᵀ into p and ds, both\n// in place.\n//   s = q·kᵀ → p = exp(scale · s - lse),   ds = dy·vᵀ → p · (ds - Σ dy · y) · scale;   0 where a query does not see a\n//     key\n// Shapes: s, ds float[rows, keys], keys a multiple of 4; stats float[B·H·T, 4] as attention/naive's prepare writes it,\n// the rows' from `first` on.\n// Grid: ceil(rows / (WG / 8)) workgroups in a line, eight adjacent lanes a row. Traffic: 16 bytes per element.\n// uses: lib/turns.wgsl\n\nstruct Params { rows: u32, vec4s: u32, first: u32, scale: f32 }\n\n@group(0) @binding(0) var<uniform> params: Params;\n@group(0) @binding(1) var<storage, read> stats_saved: array<vec4<f32>>;\n@group(0) @binding(2) var<storage, read_write> s: array<vec4<f32>>;\n@group(0) @binding(3) var<storage, read_write> ds: array<vec4<f32>>;\n\nconst WG = 64u;\n\n@compute @workgroup_size(WG)\nfn weights(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) count: vec3u,\n  @builtin(local_invocation_index) lane: u32) {\n  let row = (wg.y * count.x + wg.x) * (WG / 8u) + lane / 8u;\n  if (row >= params.rows) { return; }\n  let stats = stats_saved[params.first + row];\n  var i = lane % 8u;\n  for (var left = turns(i, params.vec4s, 8u); left > 0u; left--) {\n    let at = row * params.vec4s + i;\n    let there = vec4f(4.0 * f32(i)) + vec4f(0.0, 1.0, 2.0, 3.0) < vec4f(stats.z);\n    let p = select(vec4f(), exp(s[at] * params.scale - stats.x), there);\n    s[at] = p;\n    ds[at] = p * (ds[at] - stats.y) * params.scale;\n    i += 8u;\n  }\n}\n",
  uses: ['lib/turns.wgsl'],
  lib: "// The number of iterations of a loop from `first` in steps of `step`, below `end`. Tint can prove that a loop ends if\n// it counts down to 0; every other gets a 64-bit counter, three to five instructions per iteration on a GPU.\n// Use: `var i = first; for (var left = turns(i, end, STEP); left > 0u; left--) { …; i += STEP; }`\n\nfn turns(first: u32, end: u32, step: u32) -> u32 { return (max(end, first) - first + step - 1u) / step; }\n",
  params: [
    { name: 'rows', type: 'u32', offset: 0 },
    { name: 'vec4s', type: 'u32', offset: 4 },
    { name: 'first', type: 'u32', offset: 8 },
    { name: 'scale', type: 'f32', offset: 12 },
  ],
  bindings: [
    { binding: 0, name: 'params', type: 'uniform', element: 'Params' },
    { binding: 1, name: 'stats_saved', type: 'read-only-storage', element: 'vec4<f32>' },
    { binding: 2, name: 's', type: 'storage', element: 'vec4<f32>' },
    { binding: 3, name: 'ds', type: 'storage', element: 'vec4<f32>' },
  ],
  tunables: [],
  entries: { weights: { bindings: ['params', 'stats_saved', 's', 'ds'], workgroupSize: ['WG'] } },
  subgroups: false,
  f16: false,
} as const;
